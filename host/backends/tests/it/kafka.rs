//! Kafka's edge: what is handed on arrives in order, and nothing is missing, whatever fails. On the broker that
//! `cargo xtask test` starts, and for faults on the client library's own mock cluster.

mod broker;
mod door;
mod faults;
mod reader;
mod relaying;
mod sasl;
mod secured;
mod starts;
mod taker;
mod times;

use crate::items::{finished, run, started};
use crate::ports::Ports;
use async_trait::async_trait;
use opssight_backends::kafka::{KafkaOptions, KafkaSink, KafkaTopic};
use opssight_core::error::StoreError;
use opssight_core::events::{Again, Relay, Relays, Rewound, Start, Step, Turn};
use opssight_core::vocabulary::RunResult;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[expect(clippy::disallowed_methods, reason = "`cargo xtask test` says where its broker is")]
fn given(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: `cargo xtask test` starts a broker and sets it; for one test, run `cargo xtask services` \
             beside it and set what that prints"
        )
    })
}

/// Where the broker is.
pub(super) fn broker() -> String {
    given("OPSSIGHT_TEST_KAFKA")
}

pub(super) fn options(brokers: &str) -> KafkaOptions {
    KafkaOptions { brokers: brokers.to_owned(), tls: None, login: None, patience: Duration::from_secs(10) }
}

/// A topic of a test's own.
pub(super) fn topic(name: &str) -> KafkaTopic {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("{name}.{}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    KafkaTopic { name, create: true, partitions: 3, replicas: Some(1) }
}

pub(super) fn relay(ports: &Ports, options: KafkaOptions, topic: &KafkaTopic) -> Relay {
    Relay {
        name: "kafka".to_owned(),
        log: Arc::clone(&ports.events),
        relays: Arc::clone(&ports.relays),
        sink: Arc::new(KafkaSink::new(options, topic.clone(), "https://ops.example.com".to_owned())),
        start: Start::Oldest,
    }
}

/// Make events happen: so many runs start, and then end, so that each subject has two.
pub(super) async fn happen(ports: &Ports, prefix: &str, runs: i64) {
    let names: Vec<String> = (0..runs).map(|n| format!("{prefix}{n}")).collect();
    let before = ports.events.bounds().await.unwrap().1;
    ports.apply(names.iter().map(|name| started(run(name, 1, 10), 20)).collect()).await;
    ports.apply(names.iter().map(|name| finished(run(name, 1, 10), 30, RunResult::Success)).collect()).await;
    assert_eq!(ports.events.bounds().await.unwrap().1 - before, 2 * runs);
}

/// Step until there is nothing new; how many were handed on.
pub(super) async fn drain(relay: &Relay) -> usize {
    let (mut turn, mut relayed) = (None, 0);
    loop {
        match relay.step(&mut turn).await.unwrap() {
            Step::Relayed(events) => relayed += events,
            Step::Idle => return relayed,
            Step::Lost | Step::Elsewhere => {}
        }
    }
}

/// As if the process were killed after the broker acknowledged and before the place was kept, so many times.
pub(super) struct Mortal {
    pub(super) relays: Arc<dyn Relays>,
    pub(super) deaths: AtomicU32,
}

#[async_trait]
impl Relays for Mortal {
    async fn take_turn(&self, relay: &str, start: Start) -> Result<Option<Turn>, StoreError> {
        self.relays.take_turn(relay, start).await
    }

    async fn has_turn(&self, relay: &str, fence: i64) -> Result<bool, StoreError> {
        self.relays.has_turn(relay, fence).await
    }

    async fn advance(&self, relay: &str, fence: i64, seq: i64) -> Result<bool, StoreError> {
        let one_less = |deaths: u32| deaths.checked_sub(1);
        if self.deaths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
            return Err(StoreError::new("keep the place", "the process was killed"));
        }
        self.relays.advance(relay, fence, seq).await
    }

    async fn leave_turn(&self, relay: &str, fence: i64) -> Result<(), StoreError> {
        self.relays.leave_turn(relay, fence).await
    }

    async fn waiting(&self, relay: &str) -> Result<u64, StoreError> {
        self.relays.waiting(relay).await
    }

    async fn rewind(&self, relay: &str, again: Again) -> Result<Rewound, StoreError> {
        self.relays.rewind(relay, again).await
    }
}
