//! The port of due times after the clock was set.

use crate::hooks::{delivery, fault};
use crate::ports::{Ports, at};
use opssight_core::feeds::Pulled;
use opssight_core::hooks::{Leasing, NewDelivery, Settled, Settlement};
use opssight_core::timers::Hastened;

/// By the clock that is an hour ahead.
const AHEAD: i64 = 3_600;

pub(crate) async fn d5_what_a_clock_noted_that_was_ahead_does_not_wait_for_it(ports: Ports) {
    assert_eq!(ports.timers.latest().await.unwrap(), None);
    ports.connect("c", &["runs", "jobs"]).await;
    let accept = |id: &str| ports.inbox.accept(NewDelivery { received_at: at(AHEAD), ..delivery(id) });
    // One waits for its first attempt, one for another, and one is being worked on.
    accept("retried").await.unwrap();
    let leased = ports.inbox.lease(&Leasing::up_to(1, at(AHEAD), at(AHEAD + 25))).await.unwrap().remove(0);
    let how = Settled::Retry { fault: fault("upstream"), at: at(AHEAD + 900) };
    let settlement = Settlement { id: leased.id.clone(), fence: leased.fence, now: at(AHEAD), how };
    assert!(ports.inbox.settle(settlement).await.unwrap());
    accept("worked on").await.unwrap();
    let held = ports.inbox.lease(&Leasing::up_to(1, at(AHEAD + 1), at(AHEAD + 25))).await.unwrap().remove(0);
    accept("fresh").await.unwrap();
    let feeds = ports.feeds.lease_feeds(&Leasing::up_to(2, at(AHEAD), at(AHEAD + 25))).await.unwrap();
    let pulled = Pulled::Page {
        effect: crate::ports::effect(Vec::new()),
        checkpoint: None,
        cursor: None,
        next_at: at(AHEAD + 60),
    };
    ports.feeds.settle_feed(&feeds[0], at(AHEAD), pulled.clone()).await.unwrap().unwrap();
    assert_eq!(ports.timers.latest().await.unwrap(), Some(at(AHEAD)));

    // The clock is right again.
    let now = at(20);
    assert!(ports.inbox.lease(&Leasing::up_to(9, now, at(45))).await.unwrap().is_empty());
    assert_eq!(ports.timers.hasten(now).await.unwrap(), Hastened { deliveries: 2, feeds: 1 });
    assert_eq!(ports.timers.hasten(now).await.unwrap(), Hastened::default());
    let mut ids: Vec<String> = Vec::new();
    for leased in ports.inbox.lease(&Leasing::up_to(9, now, at(45))).await.unwrap() {
        ids.push(ports.inbox.delivery(&leased.id).await.unwrap().unwrap().0.upstream_id);
    }
    ids.sort();
    assert_eq!(ids, ["fresh", "retried"]);
    let due = ports.feeds.lease_feeds(&Leasing::up_to(9, now, at(45))).await.unwrap();
    assert_eq!(due.iter().map(|feed| &feed.feed).collect::<Vec<_>>(), [&feeds[0].feed]);
    // Whoever was at something brings it to its end.
    let done = Settled::Done { effect: crate::ports::effect(Vec::new()), note: None };
    let settlement = Settlement { id: held.id, fence: held.fence, now, how: done };
    assert!(ports.inbox.settle(settlement).await.unwrap());
    assert!(ports.feeds.settle_feed(&feeds[1], now, pulled).await.unwrap().is_some());
}

pub(crate) async fn what_is_done_with_is_due_never(ports: Ports) {
    ports.inbox.accept(delivery("done")).await.unwrap();
    let leased = ports.inbox.lease(&Leasing::up_to(1, at(20), at(45))).await.unwrap().remove(0);
    let done = Settled::Failed { fault: fault("plugin") };
    let settlement = Settlement { id: leased.id, fence: leased.fence, now: at(30), how: done };
    assert!(ports.inbox.settle(settlement).await.unwrap());
    // What is done with is due never, whatever the clock says.
    assert_eq!(ports.timers.hasten(at(5)).await.unwrap(), Hastened::default());
    assert!(ports.inbox.lease(&Leasing::up_to(1, at(99_999), at(100_000))).await.unwrap().is_empty());
    assert_eq!(ports.timers.latest().await.unwrap(), Some(at(10)));
}
