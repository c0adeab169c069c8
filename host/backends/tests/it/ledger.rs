//! The port of delivery: what the ledger says, and that following events says what computing afresh says.

use crate::items::{change, deployed, deployment, item, merged, ms};
use crate::ports::{Ports, at};
use opssight_core::delivery::dora::Metric;
use opssight_core::delivery::{ChangeQuery, DeploymentQuery, EvidenceQuery, MetricsQuery, Outcome};
use opssight_core::id::{ChangeId, ConnectionId, DeploymentId};
use opssight_core::items::{Body, Item};
use opssight_core::page::PageOf;
use opssight_core::vocabulary::{ChangeState, DeploymentState};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};

fn whole() -> MetricsQuery {
    MetricsQuery { service: None, environment: None, from: at(-1_000_000), to: at(10_000_000) }
}

fn dep(id: &str) -> DeploymentId {
    DeploymentId::of(&ConnectionId::from("c"), id)
}

pub(crate) async fn a_failure_is_recovered_by_the_next_success(ports: Ports) {
    ports
        .apply(vec![
            deployment("ok", 0, DeploymentState::Success, 5),
            deployment("bad", 10, DeploymentState::Failure, 15),
            merged(change(1, 2, "x"), 12),
            deployment("fix", 20, DeploymentState::Success, 25),
            deployment("running", 30, DeploymentState::Running, 31),
            deployment("replaced", 28, DeploymentState::Inactive, 29),
        ])
        .await;
    ports.follow_all(2).await;
    let rows = ports.delivery.ledger(&whole()).await.unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[1].deployment.recovery, Some((dep("fix"), 10_000_000)));
    assert_eq!((rows[2].deployment.repairs.clone(), rows[2].deployment.rework), (Some(dep("bad")), true));
    assert_eq!(rows[2].changes.len(), 1);
    assert_eq!(rows[2].changes[0].lead_micros, 23_000_000);
    let (_, row) = ports.delivery.deployment(&dep("bad")).await.unwrap().unwrap();
    assert_eq!(row.unwrap(), rows[1].deployment);
    let (running, row) = ports.delivery.deployment(&dep("running")).await.unwrap().unwrap();
    assert_eq!((running.outcome, row), (Outcome::Pending, None));
    assert_eq!(ports.delivery.follow(10).await.unwrap(), 0);
    // A window takes rows by their end.
    let window = MetricsQuery { from: at(15), to: at(25), ..whole() };
    assert_eq!(ports.delivery.ledger(&window).await.unwrap().len(), 1);
    let elsewhere = MetricsQuery { service: Some("acme/web".to_owned()), ..whole() };
    assert!(ports.delivery.ledger(&elsewhere).await.unwrap().is_empty());
}

pub(crate) async fn evidence_is_linked_to_each_metric(ports: Ports) {
    let mut back = deployed("back", 40, DeploymentState::Success, 45);
    back.task = Some("deploy:rollback".to_owned());
    ports
        .apply(vec![
            deployment("ok", 0, DeploymentState::Success, 5),
            deployment("bad", 10, DeploymentState::Failure, 15),
            deployment("fix", 20, DeploymentState::Success, 25),
            item(45, Body::Deployment(back)),
            merged(change(1, 2, "x"), 12),
            merged(change(2, 3, "y"), 13),
        ])
        .await;
    ports.follow_all(100).await;
    let of =
        MetricsQuery { service: Some("acme/shop".to_owned()), environment: Some("production".to_owned()), ..whole() };
    let cases: [(Metric, &[&str]); 4] = [
        (Metric::DeploymentFrequency, &["back", "fix", "ok"]),
        (Metric::ChangeFailRate, &["fix", "bad"]),
        (Metric::FailedDeploymentRecoveryTime, &["fix", "bad"]),
        (Metric::DeploymentReworkRate, &["back", "fix"]),
    ];
    for (metric, expected) in cases {
        let query = EvidenceQuery { metric, of: of.clone(), page: PageOf::default() };
        let found = ports.delivery.evidence(&query).await.unwrap().items;
        let ids: Vec<&str> = found.iter().map(|one| one.deployment.upstream_id.as_str()).collect();
        assert_eq!(ids, expected, "{metric:?}");
    }
    let mut query = EvidenceQuery { metric: Metric::ChangeLeadTime, of, page: PageOf { after: None, limit: 1 } };
    let first = ports.delivery.evidence(&query).await.unwrap();
    query.page.after = first.next;
    let second = ports.delivery.evidence(&query).await.unwrap();
    assert!(second.next.is_none());
    let mut leads: Vec<(u64, i64)> = [&first.items[0], &second.items[0]]
        .into_iter()
        .map(|one| one.change.as_ref().map(|(row, change)| (change.number, row.lead_micros)).unwrap())
        .collect();
    leads.sort_unstable();
    assert_eq!(leads, [(1, 23_000_000), (2, 22_000_000)]);
    assert_eq!(first.items[0].deployment.upstream_id, "fix");
}

pub(crate) async fn deployments_and_changes_are_listed(ports: Ports) {
    ports
        .apply(vec![
            deployment("a", 0, DeploymentState::Success, 5),
            deployment("b", 10, DeploymentState::Failure, 15),
            merged(change(1, 2, "x"), 12),
            item(5, Body::Change(change(2, 3, "y"))),
        ])
        .await;
    let page = |limit| PageOf { after: None, limit };
    let first = ports.delivery.deployments(&DeploymentQuery { page: page(1), ..Default::default() }).await.unwrap();
    assert_eq!(first.items[0].upstream_id, "b");
    let after = DeploymentQuery { page: PageOf { after: first.next, limit: 5 }, ..Default::default() };
    assert_eq!(ports.delivery.deployments(&after).await.unwrap().items[0].upstream_id, "a");
    let failed = DeploymentQuery { outcome: Some(Outcome::Failed), ..Default::default() };
    assert_eq!(ports.delivery.deployments(&failed).await.unwrap().items.len(), 1);
    let elsewhere = DeploymentQuery { environment: Some("staging".to_owned()), ..Default::default() };
    assert!(ports.delivery.deployments(&elsewhere).await.unwrap().items.is_empty());
    let open = ChangeQuery { state: Some(ChangeState::Open), ..Default::default() };
    assert_eq!(ports.delivery.changes(&open).await.unwrap().items[0].number, 2);
    let all = ports.delivery.changes(&ChangeQuery::default()).await.unwrap().items;
    assert_eq!(all.iter().map(|change| change.number).collect::<Vec<_>>(), [2, 1]);
    let id = ChangeId::of(&"c".into(), "acme/shop", 1);
    assert_eq!(ports.delivery.change(&id).await.unwrap().unwrap().number, 1);
}

/// Observations of a few deployments and changes that move, collide and contradict each other: few distinct times, so
/// that ties are common; times that become known late; services and environments that are corrected.
fn observation() -> impl Strategy<Value = Item> {
    let deployment = (
        0..12_u8,
        proptest::option::weighted(0.8, 0..10_i64),
        proptest::sample::select(vec![
            DeploymentState::Success,
            DeploymentState::Success,
            DeploymentState::Success,
            DeploymentState::Failure,
            DeploymentState::Error,
            DeploymentState::Running,
            DeploymentState::Inactive,
        ]),
        0..12_i64,
        (proptest::bool::weighted(0.2), proptest::bool::weighted(0.1), proptest::bool::weighted(0.1)),
        0..20_i64,
    )
        .prop_map(|(id, asked, state, since, (rollback, staging, other), seen)| {
            let mut deployed = deployed(&format!("d{id}"), 0, state, since);
            deployed.created_at = asked.map(ms);
            deployed.task = rollback.then(|| "deploy:rollback".to_owned());
            if staging {
                deployed.environment = Some("staging".to_owned());
            }
            if other {
                deployed.service = "acme/web".to_owned();
            }
            item(seen, Body::Deployment(deployed))
        });
    let change = (1..10_u64, proptest::option::of(0..10_i64), proptest::option::of(0..12_i64), 0..20_i64).prop_map(
        |(number, created, landed, seen)| {
            let mut change = change(number, 0, &format!("h{number}"));
            change.created_at = created.map(ms);
            change.merged_at = landed.map(ms);
            item(seen, Body::Change(change))
        },
    );
    prop_oneof![3 => deployment, 1 => change]
}

pub(crate) async fn following_equals_computing_afresh(ports: Ports) {
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let story = (proptest::collection::vec(observation(), 1..80), 1..8_usize, 1..9_u32, 1..4_usize);
    let mut known: Option<Ports> = Some(ports);
    for _ in 0..40 {
        let (items, batch, limit, every) = story.new_tree(&mut runner).unwrap().current();
        let streamed = match known.take() {
            Some(ports) => ports,
            None => crate::ports::sqlite().await,
        };
        for (n, chunk) in items.chunks(batch).enumerate() {
            streamed.apply(chunk.to_vec()).await;
            // Sometimes the ledger lags behind several deliveries, sometimes it stops half-way through one.
            if n % every == 0 {
                streamed.delivery.follow(limit).await.unwrap();
            }
        }
        streamed.follow_all(limit).await;
        let ledger = streamed.delivery.ledger(&whole()).await.unwrap();
        assert_eq!(ledger, streamed.delivery.recompute(&whole()).await.unwrap(), "{items:#?}");
        let shuffled = Just(items.clone()).prop_shuffle().new_tree(&mut runner).unwrap().current();
        let other = crate::ports::sqlite().await;
        other.apply(shuffled).await;
        other.follow_all(1000).await;
        assert_eq!(other.dump().await, streamed.dump().await);
    }
}
