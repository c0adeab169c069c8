//! Where a group of consumers begins that has no place in a topic yet.

use super::ears::Ears;
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
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
            InletStart::Offset(offset) => offset.min(newest).max(oldest),
            InletStart::Since(millis) => since(&consumer, topic, partition, millis, patience)?.unwrap_or(newest),
        };
        new.add_partition_offset(topic, partition, Offset::Offset(offset))?;
    }
    if new.count() == 0 {
        return Ok(());
    }
    match consumer.commit(&new, CommitMode::Sync) {
        Err(error) if error.rdkafka_error_code().is_some_and(is_others) => Ok(()),
        done => done,
    }
}

/// Others of the group are at it, and keep places of their own: nobody from outside may do that any more.
fn is_others(code: Code) -> bool {
    matches!(code, Code::UnknownMemberId | Code::IllegalGeneration | Code::RebalanceInProgress)
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

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    #[test]
    fn where_others_of_the_group_are_at_it_nothing_is_to_be_done() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers()).set("group.id", "g");
        let begin = || begin(&config, "t", 1, InletStart::Newest, Duration::from_secs(10));
        for error in [
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        ] {
            cluster.request_errors(RDKafkaApiKey::OffsetCommit, &[error]);
            begin().unwrap();
        }
        cluster.request_errors(
            RDKafkaApiKey::OffsetCommit,
            &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED],
        );
        begin().unwrap_err();
        begin().unwrap();
    }
}
