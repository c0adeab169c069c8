//! A client of the cluster, and what it hears.

use super::KafkaOptions;
use super::ears::Ears;
use opssight_core::events::SinkError;
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::metadata::Metadata;
use rdkafka::producer::{FutureProducer, Producer};
use std::sync::Arc;
use std::time::Duration;

/// A client, shared with threads that may wait, and its ears.
pub(super) struct Line<T> {
    pub(super) client: Arc<T>,
    pub(super) ears: Ears,
}

/// A client that can be asked what is there. Waits.
pub(super) trait Asks: Send + Sync + 'static {
    /// Of one topic, or of all.
    fn ask(&self, topic: Option<&str>, wait: Duration) -> Result<Metadata, KafkaError>;
}

impl Asks for FutureProducer<Ears> {
    fn ask(&self, topic: Option<&str>, wait: Duration) -> Result<Metadata, KafkaError> {
        self.client().fetch_metadata(topic, wait)
    }
}

impl Asks for StreamConsumer<Ears> {
    fn ask(&self, topic: Option<&str>, wait: Duration) -> Result<Metadata, KafkaError> {
        self.fetch_metadata(topic, wait)
    }
}

impl<T: Send + Sync + 'static> Line<T> {
    /// Nothing is asked of the cluster yet. Errors are those of using the topic.
    pub(super) fn open(config: &ClientConfig, options: &KafkaOptions, topic: &str) -> Result<Self, SinkError>
    where
        T: FromClientConfigAndContext<Ears>,
    {
        let ears = Ears::default();
        match T::from_config_and_context(config, ears.clone()) {
            Ok(client) => Ok(Self { client: Arc::new(client), ears }),
            Err(error) => Err(ears.explain(&error, options, topic)),
        }
    }

    /// What a producer has not sent is thrown away, so that nothing comes late; a consumer leaves its group and keeps its
    /// last places. Either waits for its thread.
    pub(super) async fn end(self) {
        drop(tokio::task::spawn_blocking(move || drop(self)).await);
    }
}

impl<T> Clone for Line<T> {
    fn clone(&self) -> Self {
        Self { client: Arc::clone(&self.client), ears: self.ears.clone() }
    }
}
