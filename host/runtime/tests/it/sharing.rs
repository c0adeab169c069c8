//! One upstream account, several plugins and connections: who waits for whom.

use crate::egress::{text, upstream};
use crate::harness::{House, loopback, target};
use crate::raw_server::{RawServer, Step, answer};
use crate::requests::Ask;
use opssight_core::id::ConnectionId;
use opssight_core::plugins::{CallError, CallPriority, CallTarget, FailureClass, Plugins};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

fn manifest(id: &str) -> Value {
    json!({
        "id": id,
        "egress": [{ "url": "{setting:base_url}", "methods": ["GET"], "credential": "api", "reason": "to look" }],
        "credentials": [{ "name": "api", "title": "API", "schemes": [
            { "scheme": "bearer", "title": "Token", "inputs": [{ "name": "token", "title": "Token", "secret": true }] },
        ] }],
    })
}

/// Two plugins that use the same token at the same upstream.
fn two_plugins(address: SocketAddr) -> House {
    let house = House::new();
    house.memory.credential("api", "bearer", &[("token", "the-same-token")]);
    house.install(&Ask::get(address, "/").package(manifest("one")));
    house.install(&Ask::get(address, "/").package(manifest("two")));
    house
}

fn of(address: SocketAddr, plugin: &str, connection: &str, priority: CallPriority) -> CallTarget {
    CallTarget {
        plugin: plugin.into(),
        connection: ConnectionId::from(connection),
        priority,
        ..target(json!({ "base_url": format!("http://{address}") }), loopback())
    }
}

fn paused(error: &CallError) -> bool {
    (error.code.as_str(), error.class) == ("rate.paused", FailureClass::RateLimited)
}

#[tokio::test]
async fn what_one_plugin_learns_of_an_account_holds_for_all() {
    let (address, seen) = upstream(|_| {
        let mut answer = text(200, "ok");
        for (name, value) in [("limit", "5000"), ("remaining", "300"), ("reset", "300")] {
            let name = http::HeaderName::try_from(format!("x-ratelimit-{name}")).unwrap();
            answer.headers_mut().insert(name, http::HeaderValue::from_static(value));
        }
        answer
    })
    .await;
    let house = two_plugins(address);
    house.host.check(&of(address, "one", "c1", CallPriority::Backfill)).await.unwrap();
    // Six percent are left: history waits, whoever wants it; the rest goes on.
    let error = house.host.check(&of(address, "two", "c2", CallPriority::Backfill)).await.unwrap_err();
    assert!(paused(&error), "{error}");
    assert_eq!(error.retry_after_ms, Some(300_000));
    for priority in [CallPriority::Reconcile, CallPriority::Live, CallPriority::Interactive] {
        house.host.check(&of(address, "two", "c2", priority)).await.unwrap();
    }
    assert_eq!(seen.lock().unwrap().len(), 4);
    // Another token is another account.
    house.memory.credential("api", "bearer", &[("token", "another-token")]);
    house.host.check(&of(address, "two", "c3", CallPriority::Backfill)).await.unwrap();
    house.clock.advance_secs(301);
    house.memory.credential("api", "bearer", &[("token", "the-same-token")]);
    house.host.check(&of(address, "two", "c2", CallPriority::Backfill)).await.unwrap();
}

#[tokio::test]
async fn a_pause_holds_up_all_but_people() {
    let (address, seen) = upstream(|_| {
        let mut answer = text(429, "slow down");
        answer.headers_mut().insert("retry-after", http::HeaderValue::from_static("30"));
        answer
    })
    .await;
    let house = two_plugins(address);
    house.host.check(&of(address, "one", "c1", CallPriority::Live)).await.unwrap();
    for priority in [CallPriority::Live, CallPriority::Reconcile, CallPriority::Backfill] {
        assert!(paused(&house.host.check(&of(address, "two", "c2", priority)).await.unwrap_err()));
    }
    house.host.check(&of(address, "two", "c2", CallPriority::Interactive)).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn history_that_hangs_starves_nobody() {
    // Every answer takes two seconds.
    let server = RawServer::start(vec![Step::Read, Step::Wait(Duration::from_secs(2)), answer("", b"ok")]).await;
    let house = House::configured(|config| config.max_concurrent_calls = 64);
    house.memory.credential("api", "bearer", &[("token", "the-same-token")]);
    house.install(&Ask::get(server.address, "/").package(manifest("one")));
    house.install(&Ask::get(server.address, "/").package(manifest("two")));
    // More history than there are places, of several connections.
    let history = (0..24).map(|number| {
        let target = of(server.address, "one", &format!("history-{}", number % 4), CallPriority::Backfill);
        let host = house.host.clone();
        tokio::spawn(async move { host.check(&target).await })
    });
    let history: Vec<_> = history.collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(server.opened() <= 8, "{} at once", server.opened());
    for priority in [CallPriority::Live, CallPriority::Interactive] {
        let start = Instant::now();
        house.host.check(&of(server.address, "two", "now", priority)).await.unwrap();
        assert!(start.elapsed() < Duration::from_millis(3_500), "{priority:?}: {:?}", start.elapsed());
    }
    for call in history {
        call.await.unwrap().unwrap();
    }
}
