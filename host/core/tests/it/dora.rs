//! The five metrics' rules, as tables, and their locality.

use opssight_core::delivery::dora::{Deployed, Landed, carried, derive, median};
use opssight_core::id::{ChangeId, DeploymentId};
use opssight_core::time::Timestamp;
use proptest::prelude::*;

fn deployed(id: &str, asked: i64, finished: i64, succeeded: bool, rollback: bool) -> Deployed {
    Deployed {
        id: DeploymentId::from(id),
        asked_at: Timestamp(asked),
        finished_at: Timestamp(finished),
        succeeded,
        rollback,
    }
}

fn told(deployments: &[Deployed]) -> Vec<String> {
    derive(deployments)
        .iter()
        .map(|row| {
            let mut text = format!("{} {}", row.deployment, if row.failed { "failed" } else { "fine" });
            if let Some((by, micros)) = &row.recovery {
                text += &format!(", recovered by {by} after {micros}");
            }
            if row.rework {
                text += &format!(", repairs {}", row.repairs.as_ref().map_or("?", |id| id.as_str()));
            }
            text
        })
        .collect()
}

#[test]
fn a_failure_is_recovered_by_the_next_success_which_is_rework() {
    let rows = told(&[
        deployed("a", 10, 11, true, false),
        deployed("b", 20, 22, false, false),
        deployed("c", 30, 33, false, false),
        deployed("d", 40, 45, true, false),
        deployed("e", 50, 51, true, false),
    ]);
    assert_eq!(
        rows,
        [
            "a fine",
            "b failed, recovered by d after 23",
            "c failed, recovered by d after 12",
            "d fine, repairs c",
            "e fine"
        ]
    );
}

#[test]
fn a_rollback_takes_the_last_success_back() {
    let rows = told(&[deployed("a", 10, 11, true, false), deployed("b", 20, 25, true, true)]);
    assert_eq!(rows, ["a failed, recovered by b after 14", "b fine, repairs a"]);
}

#[test]
fn a_rollback_after_a_failure_repairs_the_failure_and_leaves_the_success_before_it() {
    let rows = told(&[
        deployed("a", 10, 11, true, false),
        deployed("b", 20, 21, false, false),
        deployed("c", 30, 31, true, true),
    ]);
    assert_eq!(rows, ["a fine", "b failed, recovered by c after 10", "c fine, repairs b"]);
}

#[test]
fn the_first_rollback_ever_is_rework_of_something_unknown() {
    assert_eq!(told(&[deployed("a", 10, 11, true, true)]), ["a fine, repairs ?"]);
}

#[test]
fn a_change_is_carried_by_the_first_success_asked_for_after_it_landed() {
    let deployments = [
        deployed("early", 10, 90, true, false),
        deployed("broken", 30, 31, false, false),
        deployed("carrier", 30, 40, true, false),
        deployed("later", 50, 60, true, false),
    ];
    let landed = |id: &str, begun, merged| Landed {
        id: ChangeId::from(id),
        begun_at: Timestamp(begun),
        merged_at: Timestamp(merged),
    };
    let rows = carried(&deployments, &[landed("one", 5, 20), landed("two", 1, 30), landed("three", 1, 70)]);
    let told: Vec<String> =
        rows.iter().map(|row| format!("{} by {} in {}", row.change, row.deployment, row.lead_micros)).collect();
    assert_eq!(told, ["one by carrier in 35", "two by carrier in 39"]);
}

#[test]
fn medians() {
    assert_eq!(median(&mut []), None);
    assert_eq!(median(&mut [3]), Some(3));
    assert_eq!(median(&mut [9, 1, 5]), Some(5));
    assert_eq!(median(&mut [1, 2, 3, 10]), Some(2));
}

fn deployments() -> impl Strategy<Value = Vec<Deployed>> {
    proptest::collection::vec((0_i64..30, 0_i64..10, any::<bool>(), any::<bool>()), 0..25).prop_map(|all| {
        all.into_iter()
            .enumerate()
            .map(|(i, (asked, took, succeeded, rollback))| {
                deployed(&format!("d{i:02}"), asked, asked + took, succeeded, succeeded && rollback)
            })
            .collect()
    })
}

proptest! {
    /// What makes a streaming ledger possible: from two successes before a deployment to two after it, everything
    /// that it can influence comes out as it does from the whole list.
    #[test]
    fn what_a_deployment_means_depends_on_its_neighbours_only(all in deployments(), pick in any::<prop::sample::Index>()) {
        prop_assume!(!all.is_empty());
        let mut sorted = all.clone();
        sorted.sort_by(|a, b| (a.asked_at, &a.id).cmp(&(b.asked_at, &b.id)));
        let at = pick.index(sorted.len());
        let back = |from: usize| (0..from).rev().find(|i| sorted[*i].succeeded);
        let on = |from: usize| (from + 1..sorted.len()).find(|i| sorted[*i].succeeded);
        let (previous, next) = (back(at), on(at));
        let first = previous.and_then(back).unwrap_or(0);
        let last = next.and_then(on).unwrap_or(sorted.len() - 1);
        let whole = derive(&sorted);
        let slice = derive(&sorted[first..=last]);
        let inner = previous.map_or(0, |p| p)..=next.unwrap_or(sorted.len() - 1);
        for i in inner {
            prop_assert_eq!(&whole[i], &slice[i - first]);
        }
    }

    #[test]
    fn the_order_of_arrival_does_not_matter((all, shuffled) in deployments().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle()))) {
        prop_assert_eq!(derive(&all), derive(&shuffled));
    }
}
