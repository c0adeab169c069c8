//! What arrived at the broker.

use opssight_backends::kafka::rdkafka::config::ClientConfig;
use opssight_backends::kafka::rdkafka::consumer::{BaseConsumer, Consumer};
use opssight_backends::kafka::rdkafka::{Message, Offset, TopicPartitionList};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// As hosts call it.
const TOPIC: &str = "opssight.events";
/// Relays wait for a broker that was away, and for the turn of a host that died.
const PATIENCE: Duration = Duration::from_secs(90);

/// The places in the log of all events that are in the topic, once the newest is, or should be.
pub(crate) fn events(brokers: &str, newest: u64) -> BTreeSet<u64> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "the-crash-run").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(TOPIC), Duration::from_secs(20)).expect("the broker answers");
    let mut all = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        all.add_partition_offset(TOPIC, partition.id(), Offset::Beginning).expect("a partition");
    }
    consumer.assign(&all).expect("taken");
    let deadline = Instant::now() + PATIENCE;
    let (mut found, mut quiet) = (BTreeSet::new(), 0);
    // One partition may be behind another.
    while (!found.contains(&newest) || quiet < 5) && Instant::now() < deadline {
        match consumer.poll(Duration::from_millis(200)) {
            // A broker that stood still is not at once itself again.
            None | Some(Err(_)) => quiet += 1,
            Some(Ok(message)) => {
                quiet = 0;
                let event: serde_json::Value =
                    serde_json::from_slice(message.payload().expect("a body")).expect("a CloudEvent in JSON");
                found.extend(event["id"].as_str().and_then(|id| id.parse::<u64>().ok()));
            }
        }
    }
    found
}
