//! When to try again.

use opssight_core::hooks::Retry;
use opssight_core::page::Cursor;
use opssight_core::time::Timestamp;

#[test]
fn waits_double_up_to_the_longest_and_then_end() {
    let retry = Retry { first_secs: 1, longest_secs: 10, longest_asked_secs: 20, attempts: 6 };
    let waits: Vec<Option<i64>> =
        (1..=6).map(|n| retry.next(n, None, Timestamp(0)).map(|at| at.0 / 1_000_000)).collect();
    assert_eq!(waits, [Some(1), Some(2), Some(4), Some(8), Some(10), None]);
}

#[test]
fn what_the_upstream_asked_for_counts_if_it_is_longer() {
    let retry = Retry::default();
    assert_eq!(retry.next(1, Some(90_000), Timestamp(0)), Some(Timestamp(90_000_000)));
    assert_eq!(retry.next(8, Some(1), Timestamp(0)), Some(Timestamp(128_000_000)));
}

#[test]
fn nobody_puts_a_delivery_off_for_ever() {
    let retry = Retry::default();
    for asked in [3_600_001, u64::MAX] {
        assert_eq!(retry.next(3, Some(asked), Timestamp(5)), Some(retry.latest(Timestamp(5))));
    }
    assert_eq!(retry.latest(Timestamp(5)), Timestamp(5).plus_secs(3_600));
    // The longest of its own waits may be the longer one.
    let patient = Retry { longest_secs: 7_200, ..retry };
    assert_eq!(patient.next(20, Some(u64::MAX), Timestamp(0)), Some(patient.latest(Timestamp(0))));
}

#[test]
fn cursors_survive_the_way_there_and_back() {
    let cursor = Cursor { at: Timestamp(-5), id: "run_1~2".into() };
    assert_eq!(cursor.to_string().parse::<Cursor>(), Ok(cursor));
    assert!("nonsense".parse::<Cursor>().is_err());
    assert!("x~y".parse::<Cursor>().is_err());
}
