//! The machine's own clock. Everything that is kept carries its time.

use super::Finding;
use opssight_core::time::{Clock, Timestamp};

/// The first day of 2026, before which no version of this program existed; and one that nobody of us will see.
const FIRST: Timestamp = Timestamp(1_767_225_600_000_000);
const LAST: Timestamp = Timestamp(4_102_444_800_000_000);

pub(super) fn look(clock: &dyn Clock) -> Finding {
    let now = clock.now();
    let shown = now.to_utc().map(|now| now.format("%Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default();
    if (FIRST..LAST).contains(&now) {
        return Finding::ok("clock", shown);
    }
    Finding::failing("clock", format!("this machine takes now for {shown}"))
        .mend("set its clock, and let it take its time from the network (chrony or systemd-timesyncd)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use opssight_cli::FindingStatus;

    struct At(i64);

    impl Clock for At {
        fn now(&self) -> Timestamp {
            Timestamp(self.0)
        }
    }

    #[test]
    fn a_clock_that_was_never_set_is_found() {
        for (secs, status) in
            [(0, FindingStatus::Failing), (1_790_000_000, FindingStatus::Ok), (5_000_000_000, FindingStatus::Failing)]
        {
            assert_eq!(look(&At(secs * 1_000_000)).status, status, "{secs}");
        }
    }
}
