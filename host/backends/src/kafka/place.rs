//! Where a group of consumers begins that has no place in a topic yet.

use super::ears::Ears;
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::time::Duration;

/// Where an inlet begins that is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InletStart {
    /// With the oldest message that is kept.
    Oldest,
    /// With what comes from now on.
    Newest,
    /// With this offset in each partition.
    Offset(i64),
    /// With the first message of this time or later, milliseconds since 1970.
    Since(i64),
}

/// Keep a place for each partition in which the group has none, so that it is the same after a restart. Waits.
pub(super) fn begin(
    config: &ClientConfig,
    topic: &str,
    partitions: usize,
    start: InletStart,
    patience: Duration,
) -> Result<(), KafkaError> {
    if start == InletStart::Oldest {
        // What a consumer without a place does by itself.
        return Ok(());
    }
    let consumer: BaseConsumer<Ears> = BaseConsumer::from_config_and_context(config, Ears::default())?;
    let mut all = TopicPartitionList::new();
    all.add_partition_range(topic, 0, i32::try_from(partitions).unwrap_or(i32::MAX) - 1);
    let kept = consumer.committed_offsets(all, patience)?;
    let mut new = TopicPartitionList::new();
    for element in kept.elements().iter().filter(|element| element.offset() == Offset::Invalid) {
        let partition = element.partition();
        let (oldest, newest) = consumer.fetch_watermarks(topic, partition, patience)?;
        let offset = match start {
            InletStart::Oldest => oldest,
            InletStart::Newest => newest,
            InletStart::Offset(offset) => offset.clamp(oldest, newest),
            InletStart::Since(millis) => since(&consumer, topic, partition, millis, patience)?.unwrap_or(newest),
        };
        new.add_partition_offset(topic, partition, Offset::Offset(offset))?;
    }
    if new.count() > 0 {
        consumer.commit(&new, CommitMode::Sync)?;
    }
    Ok(())
}

fn since(
    consumer: &BaseConsumer<Ears>,
    topic: &str,
    partition: i32,
    millis: i64,
    patience: Duration,
) -> Result<Option<i64>, KafkaError> {
    let mut ask = TopicPartitionList::new();
    ask.add_partition_offset(topic, partition, Offset::Offset(millis))?;
    let found = consumer.offsets_for_times(ask, patience)?;
    Ok(found.find_partition(topic, partition).and_then(|element| match element.offset() {
        Offset::Offset(offset) if offset >= 0 => Some(offset),
        _ => None,
    }))
}
