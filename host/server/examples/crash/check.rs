//! What became of everything that was accepted.

use crate::client::Client;
use crate::database::Database;
use crate::load::Accepted;
use crate::topic;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Retries back off; the longest wait that a world leads to ends well before this.
const PATIENCE: Duration = Duration::from_secs(120);

/// The states of what is not done with.
const UNFINISHED: [&str; 3] = ["pending", "processing", "retrying"];

#[derive(Default)]
pub(crate) struct Verdict {
    pub(crate) kills: u32,
    pub(crate) accepted: usize,
    /// Deliveries that needed a timer to fire.
    pub(crate) timers: usize,
    /// Accepted, and not in the log, or without their effect.
    pub(crate) lost: u64,
    /// In the log twice, or with their effect twice.
    pub(crate) duplicated: u64,
    /// Due, and never tried again.
    pub(crate) missed: u64,
    /// What should have happened in this world and did not.
    pub(crate) wrong: Vec<String>,
}

impl Verdict {
    pub(crate) fn is_good(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.missed == 0 && self.wrong.is_empty() && self.accepted > 0
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.kills += other.kills;
        self.accepted += other.accepted;
        self.timers += other.timers;
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.missed += other.missed;
        self.wrong.extend(other.wrong.iter().cloned());
    }
}

/// What is looked at.
pub(crate) struct Evidence<'a> {
    pub(crate) client: &'a Client,
    pub(crate) database: &'a Database,
    /// Where events are handed on to, if they are.
    pub(crate) brokers: Option<String>,
    pub(crate) accepted: Accepted,
    /// The connection whose deliveries become runs.
    pub(crate) runs: &'a str,
    /// The connections whose deliveries need a timer, and leave a trace.
    pub(crate) late: &'a [String],
}

impl Evidence<'_> {
    /// Once everything has come to its end, or should have.
    pub(crate) async fn judge(&self) -> Verdict {
        let mut verdict = Verdict::default();
        let unfinished = self.drained().await;
        for (connection, accepted) in &self.accepted {
            verdict.accepted += accepted.len();
            let logged = self.client.all(&format!("/api/v1/deliveries?connection={connection}")).await;
            let ids: Vec<&str> = logged.iter().filter_map(|row| row["delivery_id"].as_str()).collect();
            let known: BTreeSet<&str> = ids.iter().copied().collect();
            verdict.duplicated += (ids.len() - known.len()) as u64;
            verdict.lost += accepted.iter().filter(|id| !known.contains(id.as_str())).count() as u64;
            if self.late.contains(connection) {
                verdict.timers += logged.iter().filter(|row| row["attempts"].as_u64() > Some(1)).count();
            }
            for row in logged.iter().filter(|row| row["state"] == "failed") {
                verdict.wrong.push(format!("a delivery failed: {row}"));
            }
        }
        // Each delivery is about a run of its own, or leaves one trace.
        let runs = self.all_of(self.runs);
        let shown = self.database.count("SELECT COUNT(*) FROM runs WHERE connection = $1", self.runs).await;
        verdict.lost += runs.saturating_sub(shown);
        let left = unfinished.get(self.runs).copied().unwrap_or(0);
        if left > 0 {
            verdict.wrong.push(format!("{left} deliveries are not done with"));
        }
        let mut needed = 0;
        for connection in self.late {
            let (late, missed) = (self.all_of(connection), unfinished.get(connection).copied().unwrap_or(0));
            let traces = "SELECT COUNT(*) FROM plugin_state WHERE connection = $1";
            let traces = self.database.count(traces, connection).await;
            needed += late;
            verdict.missed += missed;
            verdict.lost += late.saturating_sub(missed).saturating_sub(traces);
            verdict.duplicated += traces.saturating_sub(late);
        }
        // Only one that was first looked at long after it came needs none.
        if (verdict.timers as u64) < needed / 2 {
            verdict.wrong.push(format!("only {} of {needed} deliveries needed a timer", verdict.timers));
        }
        let told = "SELECT COUNT(*) FROM (SELECT subject FROM events WHERE connection = $1 GROUP BY subject, kind
                    HAVING COUNT(*) > 1) AS twice";
        verdict.duplicated += self.database.count(told, self.runs).await;
        verdict.lost += self.not_handed_on().await;
        verdict
    }

    /// Events of the log that never arrived at the broker. There they may be more than once.
    async fn not_handed_on(&self) -> u64 {
        let Some(brokers) = self.brokers.clone() else { return 0 };
        let log = self.database.numbers("SELECT seq FROM events WHERE connection = $1 ORDER BY seq", self.runs).await;
        let newest = log.last().copied().unwrap_or(0);
        let arrived = tokio::task::spawn_blocking(move || topic::events(&brokers, newest)).await.expect("a reader");
        let missing = log.iter().filter(|seq| !arrived.contains(seq)).count();
        println!("    {} of {} events arrived at the broker", log.len() - missing, log.len());
        missing as u64
    }

    /// Some of what is not done with, for whoever looks for the reason.
    async fn show_unfinished(&self) {
        for state in UNFINISHED {
            let rows = self.client.all(&format!("/api/v1/deliveries?state={state}")).await;
            println!("    {} are {state} after {} s", rows.len(), PATIENCE.as_secs());
            rows.iter().take(2).for_each(|row| println!("        {row}"));
        }
    }

    fn all_of(&self, connection: &str) -> u64 {
        self.accepted.get(connection).map_or(0, |ids| ids.len() as u64)
    }

    /// Deliveries that are still not done with when patience ends, by connection.
    async fn drained(&self) -> BTreeMap<String, u64> {
        let (begun, mut empty) = (Instant::now(), 0);
        while begun.elapsed() < PATIENCE {
            let mut some = false;
            for state in UNFINISHED {
                some |= !self.client.get(&format!("/api/v1/deliveries?state={state}&limit=1")).await["items"]
                    .as_array()
                    .is_some_and(Vec::is_empty);
            }
            // The states are asked for one after another, and a delivery goes from one to another meanwhile.
            empty = if some { 0 } else { empty + 1 };
            if empty == 2 {
                println!("    everything came to its end {:.1} s after the last start", begun.elapsed().as_secs_f64());
                return BTreeMap::new();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.show_unfinished().await;
        let mut left = BTreeMap::new();
        for connection in self.accepted.keys() {
            for state in UNFINISHED {
                let path = format!("/api/v1/deliveries?connection={connection}&state={state}");
                *left.entry(connection.clone()).or_default() += self.client.all(&path).await.len() as u64;
            }
        }
        left
    }
}
