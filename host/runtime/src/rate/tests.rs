use super::RateGate;
use crate::sync::lock;
use bytes::Bytes;
use http::Response;
use opssight_core::plugins::CallPriority::{self, Backfill, Interactive, Live, Reconcile};
use opssight_core::time::Timestamp;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

fn waits(status: u16, headers: &[(&str, &str)]) -> [u64; 4] {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    let gate = RateGate::default();
    gate.observe(&answer.body(Bytes::new()).unwrap(), NOW);
    let standing = *lock(&gate.0);
    [Interactive, Live, Reconcile, Backfill].map(|priority: CallPriority| standing.wait(priority, NOW).as_secs())
}

#[test]
fn pauses_and_reserves_hold_back_the_right_calls() {
    type Case = (&'static str, u16, &'static [(&'static str, &'static str)], [u64; 4]);
    let cases: [Case; 10] = [
        ("an ordinary answer", 200, &[], [0; 4]),
        ("an ordinary refusal", 403, &[], [0; 4]),
        ("a secondary limit", 403, &[("retry-after", "30")], [0, 30, 30, 30]),
        ("until a date", 429, &[("retry-after", "Tue, 14 Nov 2023 22:14:20 GMT")], [0, 60, 60, 60]),
        ("too many, for how long unsaid", 429, &[], [0, 60, 60, 60]),
        ("an endless pause is cut", 429, &[("retry-after", "9999999")], [0, 3600, 3600, 3600]),
        (
            "the allowance is used up",
            403,
            &[("x-ratelimit-remaining", "0"), ("x-ratelimit-limit", "5000"), ("x-ratelimit-reset", "1700000100")],
            [0, 100, 100, 100],
        ),
        (
            "the allowance runs low",
            200,
            &[("x-ratelimit-remaining", "400"), ("x-ratelimit-limit", "5000"), ("x-ratelimit-reset", "1700000100")],
            [0, 0, 0, 100],
        ),
        (
            "the allowance runs lower",
            304,
            &[("x-ratelimit-remaining", "200"), ("x-ratelimit-limit", "5000"), ("x-ratelimit-reset", "1700000100")],
            [0, 0, 100, 100],
        ),
        ("nonsense", 429, &[("retry-after", "-5"), ("x-ratelimit-remaining", "many")], [0, 60, 60, 60]),
    ];
    for (name, status, headers, expect) in cases {
        assert_eq!(waits(status, headers), expect, "{name}");
    }
}
