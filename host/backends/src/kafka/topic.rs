//! Topics: found, or made where that is allowed.

use super::KafkaOptions;
use super::ears::{Ears, missing};
use super::line::{Asks, Line};
use opssight_core::events::SinkError;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Between two looks at a topic that is being made.
const AGAIN: Duration = Duration::from_millis(200);
/// As the protocol says "as the cluster has it".
const AS_THE_CLUSTER_HAS_IT: i32 = -1;

/// How a cluster is asked about a topic. Many make a topic that they are asked for by name, in a way of their own.
#[derive(Clone, Copy)]
enum Asked {
    ForAll,
    ForIt,
}

/// A topic, and how to make it.
#[derive(Debug, Clone)]
pub struct KafkaTopic {
    /// Its name.
    pub name: String,
    /// Whether it may be made if it is not there.
    pub create: bool,
    /// With so many partitions.
    pub partitions: i32,
    /// On so many brokers; without a number, as the cluster has it.
    pub replicas: Option<i32>,
}

impl KafkaTopic {
    /// Where messages go that cannot be taken.
    #[must_use]
    pub fn dead_letters(&self) -> Self {
        Self { name: format!("{}.dlq", self.name), ..self.clone() }
    }

    /// Whether it is there; how many partitions it has.
    pub(super) async fn look<T: Asks>(&self, line: &Line<T>, options: &KafkaOptions) -> Result<usize, SinkError> {
        match self.ask(&line.client, Asked::ForIt, options.patience).await {
            Ok(partitions) => {
                line.ears.forget();
                Ok(partitions)
            }
            Err(error) => Err(line.ears.explain(&error, options, &self.name)),
        }
    }

    /// How many partitions it has, if it is there. Asking does not make it.
    pub(super) async fn partitions<T: Asks>(
        &self,
        line: &Line<T>,
        options: &KafkaOptions,
    ) -> Result<Option<usize>, SinkError> {
        match self.ask(&line.client, Asked::ForAll, options.patience).await {
            Ok(partitions) => Ok(Some(partitions)),
            Err(error) => match error.rdkafka_error_code() {
                Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => Ok(None),
                _ => Err(line.ears.explain(&error, options, &self.name)),
            },
        }
    }

    async fn ask<T: Asks>(&self, client: &Arc<T>, asked: Asked, wait: Duration) -> Result<usize, KafkaError> {
        let (client, name) = (Arc::clone(client), self.name.clone());
        let looked = tokio::task::spawn_blocking(move || partitions(&*client, &name, asked, wait)).await;
        looked.unwrap_or(Err(KafkaError::Canceled))
    }

    /// Make sure that it is there; how many partitions it has.
    pub(super) async fn find<T: Asks>(&self, line: &Line<T>, options: &KafkaOptions) -> Result<usize, SinkError> {
        let deadline = Instant::now() + options.patience;
        let mut made = false;
        loop {
            let wait = deadline.saturating_duration_since(Instant::now()).max(AGAIN);
            let asked = if made { Asked::ForIt } else { Asked::ForAll };
            match self.ask(&line.client, asked, wait).await {
                Ok(partitions) => return Ok(partitions),
                Err(error) => match error.rdkafka_error_code() {
                    Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) if !made => {
                        if !self.create {
                            return Err(SinkError(missing(options, &self.name, self.partitions)));
                        }
                        self.make(&line.ears, options).await?;
                        made = true;
                    }
                    // Being made, or moving to another broker.
                    Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::LeaderNotAvailable)
                        if Instant::now() < deadline =>
                    {
                        tokio::time::sleep(AGAIN).await;
                    }
                    _ => return Err(line.ears.explain(&error, options, &self.name)),
                },
            }
        }
    }

    async fn make(&self, ears: &Ears, options: &KafkaOptions) -> Result<(), SinkError> {
        let explain = |error: &KafkaError| ears.explain(error, options, &self.name);
        let admin: AdminClient<Ears> =
            AdminClient::from_config_and_context(&options.client(), ears.clone()).map_err(|error| explain(&error))?;
        let replicas = TopicReplication::Fixed(self.replicas.unwrap_or(AS_THE_CLUSTER_HAS_IT));
        let topic = NewTopic::new(&self.name, self.partitions, replicas);
        let patience =
            AdminOptions::new().request_timeout(Some(options.patience)).operation_timeout(Some(options.patience));
        let made = admin.create_topics([&topic], &patience).await.map_err(|error| explain(&error))?;
        // Ending it waits for its thread.
        drop(tokio::task::spawn_blocking(move || drop(admin)));
        match made.into_iter().next() {
            Some(Err((_, code))) if code != Code::TopicAlreadyExists => Err(explain(&KafkaError::AdminOp(code))),
            _ => {
                tracing::info!(topic = self.name, "made the topic");
                Ok(())
            }
        }
    }
}

fn partitions(client: &impl Asks, topic: &str, asked: Asked, wait: Duration) -> Result<usize, KafkaError> {
    let metadata = match asked {
        Asked::ForAll => client.ask(None, wait)?,
        Asked::ForIt => client.ask(Some(topic), wait)?,
    };
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    match found.map(|found| (found.error(), found.partitions())) {
        Some((None, partitions)) if !partitions.is_empty() => Ok(partitions.len()),
        Some((Some(error), _)) => Err(KafkaError::MetadataFetch(error.into())),
        _ => Err(KafkaError::MetadataFetch(Code::UnknownTopicOrPartition)),
    }
}
