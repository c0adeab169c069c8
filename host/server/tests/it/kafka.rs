//! Kafka at the edge of the whole host: events on their way out while the broker comes and goes, and messages on their
//! way in.

#[path = "../../../backends/tests/it/kafka/broker.rs"]
pub(crate) mod broker;
#[path = "../../../backends/tests/it/kafka/door.rs"]
pub(crate) mod door;
mod incoming;
mod outgoing;
#[path = "../../../backends/tests/it/kafka/sasl.rs"]
pub(crate) mod sasl;

use opssight_backends::kafka::rdkafka::config::ClientConfig;
use opssight_backends::kafka::rdkafka::consumer::{BaseConsumer, Consumer};
use opssight_backends::kafka::rdkafka::message::{Message, OwnedMessage};
use opssight_backends::kafka::rdkafka::{Offset, TopicPartitionList};
use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "`cargo xtask test` says where its broker is")]
pub(crate) fn given(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: `cargo xtask test` starts a broker and sets it; for one test, run `cargo xtask services` \
             beside it and set what that prints"
        )
    })
}

/// The broker that all tests share.
pub(crate) fn broker() -> String {
    given("OPSSIGHT_TEST_KAFKA")
}

/// A name that no other test has.
pub(crate) fn name(of: &str) -> String {
    let now = std::time::UNIX_EPOCH.elapsed().expect("a time").as_micros();
    format!("{of}.{}.{now}", std::process::id())
}

/// What is in a topic, partition by partition in order; waits until there are so many.
fn read(brokers: &str, topic: &str, at_least: usize) -> Vec<OwnedMessage> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "a-reader").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut all = TopicPartitionList::new();
    while all.count() == 0 {
        assert!(Instant::now() < deadline, "there is no topic {topic}");
        let metadata = consumer.fetch_metadata(None, Duration::from_secs(10)).expect("an answer");
        for found in metadata.topics().iter().filter(|found| found.name() == topic) {
            for partition in found.partitions() {
                all.add_partition_offset(topic, partition.id(), Offset::Beginning).expect("a partition");
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    consumer.assign(&all).expect("taken");
    let (mut found, mut quiet) = (Vec::new(), 0);
    while found.len() < at_least || quiet < 3 {
        assert!(Instant::now() < deadline, "{} of {at_least} messages are in {topic}", found.len());
        match consumer.poll(Duration::from_millis(200)) {
            None => quiet += 1,
            Some(message) => {
                quiet = 0;
                let message = message.expect("a message").detach();
                assert_eq!(message.topic(), topic);
                found.push(message);
            }
        }
    }
    found
}
