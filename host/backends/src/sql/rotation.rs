//! Rotating master keys while hosts run: data keys are wrapped anew, some at a time; the credentials stay as they are.
//!
//! 1. There is a new key: it is put in front of the ring, or an operator configured it.
//! 2. Every process that works on the store says that it has it ([`super::keys`]).
//! 3. The store says that it is the one to use. From that commit on nothing comes under the old one.
//! 4. Every data key that is not under it is wrapped anew, if it is still the one that was read.
//!
//! Whatever stops it, every data key is under a key of the ring, and the next rotation begins where this one ended.

mod desk;
#[cfg(test)]
mod tests;

use crate::SystemRandomness;
use crate::failpoint;
use crate::secrets::{KeyError, KeyId, KeyRing, MasterKey, SealError};
use crate::sql::open::OpenError;
use desk::{Desk, Unreadable};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long the processes have to say that they have the new key. They look every two seconds; one that was killed is
/// believed to be there for fifteen.
const PATIENCE: Duration = Duration::from_secs(17);
/// Rows that come under the old key while a rotation looks through them are wrapped in the next round.
const ROUNDS: u32 = 3;

/// For those who let it die at a step.
const DOING: &str = "rotate the master key";

/// Where the store is.
#[derive(Clone)]
#[non_exhaustive]
pub enum Place {
    /// A SQLite file in this directory.
    Dir(PathBuf),
    /// A PostgreSQL database at this address.
    Database(String),
}

/// How to rotate.
#[derive(Debug, Clone, Copy)]
pub struct Rotate {
    /// Data keys that are written at once.
    pub batch: u32,
    /// Take keys that nothing needs any more out of the file. Backups from before need them.
    pub drop_unused: bool,
}

impl Default for Rotate {
    fn default() -> Self {
        Self { batch: 50, drop_unused: false }
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Data keys that were looked at.
    pub done: u64,
    /// Of so many.
    pub of: u64,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// What everything is under now.
    pub key: KeyId,
    /// Where it lies.
    pub place: String,
    /// No key was made: one was there that not everything was under yet.
    pub resumed: bool,
    /// Data keys that were wrapped anew.
    pub rewrapped: u64,
    /// Keys that were taken out of the file.
    pub dropped: usize,
}

/// How the keys are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretsStatus {
    /// Those of the ring, the newest first, then those that are needed and are not in it.
    pub keys: Vec<KeyUse>,
    /// Data keys that no key of the ring opens, or that were altered.
    pub unreadable: u64,
    /// Processes that work on the store, and how many of them have the newest key.
    pub processes: (u64, u64),
    /// Why it cannot be asked which version of the newest key is the newest.
    pub unasked: Option<String>,
}

/// How one key is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// Which.
    pub id: KeyId,
    /// Where it lies; none: not in the ring of this host.
    pub place: Option<String>,
    /// New data keys are under it.
    pub is_used: bool,
    /// Data keys that are under it.
    pub data_keys: u64,
    /// Of those, under an older version of it (Vault); none: it cannot be asked which version is the newest.
    pub behind: Option<u64>,
}

/// Why the keys were not rotated. Every data key is under a key of the ring all the same.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotateError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is none.
    #[error("find the store: there is none at {0}; start the host once, or correct `server.data` or `store.url`")]
    Missing(String),
    /// Somebody else is at it.
    #[error("rotate the master key: another rotation is under way; wait for its end")]
    UnderWay,
    /// Nothing was rewrapped.
    #[error(
        "rotate the master key: {lacking} of {processes} processes that work on the store do not have the new key \
         {key}; give them the same `secrets.key` and `secrets.previous`, and run this again. No data key was changed"
    )]
    NotEverywhere {
        /// The new key.
        key: KeyId,
        /// How many have it not.
        lacking: usize,
        /// Of how many.
        processes: usize,
    },
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The ring lacks what the store is sealed with.
    #[error("open the store's keys")]
    Seal(#[from] SealError),
    /// Some cannot be opened.
    #[error(
        "wrap the data keys of {owners:?} anew: no key of the ring opens them (of the first: {why}); add the key that \
         they are under to `secrets.previous`, or enter those credentials again. All others were wrapped anew"
    )]
    Unreadable {
        /// The connections whose they are.
        owners: Vec<String>,
        /// Why not, of the first.
        why: SealError,
    },
    /// It does not come to an end.
    #[error("finish the rotation: data keys under an older key keep coming; is a host of an older version running?")]
    Restless,
}

/// How the keys of a store are used, also while hosts run.
pub async fn secrets_status(place: &Place, ring: &KeyRing) -> Result<SecretsStatus, RotateError> {
    let mut desk = Desk::open(place, ring.clone()).await?;
    let under = desk.sealing_key().await?;
    let newest = ring.newest();
    let (latest, unasked) = match &newest {
        Some(key) => match least_version(key).await {
            Ok(latest) => (latest, None),
            Err(error) => (None, Some(error.to_string())),
        },
        None => (None, None),
    };
    let newest = newest.map(|key| key.id());
    let mut keys: Vec<KeyUse> = Vec::new();
    let unused = |id: KeyId| {
        let behind = if unasked.is_some() && newest == Some(id) { None } else { Some(0) };
        KeyUse { id, place: ring.place_of(id), is_used: id == under, data_keys: 0, behind }
    };
    keys.extend(ring.ids().into_iter().map(unused));
    let mut unreadable = 0;
    for row in desk.all().await? {
        let Some((by, version)) = desk.under(&row) else {
            unreadable += 1;
            continue;
        };
        if !keys.iter().any(|key| key.id == by) {
            keys.push(unused(by));
        }
        if let Some(key) = keys.iter_mut().find(|key| key.id == by) {
            key.data_keys += 1;
            let is_behind = newest == Some(by) && latest.zip(version).is_some_and(|(latest, version)| version < latest);
            key.behind = key.behind.map(|behind| behind + u64::from(is_behind));
        }
    }
    let holders = desk.holders().await?;
    let having = holders.iter().filter(|ids| newest.is_some_and(|newest| ids.contains(&newest))).count();
    desk.close().await;
    Ok(SecretsStatus { keys, unreadable, processes: (holders.len() as u64, having as u64), unasked })
}

/// Bring every data key under the newest key of the ring; if all are, make a new one first. `told` is called as it goes
/// on.
pub async fn rotate_secrets(
    place: &Place,
    ring: &KeyRing,
    how: Rotate,
    told: impl Fn(Rotation) + Send + Sync,
) -> Result<Rotated, RotateError> {
    let mut desk = Desk::open(place, ring.clone()).await?;
    if !desk.take_turn().await? {
        return Err(RotateError::UnderWay);
    }
    let mut newest = ring.newest().ok_or(SealError::Seal)?;
    desk.opens().await?;
    let mut least = least_version(&newest).await?;
    let resumed = desk.sealing_key().await? != newest.id() || desk.has_left(newest.id(), least).await?;
    let mut dropped = 0;
    if !resumed {
        // Already here, so that there is room for a new one.
        dropped += drop_unused(&mut desk, ring, newest.id(), how).await?;
        newest = ring.make(&SystemRandomness).await?;
        failpoint::reached(DOING, "made");
        least = least_version(&newest).await?;
    }
    everywhere(&mut desk, newest.id()).await?;
    desk.use_key(newest.id()).await?;
    failpoint::reached(DOING, "used");
    let (rewrapped, unreadable) = rewrap_all(&mut desk, &newest, least, how.batch, &told).await?;
    dropped += drop_unused(&mut desk, ring, newest.id(), how).await?;
    let place = ring.place_of(newest.id()).unwrap_or_default();
    desk.close().await;
    match unreadable {
        Some(Unreadable { owners, why }) => Err(RotateError::Unreadable { owners, why }),
        None => Ok(Rotated { key: newest.id(), place, resumed, rewrapped, dropped }),
    }
}

/// Take out what no row is under, if that is asked for; how many went.
async fn drop_unused(desk: &mut Desk, ring: &KeyRing, newest: KeyId, how: Rotate) -> Result<usize, RotateError> {
    if !how.drop_unused {
        return Ok(0);
    }
    let mut needed = BTreeSet::from([newest]);
    let rows = desk.all().await?;
    needed.extend(rows.iter().filter_map(|row| desk.under(row)).map(|(by, _)| by));
    Ok(ring.drop_others(&needed)?)
}

/// What is under a version before this one is to be wrapped anew.
async fn least_version(key: &MasterKey) -> Result<Option<u64>, KeyError> {
    match key {
        MasterKey::Local(_) => Ok(None),
        MasterKey::Transit(key) => Ok(Some(key.latest().await?)),
    }
}

/// Wait until every process has the key.
async fn everywhere(desk: &mut Desk, key: KeyId) -> Result<(), RotateError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let holders = desk.holders().await?;
        let lacking = holders.iter().filter(|ids| !ids.contains(&key)).count();
        if lacking == 0 {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(RotateError::NotEverywhere { key, lacking, processes: holders.len() });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// How many were wrapped anew, and which cannot be.
async fn rewrap_all(
    desk: &mut Desk,
    key: &MasterKey,
    least: Option<u64>,
    batch: u32,
    told: &(impl Fn(Rotation) + Send + Sync),
) -> Result<(u64, Option<Unreadable>), RotateError> {
    let mut rewrapped = 0;
    for _ in 0..ROUNDS {
        let (of, mut done, mut after) = (desk.count().await?, 0, String::new());
        let mut unreadable = None;
        told(Rotation { done, of });
        while let Some(last) = desk.rewrap(key, least, (&after, batch), &mut rewrapped, &mut unreadable).await? {
            (after, done) = (last.connection, done + last.rows);
            told(Rotation { done, of: of.max(done) });
        }
        // The last, so that a start finds out whether a ring lacks the key that something is still under.
        desk.rewrap_probe(key, least).await?;
        if !desk.has_left(key.id(), least).await? {
            return Ok((rewrapped, unreadable));
        }
    }
    Err(RotateError::Restless)
}
