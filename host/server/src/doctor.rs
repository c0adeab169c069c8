//! Whether a host of this configuration can start and do its work: everything that it would use is looked at, by the
//! same code that the host uses it with, and nothing is changed. What is wrong is said in the words in which the host
//! would say it.
//!
//! One file for each thing that is looked at. [`examine`] is where another one is joined to them.

mod blobs;
mod clock;
mod engine;
mod folder;
mod kafka;
mod keys;
mod listen;
mod metrics;
mod redis;
mod space;
mod store;
mod vault;

use crate::config::Config;
use crate::failure::failed;
use opssight_backends::SystemClock;
pub(crate) use opssight_cli::Finding;
use std::time::Duration;

/// How long it may take to look at one thing.
const PATIENCE: Duration = Duration::from_secs(20);
/// In microseconds.
const SECOND: i64 = 1_000_000;
/// Clocks that differ by less are as good as the same.
const CLOCKS_DIFFER_SECS: i64 = 2;
/// Two hosts that differ by more take each other's work away.
const CLOCKS_ARE_WRONG_SECS: i64 = 30;

/// How deep to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// What is quick.
    Quick,
    /// All of the SQLite file as well, however large it is.
    Full,
}

/// Look at everything at once; what was found, in a fixed order.
pub(crate) async fn examine(config: &Config, depth: Depth) -> Vec<Finding> {
    let configured = Finding::ok("configuration", "can be used");
    let found = tokio::join!(
        async { folder::look(config) },
        async { store::look(config, depth).await },
        within("redis", redis::look(config)),
        within("kafka", kafka::look(config)),
        within("metrics", metrics::look(config)),
        within("blobs", blobs::look(config)),
        within("vault", vault::look(config)),
        within("plugins", engine::look(config)),
        within("listen", listen::look(config)),
    );
    let (folder, store, redis, kafka, metrics, blobs, vault, plugins, listen) = found;
    let first = vec![configured, clock::look(&SystemClock)];
    [first, folder, store, redis, kafka, metrics, blobs, vault, plugins, listen].concat()
}

/// With an end, whatever it is that does not answer.
async fn within(check: &str, look: impl Future<Output = Vec<Finding>>) -> Vec<Finding> {
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(found) => found,
        Err(_) => vec![Finding::failing(check, format!("no answer within {} s", PATIENCE.as_secs()))],
    }
}

/// How another clock compares to this machine's. `matters`: whether hosts go by the difference.
fn compared(check: &str, ahead_micros: i64, matters: bool) -> Finding {
    let apart = ahead_micros.saturating_abs();
    if apart < CLOCKS_DIFFER_SECS * SECOND {
        return Finding::ok(check, "the same time as here");
    }
    let way = if ahead_micros > 0 { "ahead of" } else { "behind" };
    let detail = format!("its clock is {} s {way} this machine's", apart.saturating_add(SECOND / 2) / SECOND);
    let fix = "let both machines take their time from the network (chrony or systemd-timesyncd)";
    if matters && apart >= CLOCKS_ARE_WRONG_SECS * SECOND {
        Finding::failing(check, format!("{detail}: hosts would take work for abandoned that is under way")).mend(fix)
    } else {
        Finding::warning(check, detail).mend(fix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opssight_cli::FindingStatus as Status;

    #[test]
    fn clocks_that_differ_are_a_warning_and_failing_where_hosts_go_by_them() {
        for (micros, matters, status) in [
            (0, true, Status::Ok),
            (-1_900_000, true, Status::Ok),
            (2_000_000, true, Status::Warning),
            (-29_000_000, true, Status::Warning),
            (30_000_000, true, Status::Failing),
            (-3_600_000_000, true, Status::Failing),
            (3_600_000_000, false, Status::Warning),
        ] {
            assert_eq!(compared("a clock", micros, matters).status, status, "{micros} {matters}");
        }
        assert!(compared("a clock", -4_990_000, true).detail.contains("5 s behind"));
    }
}
