//! The port of due times after the clock was set back.

use crate::hooks::{delivery, fault};
use crate::ports::{Ports, at, effect};
use opssight_core::feeds::{LeasedFeed, Pulled};
use opssight_core::hooks::{LeasedDelivery, Leasing, NewDelivery, Settled, Settlement};
use opssight_core::timers::{Bounds, Corrected};

/// By the clock that is an hour ahead.
const AHEAD: i64 = 3_600;
const BY: i64 = AHEAD * 1_000_000;

struct Left {
    /// A delivery and a feed that somebody has.
    held: (LeasedDelivery, LeasedFeed),
    /// The feed that waits for its next turn.
    pulled: String,
}

fn page(next: i64) -> Pulled {
    Pulled::Page { effect: effect(Vec::new()), checkpoint: None, cursor: None, next_at: at(next) }
}

/// What a clock leaves behind that was an hour ahead: a delivery that waits for its first attempt, one for another in a
/// hundred seconds, one that somebody has; and a feed that waits for a minute.
async fn noted_while_it_was_ahead(ports: &Ports) -> Left {
    ports.connect("c", &["runs", "jobs"]).await;
    let accept = |id: &str| ports.inbox.accept(NewDelivery { received_at: at(AHEAD), ..delivery(id) });
    accept("retried").await.unwrap();
    let leased = lease(ports, AHEAD).await.remove(0);
    let how = Settled::Retry { fault: fault("upstream"), at: at(AHEAD + 100) };
    let settlement = Settlement { id: leased.id, fence: leased.fence, now: at(AHEAD), how };
    assert!(ports.inbox.settle(settlement).await.unwrap());
    accept("held").await.unwrap();
    let held = lease(ports, AHEAD).await.remove(0);
    accept("fresh").await.unwrap();
    let mut feeds = ports.feeds.lease_feeds(&Leasing::up_to(2, at(AHEAD), at(AHEAD + 25))).await.unwrap();
    let feed = feeds.remove(0);
    ports.feeds.settle_feed(&feed, at(AHEAD), page(AHEAD + 60)).await.unwrap().unwrap();
    Left { held: (held, feeds.remove(0)), pulled: feed.feed }
}

async fn lease(ports: &Ports, now: i64) -> Vec<LeasedDelivery> {
    ports.inbox.lease(&Leasing::up_to(9, at(now), at(now + 25))).await.unwrap()
}

async fn leased(ports: &Ports, now: i64) -> Vec<String> {
    let mut ids = Vec::new();
    for leased in lease(ports, now).await {
        ids.push(ports.inbox.delivery(&leased.id).await.unwrap().unwrap().0.upstream_id);
    }
    ids.sort();
    ids
}

async fn feeds(ports: &Ports, now: i64) -> Vec<String> {
    let leased = ports.feeds.lease_feeds(&Leasing::up_to(9, at(now), at(now + 25))).await.unwrap();
    leased.into_iter().map(|feed| feed.feed).collect()
}

/// Whoever was at something brings it to its end.
async fn is_settled(ports: &Ports, (delivery, feed): (LeasedDelivery, LeasedFeed), now: i64) {
    let how = Settled::Done { effect: effect(Vec::new()), note: None };
    let settlement = Settlement { id: delivery.id, fence: delivery.fence, now: at(now), how };
    assert!(ports.inbox.settle(settlement).await.unwrap());
    assert!(ports.feeds.settle_feed(&feed, at(now), page(now + 60)).await.unwrap().is_some());
}

pub(crate) async fn d5_a_clock_that_is_set_back_takes_what_waits_with_it(ports: Ports) {
    assert_eq!(ports.timers.latest().await.unwrap(), None);
    let left = noted_while_it_was_ahead(&ports).await;
    assert_eq!(ports.timers.latest().await.unwrap(), Some(at(AHEAD)));
    assert_eq!((leased(&ports, 20).await, feeds(&ports, 20).await), (Vec::new(), Vec::new()));
    assert_eq!(ports.timers.set_back(at(20), BY).await.unwrap(), Corrected { deliveries: 2, feeds: 1 });
    // Each waits for as long as it was to.
    assert_eq!(leased(&ports, 20).await, ["fresh"]);
    assert!(leased(&ports, 44).await.is_empty());
    // Nobody settled the first one.
    assert_eq!(leased(&ports, 99).await, ["fresh"]);
    assert_eq!(leased(&ports, 100).await, ["retried"]);
    assert_eq!((feeds(&ports, 59).await, feeds(&ports, 60).await), (Vec::new(), vec![left.pulled]));
    is_settled(&ports, left.held, 61).await;
}

pub(crate) async fn d5_nothing_waits_for_longer_than_anything_is_meant_to(ports: Ports) {
    let left = noted_while_it_was_ahead(&ports).await;
    let bounds = Bounds { retry: at(20 + 900), lease: at(20 + 300) };
    assert_eq!(ports.timers.bound(at(20), bounds).await.unwrap(), Corrected { deliveries: 3, feeds: 2 });
    assert_eq!(ports.timers.bound(at(20), bounds).await.unwrap(), Corrected::default());
    assert_eq!(leased(&ports, 20).await, ["fresh", "retried"]);
    assert_eq!(feeds(&ports, 20).await, [left.pulled]);
    // Whoever had something is gone: it is somebody else's after a lease, and not after an hour.
    assert_eq!(leased(&ports, 46).await, ["fresh", "retried"]);
    assert_eq!(leased(&ports, 320).await, ["fresh", "held", "retried"]);
    assert_eq!(feeds(&ports, 320).await.len(), 2);
}

pub(crate) async fn what_is_meant_to_wait_waits_and_what_is_done_with_is_due_never(ports: Ports) {
    ports.connect("c", &["runs"]).await;
    let feed = ports.feeds.lease_feeds(&Leasing::up_to(1, at(10), at(35))).await.unwrap().remove(0);
    ports.feeds.settle_feed(&feed, at(10), page(86_400)).await.unwrap().unwrap();
    for (id, how) in [
        ("failed", Settled::Failed { fault: fault("plugin") }),
        ("retried", Settled::Retry { fault: fault("upstream"), at: at(900) }),
    ] {
        ports.inbox.accept(delivery(id)).await.unwrap();
        let leased = lease(&ports, 20).await.remove(0);
        let settlement = Settlement { id: leased.id, fence: leased.fence, now: at(20), how };
        assert!(ports.inbox.settle(settlement).await.unwrap());
    }
    let bounds = Bounds { retry: at(20 + 900), lease: at(20 + 300) };
    assert_eq!(ports.timers.bound(at(20), bounds).await.unwrap(), Corrected::default());
    assert_eq!((leased(&ports, 899).await, feeds(&ports, 86_399).await), (Vec::new(), Vec::new()));
    assert_eq!(leased(&ports, 900).await, ["retried"]);
    assert_eq!(feeds(&ports, 86_400).await, ["runs"]);
    assert_eq!(ports.timers.latest().await.unwrap(), Some(at(10)));
}
