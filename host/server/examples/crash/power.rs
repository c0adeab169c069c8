//! The power goes: what was flushed is there, and of what was not, anything may be, down to half of a page.
//!
//! No machine is switched off for that. A host is traced while it works (`trace`), and its disk is made anew as it may
//! have looked at any moment; SQLite must open it, find nothing wrong, and have everything that senders were told is kept.

use crate::trace::{self, Part, Step};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

/// What a disk writes at once, or not at all.
const SECTOR: usize = 512;

/// The files of a store: what is certain, and what may be there.
#[derive(Default)]
struct Disk {
    parts: HashMap<Part, Half>,
}

#[derive(Default)]
struct Half {
    flushed: Vec<u8>,
    pending: Vec<Change>,
    /// How many changes were ever flushed.
    done: usize,
    /// Flushes that are under way: their number, and how many of all changes each covers.
    flushing: Vec<(usize, usize)>,
}

enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>, mut sector_is_kept: impl FnMut() -> bool) {
        match self {
            Self::Truncate(length) => file.resize(*length, 0),
            Self::Write(at, bytes) => {
                for (nth, sector) in bytes.chunks(SECTOR).enumerate().filter(|_| sector_is_kept()) {
                    let (from, to) = (at + nth * SECTOR, at + nth * SECTOR + sector.len());
                    file.resize(file.len().max(to), 0);
                    file[from..to].copy_from_slice(sector);
                }
            }
        }
    }
}

impl Disk {
    /// As it is before the host starts.
    fn now(folder: &Path) -> Self {
        let part = |part: Part| {
            let flushed = std::fs::read(folder.join(part.file())).unwrap_or_default();
            (part, Half { flushed, ..Half::default() })
        };
        Self { parts: Part::ALL.into_iter().map(part).collect() }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Write { part, at, bytes } => self.part(*part).pending.push(Change::Write(*at, bytes.clone())),
            Step::Truncate { part, length } => self.part(*part).pending.push(Change::Truncate(*length)),
            Step::FlushBegins { part, number } => {
                let half = self.part(*part);
                half.flushing.push((*number, half.done + half.pending.len()));
            }
            Step::FlushEnds { part, number } => {
                let half = self.part(*part);
                let Some(at) = half.flushing.iter().position(|(under_way, _)| under_way == number) else { return };
                let (_, covered) = half.flushing.remove(at);
                let now = covered.saturating_sub(half.done);
                for change in half.pending.drain(..now) {
                    change.apply(&mut half.flushed, || true);
                }
                half.done += now;
            }
            Step::Accepted(_) => {}
        }
    }

    fn part(&mut self, part: Part) -> &mut Half {
        self.parts.entry(part).or_default()
    }

    /// As it may look after a power cut now.
    fn cut(&self, folder: &Path, mut dice: impl FnMut() -> u64) {
        for (part, half) in &self.parts {
            let mut file = half.flushed.clone();
            for change in &half.pending {
                match dice() % 3 {
                    0 => {}
                    1 => change.apply(&mut file, || true),
                    _ => change.apply(&mut file, || dice().is_multiple_of(2)),
                }
            }
            std::fs::write(folder.join(part.file()), file).expect("a file");
        }
    }
}

/// What was found.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) accepted: usize,
    /// Told before they were flushed.
    pub(crate) too_early: u64,
    pub(crate) cuts: u32,
    /// Told, and gone after a cut.
    pub(crate) lost: u64,
    /// What SQLite complains of.
    pub(crate) damage: Vec<String>,
}

/// Play the cuts. `before`: the disk before the host that was traced started.
pub(crate) async fn play(before: Before, trace: &Path, cuts: u32, mut dice: impl FnMut() -> u64) -> Found {
    let steps = trace::read(trace);
    let mut found = Found { too_early: too_early(&steps, &before.ids), ..Found::default() };
    let first = steps.iter().position(|step| matches!(step, Step::Accepted(_))).unwrap_or(steps.len());
    let room = (steps.len() - first).max(1) as u64;
    let mut moments: Vec<usize> =
        (0..cuts).map(|_| first + usize::try_from(dice() % room).unwrap_or(0)).filter(|at| *at < steps.len()).collect();
    moments.sort_unstable();
    let (mut disk, mut told) = (before.disk, before.ids);
    let already = told.len();
    for (at, step) in steps.iter().enumerate() {
        disk.take(step);
        if let Step::Accepted(id) = step {
            told.insert(id.clone());
        }
        for _ in moments.iter().filter(|moment| **moment == at) {
            let folder = tempfile::tempdir().expect("a folder");
            disk.cut(folder.path(), &mut dice);
            found.cuts += 1;
            match kept(folder.path()).await {
                Ok(ids) => found.lost += told.difference(&ids).count() as u64,
                Err(damage) => found.damage.push(damage),
            }
        }
    }
    found.accepted = told.len() - already;
    found
}

/// A store before a host starts on it.
pub(crate) struct Before {
    disk: Disk,
    ids: BTreeSet<String>,
}

impl Before {
    pub(crate) async fn of(folder: &Path) -> Self {
        let disk = Disk::now(folder);
        let copy = tempfile::tempdir().expect("a folder");
        disk.cut(copy.path(), || 0);
        Self { disk, ids: kept(copy.path()).await.expect("a store that is whole") }
    }
}

/// How many were told that their delivery is kept while nothing that was flushed had it. `before`: those that are told
/// once more.
fn too_early(steps: &[Step], before: &BTreeSet<String>) -> u64 {
    // Where each id stands in the log first, and up to where what is written is flushed.
    let (mut written, mut flushed, mut early) = (BTreeMap::new(), 0, 0);
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Write { part: Part::Log, bytes, .. } => {
                for id in trace::ids(bytes) {
                    written.entry(id).or_insert(at);
                }
            }
            // Its number is the place where it began.
            Step::FlushEnds { part: Part::Log, number } => flushed = flushed.max(*number),
            Step::Accepted(id) if !before.contains(id) => {
                early += u64::from(written.get(id).is_none_or(|at| *at >= flushed));
            }
            _ => {}
        }
    }
    early
}

/// The deliveries in a store, or what is wrong with it.
async fn kept(folder: &Path) -> Result<BTreeSet<String>, String> {
    let says = |error: sqlx::Error| error.to_string();
    let options = SqliteConnectOptions::new().filename(folder.join(Part::Pages.file()));
    let mut conn = options.connect().await.map_err(says)?;
    let complaints: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&mut conn).await.map_err(says)?;
    if complaints != ["ok"] {
        return Err(complaints.join("; "));
    }
    let ids: Vec<String> = sqlx::query_scalar("SELECT id FROM deliveries").fetch_all(&mut conn).await.map_err(says)?;
    conn.close().await.map_err(says)?;
    Ok(ids.into_iter().collect())
}
