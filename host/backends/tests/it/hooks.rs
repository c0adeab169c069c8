//! The port of the inbox. Names carry the promise that a case is about (see the reliability notes in the docs).

use crate::items::{finished, run};
use crate::ports::{Ports, at, effect};
use opssight_core::hooks::{
    DeliveryFault, DeliveryQuery, DeliveryState, LeasedDelivery, Leasing, NewDelivery, Rejection, Settled, Settlement,
};
use opssight_core::page::PageOf;
use opssight_core::vocabulary::RunResult;

pub(crate) fn delivery(upstream_id: &str) -> NewDelivery {
    NewDelivery {
        connection: "c".into(),
        upstream_id: upstream_id.to_owned(),
        event: Some("workflow_run".to_owned()),
        headers: vec![("x-github-event".to_owned(), "workflow_run".to_owned())],
        body: format!("{{\"id\":\"{upstream_id}\"}}").into_bytes(),
        received_at: at(10),
    }
}

pub(crate) fn fault(source: &str) -> DeliveryFault {
    DeliveryFault { fault: source.to_owned(), code: "some.code".to_owned(), message: "what went wrong".to_owned() }
}

fn rejection(upstream_id: &str, secs: i64) -> Rejection {
    Rejection {
        connection: "c".into(),
        upstream_id: Some(upstream_id.to_owned()),
        event: None,
        size: 12,
        received_at: at(secs),
        fault: fault("sender"),
    }
}

fn settlement(leased: &LeasedDelivery, how: Settled) -> Settlement {
    Settlement { id: leased.id.clone(), fence: leased.fence, now: at(50), how }
}

fn done() -> Settled {
    Settled::Done { effect: effect(vec![finished(run("1", 1, 0), 9, RunResult::Success)]), note: None }
}

async fn lease_one(ports: &Ports, now: i64) -> Option<LeasedDelivery> {
    ports.inbox.lease(&Leasing::up_to(1, at(now), at(now + 60))).await.unwrap().pop()
}

async fn state(ports: &Ports, leased: &LeasedDelivery) -> DeliveryState {
    ports.inbox.delivery(&leased.id).await.unwrap().unwrap().0.state
}

pub(crate) async fn d2_a_delivery_is_kept_once(ports: Ports) {
    let accepts = (0..50).map(|_| ports.inbox.accept(delivery("u1")));
    let accepted: Vec<_> = futures::future::join_all(accepts).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(accepted.iter().filter(|accepted| !accepted.duplicate).count(), 1);
    assert!(accepted.iter().all(|one| one.id == accepted[0].id));
    let leased = ports.inbox.lease(&Leasing::up_to(10, at(20), at(80))).await.unwrap();
    assert_eq!(leased.len(), 1);
    assert_eq!((leased[0].body.clone(), leased[0].headers.clone()), (delivery("u1").body, delivery("u1").headers));
    // Done with, it is still known.
    assert!(ports.inbox.settle(settlement(&leased[0], done())).await.unwrap());
    assert!(ports.inbox.accept(delivery("u1")).await.unwrap().duplicate);
    // The same upstream id through another connection is another delivery.
    let other = NewDelivery { connection: "d".into(), ..delivery("u1") };
    assert!(!ports.inbox.accept(other).await.unwrap().duplicate);
}

pub(crate) async fn a_rejected_delivery_does_not_block_the_genuine_one(ports: Ports) {
    ports.inbox.reject(rejection("u1", 1)).await.unwrap();
    ports.inbox.reject(rejection("u1", 2)).await.unwrap();
    let accepted = ports.inbox.accept(delivery("u1")).await.unwrap();
    assert!(!accepted.duplicate);
    assert_eq!(ports.inbox.lease(&Leasing::up_to(10, at(20), at(80))).await.unwrap().len(), 1);
    let rejected = DeliveryQuery { state: Some(DeliveryState::Rejected), ..DeliveryQuery::default() };
    let rejected = ports.inbox.deliveries(&rejected).await.unwrap().items;
    assert_eq!((rejected.len(), rejected[0].upstream_id.as_str(), rejected[0].size), (2, "u1", 12));
    assert_eq!(rejected[0].fault, Some(fault("sender")));
    assert!(!ports.inbox.replay(&rejected[0].id, at(30)).await.unwrap());
}

pub(crate) async fn a_thousand_rejections_are_kept(ports: Ports) {
    let rejects = (0..1005).map(|secs| ports.inbox.reject(rejection(&secs.to_string(), secs)));
    for rejected in futures::future::join_all(rejects).await {
        rejected.unwrap();
    }
    let (mut query, mut kept) = (DeliveryQuery::default(), Vec::new());
    query.page.limit = 200;
    loop {
        let page = ports.inbox.deliveries(&query).await.unwrap();
        kept.extend(page.items);
        query.page.after = page.next;
        if query.page.after.is_none() {
            break;
        }
    }
    assert_eq!(kept.len(), 1000);
    assert_eq!(kept.last().unwrap().upstream_id, "5");
}

pub(crate) async fn d5_a_lease_can_be_settled_once(ports: Ports) {
    ports.inbox.accept(delivery("u1")).await.unwrap();
    let leased = lease_one(&ports, 20).await.unwrap();
    assert_eq!(leased.attempts, 1);
    assert_eq!(state(&ports, &leased).await, DeliveryState::Processing);
    assert!(ports.inbox.settle(settlement(&leased, done())).await.unwrap());
    assert!(!ports.inbox.settle(settlement(&leased, done())).await.unwrap());
    let (row, body) = ports.inbox.delivery(&leased.id).await.unwrap().unwrap();
    assert_eq!((row.state, row.items, row.finished_at), (DeliveryState::Done, 1, Some(at(50))));
    assert_eq!(body.body, Some(delivery("u1").body));
    ports.inbox.accept(delivery("u2")).await.unwrap();
    let leased = lease_one(&ports, 20).await.unwrap();
    let how = Settled::Done { effect: effect(Vec::new()), note: Some("not for us".to_owned()) };
    assert!(ports.inbox.settle(settlement(&leased, how)).await.unwrap());
    let (row, _) = ports.inbox.delivery(&leased.id).await.unwrap().unwrap();
    assert_eq!((row.state, row.note.as_deref()), (DeliveryState::Ignored, Some("not for us")));
}

pub(crate) async fn a_lease_that_ran_out_goes_to_somebody_else(ports: Ports) {
    ports.inbox.accept(delivery("u1")).await.unwrap();
    let stale = lease_one(&ports, 20).await.unwrap();
    assert!(lease_one(&ports, 79).await.is_none());
    let fresh = lease_one(&ports, 80).await.unwrap();
    assert_eq!((fresh.attempts, fresh.id.clone()), (2, stale.id.clone()));
    assert!(!ports.inbox.settle(settlement(&stale, done())).await.unwrap());
    assert_eq!(ports.dump().await, "");
    assert!(ports.inbox.settle(settlement(&fresh, done())).await.unwrap());
    assert_ne!(ports.dump().await, "");
}

pub(crate) async fn leases_are_taken_back_after_a_crash(ports: Ports) {
    for id in ["u1", "u2", "u3"] {
        ports.inbox.accept(delivery(id)).await.unwrap();
    }
    let leased = ports.inbox.lease(&Leasing::up_to(2, at(20), at(1000))).await.unwrap();
    ports.kill().await;
    assert_eq!(ports.inbox.release_all().await.unwrap(), 2);
    assert_eq!(ports.inbox.lease(&Leasing::up_to(10, at(21), at(1000))).await.unwrap().len(), 3);
    assert!(!ports.inbox.settle(settlement(&leased[0], done())).await.unwrap());
}

/// One connection has a backlog that is older than everything: the others need not wait for it.
pub(crate) async fn connections_take_turns(ports: Ports) {
    for id in 0..20 {
        ports.inbox.accept(delivery(&format!("u{id}"))).await.unwrap();
    }
    for connection in ["d", "e"] {
        for id in ["v1", "v2"] {
            let late = NewDelivery { connection: connection.into(), received_at: at(19), ..delivery(id) };
            ports.inbox.accept(late).await.unwrap();
        }
    }
    let whose = |leased: &[LeasedDelivery]| {
        let mut whose = leased.iter().map(|leased| leased.connection.as_str().to_owned()).collect::<Vec<_>>();
        whose.sort();
        whose.concat()
    };
    let first = ports.inbox.lease(&Leasing::up_to(4, at(20), at(80))).await.unwrap();
    assert_eq!(whose(&first), "ccde");
    // There is no room, but a reserve for who has nothing under way.
    let full = Leasing {
        room: 0,
        reserve: 8,
        share: 8,
        running: [("c".into(), 2), ("d".into(), 1)].into(),
        ..Leasing::up_to(0, at(20), at(80))
    };
    assert_eq!(whose(&ports.inbox.lease(&full).await.unwrap()), "e");
    // There is room, but somebody has had a share of it.
    let shared = Leasing { room: 10, reserve: 20, share: 3, running: [("c".into(), 2)].into(), ..full };
    assert_eq!(whose(&ports.inbox.lease(&shared).await.unwrap()), "cd");
}

pub(crate) async fn a_delivery_that_cannot_be_read_fails_alone(ports: Ports) {
    for id in ["u1", "u2", "u3"] {
        let accepted = ports.inbox.accept(delivery(id)).await.unwrap();
        if id == "u2" {
            ports.damage_headers(&accepted.id).await;
        }
    }
    let leased = ports.inbox.lease(&Leasing::up_to(10, at(20), at(80))).await.unwrap();
    let mut bodies: Vec<Vec<u8>> = leased.iter().map(|leased| leased.body.clone()).collect();
    // They came in at the same moment.
    bodies.sort();
    assert_eq!(bodies, [delivery("u1").body, delivery("u3").body]);
    let failed = DeliveryQuery { state: Some(DeliveryState::Failed), ..DeliveryQuery::default() };
    let failed = ports.inbox.deliveries(&failed).await.unwrap().items;
    assert_eq!((failed.len(), failed[0].upstream_id.as_str(), failed[0].finished_at), (1, "u2", Some(at(20))));
    let fault = failed[0].fault.clone().unwrap();
    assert_eq!((fault.fault.as_str(), fault.code.as_str()), ("host", "host.unreadable-delivery"));
    assert!(fault.message.contains("deliver it again"), "{}", fault.message);
    // It can be looked at, and does not come back by itself.
    let (_, shown) = ports.inbox.delivery(&failed[0].id).await.unwrap().unwrap();
    assert_eq!((shown.headers, shown.body), (Vec::new(), Some(delivery("u2").body)));
    assert!(ports.inbox.lease(&Leasing::up_to(10, at(70), at(80))).await.unwrap().is_empty());
}

pub(crate) async fn a_retry_waits_for_its_time(ports: Ports) {
    ports.inbox.accept(delivery("u1")).await.unwrap();
    assert_eq!(ports.inbox.next_due(at(0)).await.unwrap(), None);
    let leased = lease_one(&ports, 20).await.unwrap();
    let how = Settled::Retry { fault: fault("upstream"), at: at(500) };
    assert!(ports.inbox.settle(settlement(&leased, how)).await.unwrap());
    assert_eq!(ports.inbox.next_due(at(499)).await.unwrap(), Some(at(500)));
    assert_eq!(ports.inbox.next_due(at(500)).await.unwrap(), None, "what is due already is not waited for");
    let (row, _) = ports.inbox.delivery(&leased.id).await.unwrap().unwrap();
    assert_eq!((row.state, row.next_attempt_at), (DeliveryState::Retrying, Some(at(500))));
    assert_eq!((row.fault, row.finished_at), (Some(fault("upstream")), None));
    assert!(lease_one(&ports, 499).await.is_none());
    let again = lease_one(&ports, 500).await.unwrap();
    assert_eq!(again.attempts, 2);
    assert!(ports.inbox.settle(settlement(&again, done())).await.unwrap());
    let (row, _) = ports.inbox.delivery(&leased.id).await.unwrap().unwrap();
    assert_eq!((row.state, row.fault), (DeliveryState::Done, None));
}

pub(crate) async fn a_failed_delivery_can_be_replayed(ports: Ports) {
    ports.inbox.accept(delivery("u1")).await.unwrap();
    let leased = lease_one(&ports, 20).await.unwrap();
    assert!(!ports.inbox.replay(&leased.id, at(21)).await.unwrap());
    assert!(ports.inbox.settle(settlement(&leased, Settled::Failed { fault: fault("plugin") })).await.unwrap());
    assert!(lease_one(&ports, 1000).await.is_none());
    assert!(ports.inbox.replay(&leased.id, at(1001)).await.unwrap());
    assert_eq!(state(&ports, &leased).await, DeliveryState::Pending);
    let again = lease_one(&ports, 1001).await.unwrap();
    assert_eq!((again.attempts, again.body.clone()), (1, delivery("u1").body));
    assert!(again.fence > leased.fence);
    assert!(ports.inbox.settle(settlement(&again, done())).await.unwrap());
    assert!(!ports.inbox.replay(&"dlv_none".into(), at(1)).await.unwrap());
}

pub(crate) async fn lists_filter_and_page(ports: Ports) {
    for i in 0..7 {
        let new = NewDelivery {
            received_at: at(i),
            event: Some(if i % 2 == 0 { "push" } else { "ping" }.to_owned()),
            connection: if i < 5 { "c".into() } else { "d".into() },
            ..delivery(&format!("u{i}"))
        };
        ports.inbox.accept(new).await.unwrap();
    }
    let mut query = DeliveryQuery { page: PageOf { after: None, limit: 3 }, ..DeliveryQuery::default() };
    let mut seen = Vec::new();
    loop {
        let page = ports.inbox.deliveries(&query).await.unwrap();
        seen.extend(page.items.into_iter().map(|delivery| delivery.upstream_id));
        query.page.after = page.next;
        if query.page.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["u6", "u5", "u4", "u3", "u2", "u1", "u0"]);
    let count = async |query: DeliveryQuery| ports.inbox.deliveries(&query).await.unwrap().items.len();
    let base = DeliveryQuery::default;
    assert_eq!(count(DeliveryQuery { connection: Some("d".into()), ..base() }).await, 2);
    assert_eq!(count(DeliveryQuery { event: Some("push".to_owned()), ..base() }).await, 4);
    assert_eq!(count(DeliveryQuery { state: Some(DeliveryState::Pending), ..base() }).await, 7);
    assert_eq!(count(DeliveryQuery { state: Some(DeliveryState::Done), ..base() }).await, 0);
}
