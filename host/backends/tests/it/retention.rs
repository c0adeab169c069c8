//! The port of retention.

use crate::hooks::delivery;
use crate::items::{change, deployment, finished, job, merged, run};
use crate::ports::{Ports, at, effect};
use futures::{StreamExt, TryStreamExt};
use opssight_core::delivery::MetricsQuery;
use opssight_core::hooks::{Leasing, NewDelivery, Settled, Settlement};
use opssight_core::plugins::installs::PluginEvent;
use opssight_core::retention::{Keep, Purged};
use opssight_core::time::Timestamp;
use opssight_core::vocabulary::{DeploymentState, RunResult};

pub(crate) fn keep_since(since: Timestamp) -> Keep {
    Keep {
        bodies_since: since,
        deliveries_since: since,
        runs_since: since,
        delivery_since: since,
        events_since: since,
        unrelayed_since: since,
        relays: Vec::new(),
        plugin_events_since: since,
    }
}

async fn purge_all(ports: &Ports, keep: Keep) -> u64 {
    let mut total = 0;
    loop {
        let purged = ports.retention.purge(&keep).await.unwrap();
        let Purged { bodies, deliveries, runs, delivery, events, plugin_events, unrelayed: _ } = purged;
        let gone = bodies + deliveries + runs + delivery + events + plugin_events;
        total += gone;
        if gone == 0 {
            return total;
        }
    }
}

fn whole() -> MetricsQuery {
    MetricsQuery { service: None, environment: None, from: at(-1_000_000), to: at(10_000_000) }
}

pub(crate) async fn what_is_old_goes_and_what_waits_stays(ports: Ports) {
    ports
        .apply(vec![
            finished(run("1", 1, 10), 20, RunResult::Success),
            job("j", "1", 1, "test", (11, 12), RunResult::Success),
            job("o", "never-seen", 1, "orphan", (11, 12), RunResult::Success),
            finished(run("2", 1, 2000), 2010, RunResult::Success),
        ])
        .await;
    for (id, secs) in [("old-done", 1), ("old-waits", 2), ("new-done", 3000)] {
        ports.inbox.accept(NewDelivery { received_at: at(secs), ..delivery(id) }).await.unwrap();
    }
    for leased in ports.inbox.lease(&Leasing::up_to(10, at(4000), at(5000))).await.unwrap() {
        let (_, body) = ports.inbox.delivery(&leased.id).await.unwrap().unwrap();
        if body.body == Some(delivery("old-waits").body) {
            continue;
        }
        let how = Settled::Done { effect: effect(Vec::new()), note: None };
        ports.inbox.settle(Settlement { id: leased.id, fence: leased.fence, now: at(4001), how }).await.unwrap();
    }
    // Bodies first: the row stays, and says that it cannot be replayed.
    let bodies = Keep { bodies_since: at(1000), ..keep_since(at(-1)) };
    assert_eq!(ports.retention.purge(&bodies).await.unwrap(), Purged { bodies: 1, ..Purged::default() });
    let rows = ports.inbox.deliveries(&Default::default()).await.unwrap().items;
    let old = rows.iter().find(|row| row.upstream_id == "old-done").unwrap();
    let (_, body) = ports.inbox.delivery(&old.id).await.unwrap().unwrap();
    assert_eq!(body.body, None);
    assert!(!ports.inbox.replay(&old.id, at(5000)).await.unwrap());
    purge_all(&ports, keep_since(at(1000))).await;
    let left: Vec<String> = ports
        .inbox
        .deliveries(&Default::default())
        .await
        .unwrap()
        .items
        .into_iter()
        .map(|row| row.upstream_id)
        .collect();
    assert_eq!(left, ["new-done", "old-waits"]);
    let dump = ports.dump().await;
    assert_eq!(dump.lines().count(), 1, "{dump}");
    ports.kill().await;
    assert_eq!(ports.inbox.release_all().await.unwrap(), 1);
    assert_eq!(
        ports.inbox.lease(&Leasing::up_to(1, at(6000), at(7000))).await.unwrap()[0].body,
        delivery("old-waits").body
    );
}

pub(crate) async fn the_ledger_stays_right_when_its_past_goes(ports: Ports) {
    let mut items = Vec::new();
    for n in 0..30_i64 {
        let state = if n % 3 == 1 { DeploymentState::Failure } else { DeploymentState::Success };
        items.push(deployment(&format!("d{n}"), n * 10, state, n * 10 + 5));
        items.push(merged(change(u64::try_from(n + 1).unwrap(), n * 10 - 8, "x"), n * 10 - 3));
    }
    ports.apply(items).await;
    ports.follow_all(50).await;
    assert_eq!(ports.delivery.ledger(&whole()).await.unwrap().len(), 30);
    // In the middle of a failure and its recovery.
    let keep = Keep { delivery_since: at(135), ..keep_since(at(-1)) };
    assert!(purge_all(&ports, keep).await >= 14);
    let left = ports.delivery.ledger(&whole()).await.unwrap();
    assert_eq!(left.len(), 16);
    assert_eq!(left, ports.delivery.recompute(&whole()).await.unwrap());
}

pub(crate) async fn events_stay_until_the_ledger_saw_them(ports: Ports) {
    ports.apply(vec![finished(run("1", 1, 10), 20, RunResult::Success)]).await;
    let keep = Keep { events_since: at(9_000_000), ..keep_since(at(-1)) };
    assert_eq!(ports.retention.purge(&keep).await.unwrap().events, 0);
    ports.follow_all(10).await;
    assert_eq!(ports.retention.purge(&keep).await.unwrap().events, 1);
    assert_eq!(ports.events.bounds().await.unwrap(), (2, 1));
    ports.apply(vec![finished(run("2", 1, 10), 20, RunResult::Success)]).await;
    assert_eq!(ports.events.bounds().await.unwrap(), (2, 2));
}

fn happened(plugin: &str, what: &str, secs: i64) -> PluginEvent {
    PluginEvent {
        seq: 0,
        at: at(secs),
        plugin: plugin.into(),
        digest: None,
        what: what.to_owned(),
        actor: "admin".to_owned(),
        detail: "a sentence".to_owned(),
    }
}

pub(crate) async fn what_happened_to_plugins_goes_but_not_that_one_was_uninstalled(ports: Ports) {
    let told = async |plugin: &str| -> Vec<String> {
        let mut told = Vec::new();
        let mut before = None;
        loop {
            let page = ports.installs.events(Some(&plugin.into()), before, 500).await.unwrap();
            before = page.last().map(|event| event.seq);
            told.extend(page.into_iter().map(|event| format!("{} {}", event.what, event.at.since(at(0)) / 1_000_000)));
            if before.is_none() {
                return told;
            }
        }
    };
    let story = [("installed", 1), ("uninstalled", 2), ("installed", 3), ("uninstalled", 4), ("installed", 200)];
    for (what, secs) in story {
        ports.installs.note(happened("a", what, secs)).await.unwrap();
    }
    ports.installs.note(happened("b", "installed", 5)).await.unwrap();
    let keep = Keep { plugin_events_since: at(100), ..keep_since(at(-1)) };
    assert_eq!(purge_all(&ports, keep.clone()).await, 4);
    assert_eq!(told("a").await, ["installed 200", "uninstalled 4"]);
    assert!(ports.installs.happened(&"a".into(), "uninstalled").await.unwrap());
    assert!(told("b").await.is_empty());
    // Far too much of one plugin goes before it is old, and nothing of the others.
    let noted = (0..10_200).map(|secs| ports.installs.note(happened("loud", "breaker-opened", 1_000 + secs)));
    futures::stream::iter(noted).buffered(500).try_collect::<Vec<()>>().await.unwrap();
    assert_eq!(purge_all(&ports, keep).await, 200);
    assert_eq!(told("loud").await.len(), 10_000);
    assert_eq!(told("a").await.len(), 2);
}
