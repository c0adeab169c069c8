//! How a cluster is, for whoever looks before a host is started. Nothing is made and nothing is sent.

use super::KafkaOptions;
use super::ears::missing;
use super::line::Line;
use super::topic::KafkaTopic;
use opssight_core::events::SinkError;
use rdkafka::producer::FutureProducer;

/// How a topic is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicCheckup {
    /// It is there, with so many partitions.
    Found(usize),
    /// It is not there, and a host makes it when it starts.
    IsMade,
    /// It is not there, and nobody makes it; how to do that.
    Missing(String),
}

/// Ask the cluster for its topics as a host does. An error is about the cluster as a whole.
pub async fn check_up(options: &KafkaOptions, topics: &[KafkaTopic]) -> Result<Vec<TopicCheckup>, SinkError> {
    let name = topics.first().map_or("", |topic| topic.name.as_str());
    let line: Line<FutureProducer<_>> = Line::open(&options.client(), options, name)?;
    let looked = look(&line, options, topics).await;
    line.end().await;
    looked
}

async fn look(
    line: &Line<FutureProducer<super::ears::Ears>>,
    options: &KafkaOptions,
    topics: &[KafkaTopic],
) -> Result<Vec<TopicCheckup>, SinkError> {
    let mut found = Vec::new();
    for topic in topics {
        found.push(match topic.partitions(line, options).await? {
            Some(partitions) => TopicCheckup::Found(partitions),
            None if topic.create => TopicCheckup::IsMade,
            None => TopicCheckup::Missing(missing(options, &topic.name, topic.partitions)),
        });
    }
    Ok(found)
}
