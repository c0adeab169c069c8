//! Messages that cannot be taken: put into a topic of their own, with the reason, so that they are neither lost nor in
//! the way of those behind them.

use super::KafkaOptions;
use super::ears::Ears;
use super::topic::KafkaTopic;
use opssight_core::events::SinkError;
use rdkafka::Message;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// The largest message that the client sends at all; what the topic takes, the broker says.
const LARGEST: &str = "268435456";

/// The topic beside another one.
pub(super) struct DeadLetters {
    options: KafkaOptions,
    topic: KafkaTopic,
    open: Mutex<Option<(Arc<FutureProducer<Ears>>, Ears)>>,
}

impl DeadLetters {
    pub(super) fn beside(topic: &KafkaTopic, options: &KafkaOptions) -> Self {
        Self { options: options.clone(), topic: topic.dead_letters(), open: Mutex::new(None) }
    }

    /// Put a message aside; returns once all replicas have it.
    pub(super) async fn put(&self, message: &BorrowedMessage<'_>, code: &str, why: &str) -> Result<(), SinkError> {
        let (producer, ears) = self.producer().await?;
        let headers = headers(message, code, why);
        let payload = message.payload().unwrap_or_default();
        match self.send(&producer, message.key(), Some(payload), headers.clone()).await {
            // The reason makes it larger than it was. Its place is in the headers, and there it still is.
            Err(Some(error)) if error.rdkafka_error_code() == Some(Code::MessageSizeTooLarge) => {
                let headers = headers.insert(Header { key: "opssight-body", value: Some("left out: too large") });
                self.send(&producer, message.key(), None, headers).await
            }
            done => done,
        }
        .map_err(|error| match error {
            Some(error) => ears.explain(&error, &self.options, &self.topic.name),
            None => ears.silence(&self.options, &self.topic.name),
        })
    }

    /// Fails with nothing when nobody answers.
    async fn send(
        &self,
        producer: &FutureProducer<Ears>,
        key: Option<&[u8]>,
        payload: Option<&[u8]>,
        headers: OwnedHeaders,
    ) -> Result<(), Option<KafkaError>> {
        let record = FutureRecord { key, payload, ..FutureRecord::to(&self.topic.name) }.headers(headers);
        let answer = producer.send_result::<[u8], [u8]>(record).map_err(|(error, _)| Some(error))?;
        match timeout(self.options.patience, answer).await {
            Ok(Ok(Ok(_))) => Ok(()),
            Ok(Ok(Err((error, _)))) => Err(Some(error)),
            Ok(Err(_)) | Err(_) => Err(None),
        }
    }

    async fn producer(&self) -> Result<(Arc<FutureProducer<Ears>>, Ears), SinkError> {
        let mut slot = self.open.lock().await;
        if let Some((producer, ears)) = &*slot {
            return Ok((Arc::clone(producer), ears.clone()));
        }
        let ears = Ears::default();
        let mut config = self.options.producer();
        // Each is sent alone and repeated by whoever waits for it: one that fails must not end the producer.
        config.set("enable.gapless.guarantee", "false").set("enable.idempotence", "false");
        config.set("message.timeout.ms", self.options.patience.as_millis().to_string());
        config.set("message.max.bytes", LARGEST).set("queue.buffering.max.kbytes", "524288");
        let producer = FutureProducer::from_config_and_context(&config, ears.clone())
            .map_err(|error| ears.explain(&error, &self.options, &self.topic.name))?;
        let producer = Arc::new(producer);
        self.topic.find(&producer, |producer| producer.client(), &ears, &self.options).await?;
        *slot = Some((Arc::clone(&producer), ears.clone()));
        Ok((producer, ears))
    }
}

/// Those it had, where it stood, and why it is here.
fn headers(message: &BorrowedMessage<'_>, code: &str, why: &str) -> OwnedHeaders {
    let (partition, offset) = (message.partition().to_string(), message.offset().to_string());
    let ours: [(&str, &str); 5] = [
        ("opssight-code", code),
        ("opssight-reason", why),
        ("opssight-topic", message.topic()),
        ("opssight-partition", &partition),
        ("opssight-offset", &offset),
    ];
    let headers = message.headers().map_or_else(OwnedHeaders::new, |headers| headers.detach());
    ours.into_iter().fold(headers, |headers, (key, value)| headers.insert(Header { key, value: Some(value) }))
}
