//! The port of connections, and the source of their credentials.

use crate::hooks::{delivery, fault};
use crate::ports::{Ports, at, connection};
use opssight_core::connections::{CheckOutcome, ConnectionHealth, Inserted};
use opssight_core::hooks::{DeliveryQuery, Leasing, Settled, Settlement};
use opssight_core::page::PageOf;
use opssight_core::plugins::{Credential, Credentials, Grants, StateWrite};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) fn secret(value: &str) -> Credentials {
    let inputs = BTreeMap::from([("token".to_owned(), value.to_owned())]);
    Credentials::from([("api".to_owned(), Credential { scheme: "bearer".to_owned(), inputs })])
}

pub(crate) async fn a_connection_comes_back_as_it_was_kept(ports: Ports) {
    let mut kept = connection("c");
    kept.grants =
        Arc::new(Grants { networks: vec!["10.1.2.0/24".to_owned()], insecure_http: true, ..Grants::default() });
    let inserted = ports.connections.insert(&kept, &secret("s"), &["runs".to_owned()]).await.unwrap();
    assert_eq!(inserted, Inserted::Kept);
    assert_eq!(ports.connections.connection(&kept.id).await.unwrap(), Some(kept.clone()));
    // Also the second time, when it may come from memory.
    assert_eq!(ports.connections.connection(&kept.id).await.unwrap(), Some(kept));
    assert_eq!(ports.connections.connection(&"other".into()).await.unwrap(), None);
}

pub(crate) async fn credentials_come_back_and_follow_changes(ports: Ports) {
    let mut kept = connection("c");
    ports.connections.insert(&kept, &secret("one"), &[]).await.unwrap();
    assert!(ports.credentials.credentials(&kept.id).await.unwrap() == secret("one"));
    let was = kept.updated_at;
    kept.updated_at = at(1);
    kept.enabled = false;
    assert!(ports.connections.update(&kept, None, was).await.unwrap());
    assert!(ports.credentials.credentials(&kept.id).await.unwrap() == secret("one"));
    assert!(!ports.connections.connection(&kept.id).await.unwrap().unwrap().enabled);
    kept.updated_at = at(2);
    assert!(ports.connections.update(&kept, Some(&secret("two")), at(1)).await.unwrap());
    assert!(ports.credentials.credentials(&kept.id).await.unwrap() == secret("two"));
    assert!(ports.credentials.credentials(&"other".into()).await.unwrap().is_empty());
}

pub(crate) async fn names_are_unique(ports: Ports) {
    ports.connect("a", &[]).await;
    let mut second = ports.connect("b", &[]).await;
    let mut third = connection("d");
    third.name = "the a".to_owned();
    let inserted = ports.connections.insert(&third, &Credentials::new(), &["f".to_owned()]).await.unwrap();
    assert_eq!(inserted, Inserted::NameTaken);
    assert_eq!(ports.connections.connection(&third.id).await.unwrap(), None);
    second.name = "the a".to_owned();
    second.updated_at = at(1);
    assert!(!ports.connections.update(&second, None, at(0)).await.unwrap());
}

pub(crate) async fn a_stale_change_is_refused(ports: Ports) {
    let mut kept = ports.connect("c", &[]).await;
    kept.updated_at = at(5);
    assert!(ports.connections.update(&kept, None, at(0)).await.unwrap());
    kept.updated_at = at(6);
    assert!(!ports.connections.update(&kept, Some(&secret("x")), at(0)).await.unwrap());
    assert!(ports.credentials.credentials(&kept.id).await.unwrap().is_empty());
}

pub(crate) async fn removing_takes_everything_but_what_was_reported(ports: Ports) {
    ports.connect("c", &["runs"]).await;
    let run = crate::items::finished(crate::items::run("1", 1, 0), 9, opssight_core::vocabulary::RunResult::Success);
    let mut effect = crate::ports::effect(vec![run]);
    effect.state = vec![StateWrite { key: "etag".to_owned(), value: Some(b"x".to_vec()) }];
    ports.ingest.apply(effect).await.unwrap();
    let id = ports.inbox.accept(delivery("u1")).await.unwrap().id;
    assert!(ports.connections.remove(&"c".into()).await.unwrap());
    assert!(!ports.connections.remove(&"c".into()).await.unwrap());
    assert_eq!(ports.connections.connection(&"c".into()).await.unwrap(), None);
    assert!(ports.inbox.delivery(&id).await.unwrap().is_none());
    assert_eq!(ports.state.usage(&"c".into()).await.unwrap(), (0, 0));
    assert!(ports.feeds.lease_feeds(&Leasing::up_to(9, at(9_999), at(10_000))).await.unwrap().is_empty());
    assert!(ports.dump().await.contains("runs "));
}

pub(crate) async fn pages_go_newest_first(ports: Ports) {
    for (i, id) in ["a", "b", "d"].into_iter().enumerate() {
        let mut new = connection(id);
        new.created_at = at(i64::try_from(i).unwrap());
        new.plugin = if id == "b" { "jenkins".into() } else { "github".into() };
        ports.connections.insert(&new, &Credentials::new(), &[]).await.unwrap();
    }
    let first = ports.connections.connections(None, &PageOf { after: None, limit: 2 }).await.unwrap();
    let ids: Vec<&str> = first.items.iter().map(|connection| connection.id.as_str()).collect();
    assert_eq!(ids, ["d", "b"]);
    let rest = ports.connections.connections(None, &PageOf { after: first.next, limit: 2 }).await.unwrap();
    assert_eq!((rest.items.len(), rest.items[0].id.as_str(), rest.next), (1, "a", None));
    let github = ports.connections.connections(Some(&"github".into()), &PageOf::default()).await.unwrap();
    assert_eq!(github.items.len(), 2);
}

pub(crate) async fn status_counts_what_waits_and_failed(ports: Ports) {
    let kept = ports.connect("c", &["runs", "changes"]).await;
    let empty = ports.connections.status(&kept.id).await.unwrap();
    assert!(empty.check.is_none() && empty.last_delivery_at.is_none() && empty.feeds.len() == 2);
    ports.inbox.accept(delivery("u1")).await.unwrap();
    let leased = ports.inbox.lease(&Leasing::up_to(1, at(100), at(200))).await.unwrap().remove(0);
    let how = Settled::Failed { fault: fault("plugin") };
    ports.inbox.settle(Settlement { id: leased.id, fence: leased.fence, now: at(101), how }).await.unwrap();
    ports.inbox.accept(delivery("u2")).await.unwrap();
    let outcome = CheckOutcome {
        health: ConnectionHealth::Failing,
        summary: "bad token".to_owned(),
        fault: Some("upstream".to_owned()),
        at: at(3),
    };
    ports.connections.checked(&kept.id, &outcome).await.unwrap();
    let status = ports.connections.status(&kept.id).await.unwrap();
    assert_eq!((status.pending, status.failed), (1, 1));
    assert_eq!(status.last_delivery_at, Some(at(10)));
    let check = status.check.unwrap();
    assert_eq!((check.health, check.summary.as_str(), check.at), (ConnectionHealth::Failing, "bad token", at(3)));
    assert_eq!(ports.inbox.deliveries(&DeliveryQuery::default()).await.unwrap().items.len(), 2);
}

pub(crate) async fn a_caller_that_goes_away_leaves_nothing_stale(ports: Ports) {
    let mut kept = ports.connect("c", &[]).await;
    // In memory from now on.
    assert!(ports.connections.connection(&kept.id).await.unwrap().unwrap().enabled);
    kept.enabled = false;
    kept.updated_at = at(1);
    // The change is asked for, and whoever asked does not wait for the answer.
    let asked = ports.connections.update(&kept, None, at(0));
    assert!(futures::FutureExt::now_or_never(asked).is_none());
    for _ in 0..500 {
        if !ports.connections.connection(&kept.id).await.unwrap().unwrap().enabled {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the old connection is still shown");
}
