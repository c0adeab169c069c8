//! Where an inlet begins, and that it goes on where it was.

use super::taker::{Taker, group};
use super::times::Timekeeper;
use super::{options, topic};
use crate::ports::{self, DAY0, Ports};
use opssight_backends::kafka::rdkafka::TopicPartitionList;
use opssight_backends::kafka::rdkafka::config::ClientConfig;
use opssight_backends::kafka::rdkafka::consumer::{BaseConsumer, Consumer};
use opssight_backends::kafka::rdkafka::producer::{FutureProducer, FutureRecord};
use opssight_backends::kafka::rdkafka::topic_partition_list::Offset;
use opssight_backends::kafka::{InletStart, KafkaSink, KafkaTopic};
use opssight_core::events::EventSink;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Who writes into a topic, and says when.
struct Sender {
    brokers: String,
    producer: FutureProducer,
    topic: KafkaTopic,
}

/// When the messages came that are there before anybody begins, in seconds after [`DAY0`]: ten in the first partition,
/// three in the second, a minute later, and none in the third.
fn before() -> Vec<Vec<i64>> {
    vec![(0..10).collect(), (60..63).collect(), Vec::new()]
}

impl Sender {
    /// To a topic with the messages of [`before`].
    async fn filled(brokers: String) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &brokers).set("message.timeout.ms", "20000");
        let sender = Self { producer: config.create().unwrap(), topic: topic("starts"), brokers };
        KafkaSink::new(options(&sender.brokers), sender.topic.clone(), String::new()).look().await.unwrap();
        for (partition, times) in (0..).zip(before()) {
            for secs in times {
                sender.send(partition, secs).await;
            }
        }
        sender
    }

    /// So many seconds after [`DAY0`].
    async fn send(&self, partition: i32, secs: i64) {
        let record: FutureRecord<'_, str, str> = FutureRecord::to(&self.topic.name).partition(partition);
        let record = record.timestamp(DAY0 + secs * 1_000).payload("{}");
        self.producer.send(record, Duration::from_secs(20)).await.unwrap();
    }

    /// One more in each partition.
    async fn send_to_all(&self, secs: i64) {
        for partition in 0..3 {
            self.send(partition, secs).await;
        }
    }

    /// Until the group of a taker has a place in each partition.
    async fn has_places(&self, name: &str) {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("group.id", group(&self.topic, name));
        let consumer: BaseConsumer = config.create().unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let mut all = TopicPartitionList::new();
            all.add_partition_range(&self.topic.name, 0, 2);
            let kept = consumer.committed_offsets(all, Duration::from_secs(10)).unwrap();
            if kept.elements().iter().all(|element| matches!(element.offset(), Offset::Offset(_))) {
                return;
            }
            assert!(Instant::now() < deadline, "{name}: {kept:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn places(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|&place| place.to_owned()).collect()
}

/// Everything that stood there before anybody began.
fn all() -> BTreeSet<String> {
    (0..10).map(|n| format!("0/{n}")).chain((0..3).map(|n| format!("1/{n}"))).collect()
}

async fn start_all(ports: &Ports, sender: &Sender, table: &[(&str, InletStart, BTreeSet<String>)]) -> Vec<Taker> {
    let mut takers = Vec::new();
    for (name, start, _) in table {
        takers.push(Taker::start(ports, &options(&sender.brokers), &sender.topic, name, *start).await);
    }
    takers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inlet_begins_where_it_is_told_and_goes_on_where_it_was() {
    let millis = before().iter().map(|times| times.iter().map(|secs| DAY0 + secs * 1_000).collect()).collect();
    let broker = Timekeeper::start(millis).await;
    let (ports, sender) = (ports::sqlite().await, Sender::filled(broker.address()).await);
    let since = |secs: i64| InletStart::Since(DAY0 + secs * 1_000);
    let last_of_the_first = places(&["0/7", "0/8", "0/9"]);
    // What each takes of what was there before it began.
    let table = [
        ("oldest", InletStart::Oldest, all()),
        ("newest", InletStart::Newest, places(&[])),
        ("first", InletStart::Offset(0), all()),
        // The second partition has no such offset yet: there it begins with what comes.
        ("offset", InletStart::Offset(7), last_of_the_first.clone()),
        ("beyond", InletStart::Offset(1_000_000), places(&[])),
        ("before", since(-1), all()),
        ("exact", since(9), &places(&["0/9"]) | &places(&["1/0", "1/1", "1/2"])),
        ("between", since(61), places(&["1/1", "1/2"])),
        ("after", since(3_600), places(&[])),
    ];
    let takers = start_all(&ports, &sender, &table).await;
    for (name, start, _) in &table {
        // The oldest there is needs no place.
        if *start != InletStart::Oldest {
            sender.has_places(name).await;
        }
    }
    sender.send_to_all(120).await;
    let new = places(&["0/10", "1/3", "2/0"]);
    for (taker, (name, _, expected)) in takers.iter().zip(&table) {
        let expected = expected | &new;
        assert_eq!(taker.took(&ports, expected.len()).await, expected, "{name}");
        assert_eq!(taker.link.counts(), (expected.len() as u64, 0), "{name}: each once");
    }
    for taker in takers {
        taker.stop().await;
    }

    // Started again with the same word about where to begin, each goes on where it was.
    sender.send_to_all(180).await;
    let takers = start_all(&ports, &sender, &table).await;
    let newer = places(&["0/11", "1/4", "2/1"]);
    for (taker, (name, _, expected)) in takers.iter().zip(&table) {
        let expected = &(expected | &new) | &newer;
        assert_eq!(taker.took(&ports, expected.len()).await, expected, "{name}");
        assert_eq!(taker.link.counts(), (3, 0), "{name}: nothing of before");
    }
    for taker in takers {
        taker.stop().await;
    }
}
