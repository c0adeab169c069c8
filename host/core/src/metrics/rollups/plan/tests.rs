use super::*;
use proptest::prelude::*;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Raw points since day 90, minutes since day 60, hours since day 30, days since ever.
fn held() -> Held {
    let (unmade_hours, unmade_days) = (BTreeSet::new(), BTreeSet::new());
    Held { raw_since: 90 * DAY, since: [60 * DAY, 30 * DAY, 0], unmade_hours, unmade_days }
}

/// `1d 0-100` and so on, in days where it is whole days, else in hours or minutes.
fn told(plan: &Plan) -> String {
    let time = |at: i64| match at {
        at if at % DAY == 0 => format!("{}d", at / DAY),
        at if at % HOUR == 0 => format!("{}h", at / HOUR),
        at if at % MINUTE == 0 => format!("{}m", at / MINUTE),
        at => format!("{at}us"),
    };
    let stretch = |stretch: &Stretch| {
        let kept = match stretch.kept {
            Kept::Raw => "raw",
            Kept::Rolled(class) => class.name(),
        };
        format!("{kept} {}..{}", time(stretch.from), time(stretch.to))
    };
    let mut told = plan.stretches.iter().map(stretch).collect::<Vec<_>>().join(", ");
    if let Some((until, class)) = plan.inexact {
        told += &format!("; {} until {}", class.name(), time(until));
    }
    told
}

#[test]
fn the_coarsest_class_that_is_exact_answers() {
    let check = |from: i64, to: i64, edges: &Edges, expect: &str| {
        assert_eq!(told(&plan(from, to, edges, &held())), expect, "{edges:?}");
    };
    let every = Edges::Multiples;
    check(91 * DAY, 100 * DAY, &every(DAY), "1d 91d..100d");
    check(91 * DAY, 100 * DAY, &every(7 * DAY), "1d 91d..100d");
    check(91 * DAY, 100 * DAY, &every(6 * HOUR), "1h 91d..100d");
    check(91 * DAY, 100 * DAY, &every(10 * MINUTE), "1m 91d..100d");
    check(91 * DAY, 100 * DAY, &every(15_000_000), "raw 91d..100d");
    check(91 * DAY, 100 * DAY, &every(0), "raw 91d..100d");
    check(91 * DAY, 100 * DAY, &Edges::Anywhere, "raw 91d..100d");
    // Of a single window all but the ends.
    let (from, to) = (95 * DAY - HOUR - MINUTE - 7, 97 * DAY + 30 * MINUTE);
    let edges = Edges::At(vec![from, to]);
    check(
        from,
        to,
        &edges,
        "raw 8204339999993us..136739m, 1m 136739m..2279h, 1h 2279h..95d, 1d 95d..97d, 1m 97d..139710m",
    );
}

#[test]
fn what_is_no_more_kept_is_answered_by_the_finest_that_is() {
    let check = |from: i64, to: i64, edges: &Edges, expect: &str| {
        assert_eq!(told(&plan(from, to, edges, &held())), expect, "{edges:?}");
    };
    let every = Edges::Multiples;
    // Exact for as long as something fine enough is kept.
    check(10 * DAY, 100 * DAY, &every(DAY), "1d 10d..100d");
    check(30 * DAY, 100 * DAY, &every(HOUR), "1h 30d..100d");
    check(10 * DAY, 100 * DAY, &every(HOUR), "1d 10d..30d, 1h 30d..100d; 1d until 30d");
    check(10 * DAY, 100 * DAY, &every(MINUTE), "1d 10d..30d, 1h 30d..60d, 1m 60d..100d; 1d until 60d");
    check(10 * DAY, 100 * DAY, &Edges::Anywhere, "1d 10d..30d, 1h 30d..60d, 1m 60d..90d, raw 90d..100d; 1d until 90d");
    // The buckets in which a window ends are whole.
    let edges = Edges::At(vec![40 * DAY + MINUTE, 41 * DAY - MINUTE]);
    check(40 * DAY + MINUTE, 41 * DAY - MINUTE, &edges, "1h 40d..41d; 1h until 59039m");
    // A class that is kept for less than a coarser one and a finer one is missed by nobody.
    let odd = Held { since: [60 * DAY, 80 * DAY, 70 * DAY], ..held() };
    assert_eq!(told(&plan(50 * DAY, 100 * DAY, &every(DAY), &odd)), "1m 60d..70d, 1d 70d..100d");
    assert_eq!(told(&plan(50 * DAY, 100 * DAY, &every(1), &odd)), "1m 60d..90d, raw 90d..100d; 1m until 90d");
}

#[test]
fn what_is_not_made_yet_is_answered_by_the_points() {
    let mut held = held();
    held.unmade_days.insert(95);
    held.unmade_hours.extend([95 * 24 + 3, 95 * 24 + 4]);
    let told = |grain: i64| told(&plan(94 * DAY, 97 * DAY, &Edges::Multiples(grain), &held));
    assert_eq!(told(DAY), "1d 94d..95d, 1h 95d..2283h, raw 2283h..2285h, 1h 2285h..96d, 1d 96d..97d");
    assert_eq!(told(MINUTE), "1m 94d..2283h, raw 2283h..2285h, 1m 2285h..97d");
}

fn some_edges() -> impl Strategy<Value = Edges> {
    prop_oneof![
        Just(Edges::Anywhere),
        (1..3_000_i64).prop_map(|minutes| Edges::Multiples(minutes * MINUTE)),
        prop::collection::vec(0..110 * DAY, 1..6).prop_map(|mut edges| {
            edges.sort_unstable();
            Edges::At(edges)
        }),
    ]
}

proptest! {
    #[test]
    fn all_of_the_time_is_answered_once(
        from in 0..110 * DAY,
        length in 1..50 * DAY,
        edges in some_edges(),
        days in prop::collection::btree_set(85..110_i64, 0..8),
        hours in prop::collection::btree_set(85 * 24..110 * 24_i64, 0..30),
    ) {
        let to = from + length;
        // A single window's ends are edges.
        let edges = match edges {
            Edges::At(mut at) => {
                at.extend([from, to]);
                at.sort_unstable();
                Edges::At(at)
            }
            other => other,
        };
        let held = Held { unmade_days: days, unmade_hours: hours, ..held() };
        let plan = plan(from, to, &edges, &held);
        let ends = [plan.stretches.first().unwrap().from, plan.stretches.last().unwrap().to];
        prop_assert!(ends[0] <= from && to <= ends[1], "{plan:?}");
        for (one, next) in plan.stretches.iter().zip(plan.stretches.iter().skip(1)) {
            prop_assert!(one.from < one.to && one.to == next.from, "{plan:?}");
        }
        for stretch in &plan.stretches {
            let Kept::Rolled(class) = stretch.kept else {
                prop_assert!(stretch.from >= held.raw_since);
                continue;
            };
            prop_assert!(stretch.from % class.width() == 0 && stretch.to % class.width() == 0, "{plan:?}");
            prop_assert!(held.since(class) <= stretch.from, "{plan:?}");
            if stretch.from >= held.raw_since {
                let made = held.unmade(class, class.bucket(stretch.from + 1), class.bucket(stretch.to) + 1).is_empty();
                let inside = |edge: &i64| stretch.from < *edge && *edge < stretch.to && edge % class.width() != 0;
                let whole = !edges.split_any(class) && !matches!(&edges, Edges::At(at) if at.iter().any(inside));
                prop_assert!(made && whole, "{plan:?}");
            }
        }
    }
}
