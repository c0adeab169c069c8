//! The port of feeds.

use crate::items::{finished, run};
use crate::ports::{Ports, at, effect};
use opssight_core::feeds::{LeasedFeed, Pulled};
use opssight_core::hooks::Leasing;
use opssight_core::items::Item;
use opssight_core::vocabulary::RunResult;

fn page(items: Vec<Item>, checkpoint: Option<&str>, cursor: Option<&str>, next: i64) -> Pulled {
    Pulled::Page {
        effect: effect(items),
        checkpoint: checkpoint.map(str::to_owned),
        cursor: cursor.map(str::to_owned),
        next_at: at(next),
    }
}

async fn lease_one(ports: &Ports, now: i64) -> Option<LeasedFeed> {
    ports.feeds.lease_feeds(&Leasing::up_to(1, at(now), at(now + 60))).await.unwrap().pop()
}

pub(crate) async fn a_feed_is_leased_once_and_resumes_where_it_was(ports: Ports) {
    ports.connect("c", &["runs"]).await;
    let leased = lease_one(&ports, 1).await.unwrap();
    assert_eq!((leased.feed.as_str(), leased.checkpoint.as_deref(), leased.failures), ("runs", None, 0));
    assert!(lease_one(&ports, 1).await.is_none());
    assert!(lease_one(&ports, 60).await.is_none());
    let items = vec![finished(run("1", 1, 0), 9, RunResult::Success)];
    let applied = ports.feeds.settle_feed(&leased, at(2), page(items, Some("cp1"), None, 300)).await.unwrap().unwrap();
    assert_eq!((applied.items, applied.changed), (1, 1));
    assert!(lease_one(&ports, 299).await.is_none());
    let again = lease_one(&ports, 300).await.unwrap();
    assert_eq!(again.checkpoint.as_deref(), Some("cp1"));
    ports.feeds.settle_feed(&again, at(301), page(Vec::new(), None, None, 600)).await.unwrap().unwrap();
    assert_eq!(lease_one(&ports, 600).await.unwrap().checkpoint.as_deref(), Some("cp1"));
    let status = ports.connections.status(&"c".into()).await.unwrap();
    assert_eq!((status.feeds[0].items, status.feeds[0].last_success_at), (1, Some(at(301))));
}

pub(crate) async fn a_page_that_brought_more_goes_on_at_once(ports: Ports) {
    ports.connect("c", &["runs"]).await;
    let leased = lease_one(&ports, 1).await.unwrap();
    ports.feeds.settle_feed(&leased, at(2), page(Vec::new(), None, Some("page2"), 2)).await.unwrap().unwrap();
    let next = lease_one(&ports, 2).await.unwrap();
    assert_eq!((next.cursor.as_deref(), next.checkpoint.as_deref()), (Some("page2"), None));
    ports.feeds.settle_feed(&next, at(3), page(Vec::new(), Some("cp"), None, 60)).await.unwrap().unwrap();
    let last = lease_one(&ports, 60).await.unwrap();
    assert_eq!((last.cursor, last.checkpoint.as_deref()), (None, Some("cp")));
}

pub(crate) async fn a_lost_lease_changes_nothing(ports: Ports) {
    ports.connect("c", &["runs"]).await;
    let stale = lease_one(&ports, 1).await.unwrap();
    let fresh = lease_one(&ports, 100).await.unwrap();
    assert!(fresh.fence > stale.fence);
    let items = vec![finished(run("1", 1, 0), 9, RunResult::Success)];
    assert!(ports.feeds.settle_feed(&stale, at(101), page(items, Some("x"), None, 1)).await.unwrap().is_none());
    assert_eq!(ports.dump().await, "");
    assert!(ports.feeds.settle_feed(&fresh, at(102), page(Vec::new(), None, None, 200)).await.unwrap().is_some());
    // Settled is settled.
    assert!(ports.feeds.settle_feed(&fresh, at(103), page(Vec::new(), None, None, 300)).await.unwrap().is_none());
    assert_eq!(lease_one(&ports, 200).await.unwrap().checkpoint, None);
}

pub(crate) async fn connections_take_turns(ports: Ports) {
    ports.connect("c", &["f1", "f2", "f3", "f4", "f5", "f6"]).await;
    for connection in ["d", "e"] {
        ports.connect(connection, &["f1", "f2"]).await;
        // They are due later than all of the first one.
        ports.feeds.declare_feeds(&connection.into(), &[], at(0)).await.unwrap();
        ports.feeds.declare_feeds(&connection.into(), &["f1".to_owned(), "f2".to_owned()], at(5)).await.unwrap();
    }
    let whose = async |ask: Leasing| {
        let leased = ports.feeds.lease_feeds(&ask).await.unwrap();
        leased.iter().map(|leased| leased.connection.as_str()).collect::<String>()
    };
    assert_eq!(whose(Leasing::up_to(4, at(20), at(80))).await, "cdec");
    // There is no room, but a reserve for who has nothing under way.
    let running = [("c".into(), 2), ("d".into(), 1)].into();
    let full = Leasing { room: 0, reserve: 8, share: 8, running, ..Leasing::up_to(0, at(20), at(80)) };
    assert_eq!(whose(full.clone()).await, "e");
    // There is room, but somebody has had a share of it.
    let shared = Leasing { room: 10, reserve: 20, share: 3, running: [("c".into(), 2)].into(), ..full };
    assert_eq!(whose(shared).await, "dc");
}

pub(crate) async fn failures_are_counted_until_a_success(ports: Ports) {
    ports.connect("c", &["runs"]).await;
    for failures in 0..3_u32 {
        let leased = lease_one(&ports, i64::from(failures) * 10).await.unwrap();
        assert_eq!(leased.failures, failures);
        let how = Pulled::Failed { error: "503".to_owned(), next_at: at(i64::from(failures) * 10 + 10) };
        assert!(ports.feeds.settle_feed(&leased, at(1), how).await.unwrap().is_some());
    }
    let failing = ports.connections.status(&"c".into()).await.unwrap();
    assert_eq!(failing.feeds[0].error.as_deref(), Some("503"));
    let leased = lease_one(&ports, 30).await.unwrap();
    ports.feeds.settle_feed(&leased, at(31), page(Vec::new(), None, None, 40)).await.unwrap().unwrap();
    assert_eq!(lease_one(&ports, 40).await.unwrap().failures, 0);
    assert_eq!(ports.connections.status(&"c".into()).await.unwrap().feeds[0].error, None);
}

pub(crate) async fn feeds_of_a_disabled_connection_rest(ports: Ports) {
    let mut connection = ports.connect("c", &["runs"]).await;
    connection.enabled = false;
    connection.updated_at = at(1);
    ports.connections.update(&connection, None, at(0)).await.unwrap();
    assert!(lease_one(&ports, 100).await.is_none());
}

pub(crate) async fn declared_feeds_replace_each_other(ports: Ports) {
    ports.connect("c", &["runs", "old"]).await;
    let leased = lease_one(&ports, 1).await.unwrap();
    let old = lease_one(&ports, 1).await.unwrap();
    assert_eq!((leased.feed.as_str(), old.feed.as_str()), ("old", "runs"));
    ports.feeds.settle_feed(&old, at(2), page(Vec::new(), Some("cp"), None, 500)).await.unwrap().unwrap();
    let feeds = ["runs".to_owned(), "new".to_owned()];
    ports.feeds.declare_feeds(&"c".into(), &feeds, at(3)).await.unwrap();
    let names: Vec<String> =
        ports.connections.status(&"c".into()).await.unwrap().feeds.into_iter().map(|feed| feed.name).collect();
    assert_eq!(names, ["new", "runs"]);
    let new = lease_one(&ports, 3).await.unwrap();
    assert_eq!(new.feed, "new");
    ports.feeds.settle_feed(&new, at(4), page(Vec::new(), None, None, 900)).await.unwrap().unwrap();
    assert_eq!(lease_one(&ports, 500).await.unwrap().checkpoint.as_deref(), Some("cp"));
    // A connection that is gone gets none.
    ports.feeds.declare_feeds(&"gone".into(), &feeds, at(3)).await.unwrap();
    assert!(!ports.feeds.hurry(&"gone".into(), at(4)).await.unwrap());
}

pub(crate) async fn hurrying_makes_feeds_due(ports: Ports) {
    ports.connect("c", &["runs"]).await;
    let leased = lease_one(&ports, 1).await.unwrap();
    ports.feeds.settle_feed(&leased, at(2), page(Vec::new(), None, None, 5000)).await.unwrap().unwrap();
    assert!(lease_one(&ports, 10).await.is_none());
    assert!(ports.feeds.hurry(&"c".into(), at(10)).await.unwrap());
    assert!(lease_one(&ports, 10).await.is_some());
}
