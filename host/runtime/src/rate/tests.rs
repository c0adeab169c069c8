use super::Upstream;
use crate::egress::Refusal;
use crate::sync::lock;
use bytes::Bytes;
use http::Response;
use opssight_core::plugins::CallPriority::{self, Backfill, Interactive, Live, Reconcile};
use opssight_core::time::Timestamp;
use std::time::{Duration, Instant};

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);
const ALL: [CallPriority; 4] = [Interactive, Live, Reconcile, Backfill];

type Headers = &'static [(&'static str, &'static str)];

fn upstream() -> Upstream {
    Upstream::new("https://api.example.test", "account")
}

fn answers(upstream: &Upstream, status: u16, headers: &[(&str, &str)]) {
    let mut answer = Response::builder().status(status);
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    upstream.observe(&answer.body(Bytes::new()).unwrap(), NOW);
}

fn waits(upstream: &Upstream) -> [u64; 4] {
    let mut standing = *lock(&upstream.standing);
    ALL.map(|priority| standing.wait(priority, NOW).as_secs())
}

#[test]
fn what_was_told_while_the_clock_was_ahead_is_forgotten_once_it_is_set_back() {
    let upstream = upstream();
    answers(&upstream, 403, &[("retry-after", "30")]);
    assert_eq!(waits(&upstream), [0, 30, 30, 30]);
    let mut standing = *lock(&upstream.standing);
    assert_eq!(standing.wait(Live, NOW.plus_secs(-1)).as_secs(), 31, "clocks are put right in passing");
    assert_eq!(standing.wait(Live, NOW.plus_secs(-86_400)).as_secs(), 0);
    // And what is told from then on is believed.
    let mut answer = Response::builder().status(200);
    for (name, value) in
        [("x-ratelimit-remaining", "0"), ("x-ratelimit-limit", "10"), ("x-ratelimit-reset", "1699913700")]
    {
        answer = answer.header(name, value);
    }
    upstream.observe(&answer.body(Bytes::new()).unwrap(), NOW.plus_secs(-86_400));
    let mut standing = *lock(&upstream.standing);
    assert_eq!(standing.wait(Live, NOW.plus_secs(-86_400)).as_secs(), 100);
}

#[test]
fn pauses_and_reserves_hold_back_the_right_calls() {
    type Case = (&'static str, u16, Headers, [u64; 4]);
    let cases: [Case; 15] = [
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
        (
            "GitLab",
            200,
            &[("ratelimit-remaining", "1"), ("ratelimit-limit", "600"), ("ratelimit-reset", "1700000060")],
            [0, 0, 60, 60],
        ),
        (
            "seconds until the end, and a policy in the limit",
            200,
            &[("ratelimit-remaining", "5"), ("ratelimit-limit", "100, 100;w=60"), ("ratelimit-reset", "45")],
            [0, 0, 0, 45],
        ),
        (
            "milliseconds",
            200,
            &[("x-ratelimit-remaining", "1"), ("x-ratelimit-limit", "100"), ("x-ratelimit-reset", "1700000030000")],
            [0, 0, 30, 30],
        ),
        (
            "the later drafts",
            200,
            &[("ratelimit", "\"default\";r=2;t=20"), ("ratelimit-policy", "\"default\";q=100;w=60")],
            [0, 0, 20, 20],
        ),
        ("nonsense", 429, &[("retry-after", "-5"), ("x-ratelimit-remaining", "many")], [0, 60, 60, 60]),
        (
            "a limit of nothing",
            200,
            &[("x-ratelimit-remaining", "5"), ("x-ratelimit-limit", "0"), ("x-ratelimit-reset", "9")],
            [0; 4],
        ),
    ];
    for (name, status, headers, expect) in cases {
        let upstream = upstream();
        answers(&upstream, status, headers);
        assert_eq!(waits(&upstream), expect, "{name}");
    }
}

fn allowance(upstream: &Upstream, left: &str, reset: &str) {
    answers(
        upstream,
        200,
        &[("x-ratelimit-remaining", left), ("x-ratelimit-limit", "100"), ("x-ratelimit-reset", reset)],
    );
}

#[test]
fn answers_that_overtake_each_other_do_not_refill_the_allowance() {
    let upstream = upstream();
    allowance(&upstream, "4", "1700000100");
    allowance(&upstream, "90", "1700000101");
    assert_eq!(waits(&upstream), [0, 0, 101, 101], "the same window, give or take a second");
    allowance(&upstream, "90", "1700000900");
    assert_eq!(waits(&upstream), [0; 4], "a new window");
    allowance(&upstream, "1", "1700000100");
    assert_eq!(waits(&upstream), [0; 4], "a late answer of the old one");
}

#[tokio::test]
async fn requests_under_way_count_as_spent_until_they_are_answered() {
    let upstream = upstream();
    allowance(&upstream, "11", "1700000100");
    let second = Duration::from_secs(1);
    let first = upstream.admit(Backfill, NOW, second).await.ok().unwrap();
    let next = upstream.admit(Backfill, NOW, second).await.ok().unwrap();
    assert!(matches!(upstream.admit(Backfill, NOW, second).await, Err(Refusal::Paused { retry_after_ms: 100_000 })));
    assert!(upstream.admit(Live, NOW, second).await.is_ok());
    drop((first, next));
    assert!(upstream.admit(Backfill, NOW, second).await.is_ok());
}

#[tokio::test]
async fn history_leaves_room_for_what_happens_now_and_nobody_holds_up_a_person() {
    let upstream = upstream();
    // History takes all that it can get at once.
    let mut taken = 0;
    while upstream.admit(Backfill, NOW, Duration::ZERO).await.is_ok() {
        taken += 1;
        assert!(taken < 80, "history is bounded");
    }
    assert!(taken >= 50, "{taken}");
    let start = Instant::now();
    for _ in 0..20 {
        upstream.admit(Live, NOW, Duration::from_secs(1)).await.ok().unwrap();
    }
    assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    // What happens now uses up the rest.
    while upstream.admit(Live, NOW, Duration::ZERO).await.is_ok() {}
    for _ in 0..50 {
        assert!(upstream.admit(Interactive, NOW, Duration::ZERO).await.is_ok());
    }
}

#[tokio::test]
async fn slots_are_shared_in_the_same_way() {
    let upstream = upstream();
    let mut held = Vec::new();
    for _ in 0..super::IN_FLIGHT / 2 {
        held.push(upstream.slots.take(Backfill).await.ok().unwrap());
    }
    let soon = Duration::from_millis(20);
    assert!(tokio::time::timeout(soon, upstream.slots.take(Reconcile)).await.is_err(), "history waits for history");
    for _ in 0..super::IN_FLIGHT / 2 {
        held.push(tokio::time::timeout(soon, upstream.slots.take(Live)).await.unwrap().ok().unwrap());
    }
    assert!(tokio::time::timeout(soon, upstream.slots.take(Live)).await.is_err(), "all places are taken");
    assert!(tokio::time::timeout(soon, upstream.slots.take(Interactive)).await.is_ok(), "a person goes on");
    held.clear();
    assert!(tokio::time::timeout(soon, upstream.slots.take(Backfill)).await.is_ok());
}
