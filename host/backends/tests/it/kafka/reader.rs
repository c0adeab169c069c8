//! The other end of a topic.

use opssight_backends::kafka::rdkafka::config::ClientConfig;
use opssight_backends::kafka::rdkafka::consumer::{BaseConsumer, Consumer};
use opssight_backends::kafka::rdkafka::message::{Headers, Message};
use opssight_backends::kafka::rdkafka::{Offset, TopicPartitionList};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// A message as it was read.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) partition: i32,
    pub(super) key: String,
    pub(super) content_type: String,
    pub(super) event: Value,
}

impl Read {
    pub(super) fn seq(&self) -> i64 {
        self.event["id"].as_str().unwrap().parse().unwrap()
    }
}

/// Everything in a topic, partition by partition in order, once it has so many different events.
pub(super) fn read(brokers: &str, topic: &str, different: usize) -> Vec<Read> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "a-reader").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().unwrap();
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(10)).unwrap();
    let mut all = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        all.add_partition_offset(topic, partition.id(), Offset::Beginning).unwrap();
    }
    consumer.assign(&all).unwrap();
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut quiet = 0;
    // What comes after the last that is missing may be there twice as well.
    while seen.len() < different || quiet < 3 {
        assert!(Instant::now() < deadline, "{} of {different} events are in {topic}", seen.len());
        match consumer.poll(Duration::from_millis(200)) {
            None => quiet += 1,
            Some(message) => {
                quiet = 0;
                let message = message.unwrap();
                let headers = message.headers().unwrap();
                let header = headers.iter().find(|header| header.key == "content-type").unwrap();
                let read = Read {
                    partition: message.partition(),
                    key: String::from_utf8(message.key().unwrap().to_vec()).unwrap(),
                    content_type: String::from_utf8(header.value.unwrap().to_vec()).unwrap(),
                    event: serde_json::from_slice(message.payload().unwrap()).unwrap(),
                };
                seen.insert(read.seq());
                found.push(read);
            }
        }
    }
    found
}

/// Nothing is missing, a key stays in one partition, and what is seen of a key for the first time comes in order. How
/// many were there more than once.
pub(super) fn check(read: &[Read], events: i64) -> usize {
    let (mut newest, mut place) = (HashMap::<&str, i64>::new(), HashMap::new());
    let mut seen = BTreeSet::new();
    for one in read {
        assert_eq!(*place.entry(one.key.as_str()).or_insert(one.partition), one.partition, "{one:?}");
        if seen.insert(one.seq()) {
            let before = newest.insert(&one.key, one.seq()).unwrap_or(0);
            assert!(before < one.seq(), "{} was overtaken by {before}", one.seq());
        }
    }
    assert_eq!(seen, (1..=events).collect(), "a gap");
    read.len() - seen.len()
}
