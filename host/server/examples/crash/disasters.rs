//! What happens to a world beside deaths: its disk, its clock, its network and its servers.

use crate::clock::{self, Clock};
use crate::database::Database;
use crate::host::{Fate, ends, signal};
use crate::load::SENDERS_IN_ALL as SENDERS;
use crate::power::{self, Before};
use crate::wire::State;
use crate::world::World;
use std::io::{Read, Seek};
use std::path::Path;
use std::time::{Duration, Instant};

/// Longer than a member's silence that the others bear.
const STANDSTILL: Duration = Duration::from_secs(22);
/// So many deliveries come while a host is traced.
const TRACED: u64 = 1_000;
/// How long servers are away.
const AWAY: Duration = Duration::from_secs(3);
/// As long as hosts may take to accept again.
const RECOVERY: Duration = Duration::from_secs(60);
/// So many accepted deliveries tell of a host that works.
const SOME: u64 = 10;

impl World {
    /// All that a world of its kind knows.
    pub(crate) async fn suffers(&mut self) {
        if self.servers.is_some() {
            self.stands_still().await;
            let Some(host) = self.start_well(&Fate::Calm) else { return };
            self.hosts.push(host);
            self.moved(None);
            self.database_dies().await;
            self.network_fails().await;
            self.edges_fail().await;
        } else {
            self.disk_is_slow().await;
            self.clock_is_set().await;
        }
    }

    /// Until more is accepted; how long that took.
    async fn accepts_again(&mut self, after: &str) {
        let (begun, before) = (Instant::now(), self.load.accepted());
        while self.load.accepted() < before + SOME {
            if begun.elapsed() > RECOVERY {
                return self.verdict.wrong.push(format!("{after}: nothing is accepted any more"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        println!("    {after}: accepted again after {:.1} s", begun.elapsed().as_secs_f64());
    }

    /// What hosts do without must not be felt at the door. How many were accepted.
    async fn accepts_meanwhile(&mut self, during: &str, time: Duration) -> u64 {
        let before = self.load.accepted();
        tokio::time::sleep(time).await;
        let accepted = self.load.accepted() - before;
        println!("    {during}: {accepted} accepted meanwhile");
        if accepted < SOME {
            self.verdict.wrong.push(format!("{during}: only {accepted} were accepted"));
        }
        accepted
    }

    /// PostgreSQL is killed and started again.
    async fn database_dies(&mut self) {
        let Some(servers) = &mut self.servers else { return };
        servers.kill_database();
        tokio::time::sleep(AWAY).await;
        if let Some(servers) = &mut self.servers {
            servers.start_database();
        }
        self.accepts_again("a database that was killed").await;
    }

    /// Answers of the database do not arrive, so that nobody knows what became of what was asked; then everybody is cut
    /// off, and gets no connection for a while.
    async fn network_fails(&mut self) {
        for (state, time) in [(State::Mute, AWAY * 2), (State::Cut, AWAY), (State::Whole, Duration::ZERO)] {
            let Some(servers) = &self.servers else { return };
            servers.wire.becomes(state);
            tokio::time::sleep(time).await;
        }
        self.accepts_again("a network that failed").await;
    }

    /// Redis is killed, the broker stands still.
    async fn edges_fail(&mut self) {
        if let Some(servers) = &mut self.servers {
            servers.kill_redis();
        }
        self.accepts_meanwhile("no Redis", AWAY * 2).await;
        if let Some(servers) = &mut self.servers {
            servers.start_redis();
            servers.broker_stands_still(true);
        }
        self.accepts_meanwhile("a broker that stands still", AWAY * 2).await;
        if let Some(servers) = &self.servers {
            servers.broker_stands_still(false);
        }
    }

    /// Each flush takes a quarter of a second.
    async fn disk_is_slow(&mut self) {
        const FLUSH_MS: u64 = 250;
        let Some(host) = self.start_well(&Fate::DiskSlow(FLUSH_MS)) else { return };
        self.moved(Some(&host));
        let accepted = self.accepts_meanwhile("a slow disk", AWAY * 2).await;
        // What comes while the disk is at it goes with the next flush, and there are few senders.
        let flushes = u64::try_from((AWAY * 2).as_millis()).unwrap_or(0) / FLUSH_MS;
        if accepted > flushes * SENDERS {
            self.verdict.wrong.push(format!("a slow disk: {accepted} accepted, more than it flushed"));
        }
        self.moved(None);
    }

    /// The clock is set ahead and back while a host runs, and while it is away.
    async fn clock_is_set(&mut self) {
        let clock = Clock::in_folder(self.dir.path());
        let Some(host) = self.start_well(&Fate::Clock(&clock)) else { return };
        let process = host.child.id();
        self.moved(Some(&host));
        for secs in [3_600, 0, -86_400, 0, 3_600] {
            clock.set(secs);
            self.accepts_meanwhile(&format!("a clock that is {secs} s off"), AWAY).await;
            if !self.database.notes_times(secs).await {
                self.verdict.wrong.push(format!("no clock was {secs} s off"));
            }
        }
        // It dies while its clock is ahead; the next one begins with the right time.
        self.moved(None);
        drop(host);
        clock::tidy(process);
    }

    /// The disk has no room: what cannot be kept is not accepted, and the host lives.
    pub(crate) async fn fills_its_disk(&mut self) {
        let Database::File(pages) = &self.database else { return };
        // One that left in order has put what was in the log into the pages.
        let kib = std::fs::metadata(pages).map_or(0, |file| file.len() >> 10);
        let before = self.load.refused();
        let Some(mut host) = self.start_well(&Fate::DiskFull(kib + 64)) else { return };
        self.moved(Some(&host));
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.load.refused() < before + 20 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let refused = self.load.refused() - before;
        println!("    a full disk: {refused} refused");
        if refused == 0 {
            self.verdict.wrong.push("a host on a full disk refused nothing".to_owned());
        }
        if let Some(ended) = ends(&mut host, Duration::ZERO).await {
            self.verdict.wrong.push(format!("a host on a full disk ended with {ended}"));
        }
        self.moved(None);
    }

    /// A host stands still for so long that another takes over its work; when it goes on, what it had is not its own.
    async fn stands_still(&mut self) {
        let Some(host) = self.start_well(&Fate::Calm) else { return };
        self.moved(Some(&host));
        tokio::time::sleep(Duration::from_millis(500)).await;
        signal(&host, "-STOP");
        self.moved(None);
        tokio::time::sleep(STANDSTILL).await;
        signal(&host, "-CONT");
        self.moved(Some(&host));
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.hosts.push(host);
        println!("    a host stood still for {} s", STANDSTILL.as_secs());
    }

    /// The power goes at so many moments.
    pub(crate) async fn loses_power(&mut self, cuts: u32) {
        let Database::File(store) = &self.database else { return };
        let (folder, trace) = (store.with_file_name(""), self.dir.path().join("trace"));
        let before = Before::of(&folder).await;
        let Some(host) = self.start_well(&Fate::Traced(&trace)) else { return };
        let (enough, deadline) = (self.load.accepted() + TRACED, Instant::now() + RECOVERY);
        self.moved(Some(&host));
        while self.load.accepted() < enough && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.moved(None);
        drop(host);
        until_written(&trace).await;
        let found = power::play(before, &trace, cuts, || self.random()).await;
        println!(
            "    {} accepted while it was traced, {} of them told before the flush; the power went {} times: {} lost",
            found.accepted, found.too_early, found.cuts, found.lost
        );
        if (found.accepted as u64) < TRACED / 2 || found.cuts < cuts / 2 {
            self.verdict.wrong.push(format!("only {} accepted, and {} cuts", found.accepted, found.cuts));
        }
        self.verdict.lost += found.lost + found.too_early;
        self.verdict.wrong.extend(found.damage.into_iter().map(|damage| format!("after a power cut: {damage}")));
    }
}

/// Whoever traces a host ends after it.
async fn until_written(trace: &Path) {
    const END: &[u8] = b"+++ killed by SIGKILL +++\n";
    let ended = || -> std::io::Result<bool> {
        let (mut file, mut last) = (std::fs::File::open(trace)?, Vec::new());
        file.seek(std::io::SeekFrom::End(-i64::try_from(END.len()).unwrap_or(0)))?;
        file.read_to_end(&mut last)?;
        Ok(last == END)
    };
    let deadline = Instant::now() + RECOVERY;
    while !ended().unwrap_or(false) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
