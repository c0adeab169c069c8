//! Events on their way out.

use super::KafkaOptions;
use super::ears::Ears;
use super::topic::KafkaTopic;
use async_trait::async_trait;
use opssight_core::events::{CLOUD_EVENT_TYPE, Envelope, EventSink, Handed, SinkError};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

/// A topic that events are handed on to.
pub struct KafkaSink {
    options: KafkaOptions,
    topic: KafkaTopic,
    /// None until it is needed, and after a failure.
    open: Mutex<Option<Open>>,
}

struct Open {
    producer: Arc<FutureProducer<Ears>>,
    ears: Ears,
}

impl KafkaSink {
    /// Nothing is asked of the cluster before there is something to hand on.
    pub fn new(options: KafkaOptions, topic: KafkaTopic) -> Self {
        Self { options, topic, open: Mutex::new(None) }
    }

    async fn open(&self) -> Result<Open, SinkError> {
        let ears = Ears::default();
        let producer = FutureProducer::from_config_and_context(&self.options.producer(), ears.clone())
            .map_err(|error| ears.explain(&error, &self.options, &self.topic.name))?;
        let open = Open { producer: Arc::new(producer), ears };
        match self.topic.find(&open.producer, |producer| producer.client(), &open.ears, &self.options).await {
            Ok(_) => Ok(open),
            Err(error) => {
                open.end().await;
                Err(error)
            }
        }
    }

    async fn send(&self, open: &Open, envelopes: &[Envelope]) -> Handed {
        let explain = |error| open.ears.explain(&error, &self.options, &self.topic.name);
        let mut failed = None;
        let mut answers = Vec::with_capacity(envelopes.len());
        for envelope in envelopes {
            let record = FutureRecord::to(&self.topic.name)
                .key(&envelope.key)
                .payload(&envelope.value)
                .headers(OwnedHeaders::new().insert(Header { key: "content-type", value: Some(CLOUD_EVENT_TYPE) }));
            match open.producer.send_result(record) {
                Ok(answer) => answers.push(answer),
                Err((error, _)) => {
                    failed = Some(explain(error));
                    break;
                }
            }
        }
        let deadline = Instant::now() + self.options.patience;
        let queued = answers.len();
        for (kept, answer) in answers.into_iter().enumerate() {
            let error = match timeout_at(deadline, answer).await {
                Ok(Ok(Ok(_))) => continue,
                Ok(Ok(Err((error, _)))) => explain(error),
                Ok(Err(_)) | Err(_) => open.ears.silence(&self.options, &self.topic.name),
            };
            return Handed { kept, failed: Some(error) };
        }
        Handed { kept: queued, failed }
    }
}

impl Open {
    /// What it has not sent is thrown away, so that nothing comes late; that waits for its thread.
    async fn end(self) {
        drop(tokio::task::spawn_blocking(move || drop(self)).await);
    }
}

#[async_trait]
impl EventSink for KafkaSink {
    async fn look(&self) -> Result<(), SinkError> {
        let mut slot = self.open.lock().await;
        let open = match slot.take() {
            Some(open) => open,
            None => self.open().await?,
        };
        let found = self.topic.look(&open.producer, |producer| producer.client(), &open.ears, &self.options).await;
        match found {
            Ok(_) => *slot = Some(open),
            Err(_) => open.end().await,
        }
        found.map(|_| ())
    }

    async fn hand_over(&self, envelopes: &[Envelope]) -> Handed {
        let mut slot = self.open.lock().await;
        let open = match slot.take() {
            Some(open) => open,
            None => match self.open().await {
                Ok(open) => open,
                Err(error) => return Handed { kept: 0, failed: Some(error) },
            },
        };
        let handed = self.send(&open, envelopes).await;
        match handed.failed {
            None => *slot = Some(open),
            Some(_) => open.end().await,
        }
        handed
    }
}
