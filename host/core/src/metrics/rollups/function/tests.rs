use super::*;
use crate::metrics::Point;
use crate::time::Timestamp;

const SECOND: i64 = 1_000_000;

fn of(points: &[(i64, f64)]) -> Rollup {
    let point = |(at, value): &(i64, f64)| Rollup::of(Point { at: Timestamp(at * SECOND), value: *value });
    Rollup::all(points.iter().map(point)).unwrap()
}

#[test]
fn a_record_has_what_its_points_have() {
    let window = of(&[(10, 4.0), (20, 1.0), (30, 6.0), (60, 5.0)]);
    let check = |name: &str, expect: f64| {
        let value = Function::named(name).unwrap().value(&window, 0, 60 * SECOND).unwrap();
        assert!((value - expect).abs() < 1e-9, "{name}: {value} and not {expect}");
    };
    check("avg_over_time", 4.0);
    check("sum_over_time", 16.0);
    check("min_over_time", 1.0);
    check("max_over_time", 6.0);
    check("COUNT_over_time", 4.0);
    check("last_over_time", 5.0);
    check("present_over_time", 1.0);
    // 5 - 4, and it fell from 4 and from 6: 11 in 50 s, and 10 s more at the begin.
    check("increase", 11.0 * 60.0 / 50.0);
    check("rate", 11.0 / 50.0);
    check("delta", 1.0 * 60.0 / 50.0);
    assert_eq!(Function::named("quantile_over_time"), None);
}

#[test]
fn one_point_grows_by_nothing_that_is_known() {
    let window = of(&[(10, 4.0)]);
    assert_eq!(Function::Increase.value(&window, 0, 60 * SECOND), None);
    assert_eq!(Function::Rate.value(&window, 0, 60 * SECOND), None);
    assert_eq!(Function::Avg.value(&window, 0, 60 * SECOND), Some(4.0));
}

#[test]
fn a_counter_is_not_drawn_on_below_nought() {
    // At its pace it was nought 5 s before its first point.
    let window = of(&[(30, 5.0), (40, 15.0), (60, 35.0)]);
    assert_eq!(Function::Increase.value(&window, 0, 60 * SECOND), Some(30.0 * 35.0 / 30.0));
}

#[test]
fn records_put_together_are_the_record_of_all() {
    let points = [(10, 4.0), (20, 1.0), (30, 6.0), (60, 5.0), (70, 5.0), (90, 0.0)];
    for cut in 1..points.len() {
        let mut all = of(&points[..cut]);
        all.append(&of(&points[cut..]));
        assert_eq!(all, of(&points), "cut at {cut}");
    }
}
