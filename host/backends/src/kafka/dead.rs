//! Messages that cannot be taken: put into a topic of their own, with the reason, so that they are neither lost nor in
//! the way of those behind them.

use super::KafkaOptions;
use super::ears::Ears;
use super::line::Line;
use super::topic::KafkaTopic;
use opssight_core::events::SinkError;
use rdkafka::Message;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::Mutex;
use tokio::time::timeout;

/// The topic beside another one.
pub(super) struct DeadLetters {
    options: KafkaOptions,
    topic: KafkaTopic,
    open: Mutex<Option<Line<FutureProducer<Ears>>>>,
}

impl DeadLetters {
    pub(super) fn beside(topic: &KafkaTopic, options: &KafkaOptions) -> Self {
        Self { options: options.clone(), topic: topic.dead_letters(), open: Mutex::new(None) }
    }

    /// Put a message aside; returns once all replicas have it.
    pub(super) async fn put(&self, message: &BorrowedMessage<'_>, code: &str, why: &str) -> Result<(), SinkError> {
        let line = self.line().await?;
        let headers = headers(message, code, why);
        let payload = message.payload().unwrap_or_default();
        let sent = match self.send(&line.client, message.key(), Some(payload), headers.clone()).await {
            // The reason makes it larger than it was. Its place is in the headers, and there it still is.
            Err(Some(error)) if error.rdkafka_error_code() == Some(Code::MessageSizeTooLarge) => {
                let headers = headers.insert(Header { key: "opssight-body", value: Some("left out: too large") });
                self.send(&line.client, message.key(), None, headers).await
            }
            done => done,
        };
        match sent {
            Ok(()) => {
                line.ears.forget();
                Ok(())
            }
            Err(Some(error)) => Err(line.ears.explain(&error, &self.options, &self.topic.name)),
            Err(None) => Err(line.ears.silence(&self.options, &self.topic.name)),
        }
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

    async fn line(&self) -> Result<Line<FutureProducer<Ears>>, SinkError> {
        let mut slot = self.open.lock().await;
        if let Some(line) = &*slot {
            return Ok(line.clone());
        }
        let mut config = self.options.producer();
        // Each is sent alone and repeated by whoever waits for it: one that fails must not end the producer.
        config.set("enable.gapless.guarantee", "false").set("enable.idempotence", "false");
        config.set("message.timeout.ms", self.options.patience.as_millis().to_string());
        let line = Line::open(&config, &self.options, &self.topic.name)?;
        self.topic.find(&line, &self.options).await?;
        *slot = Some(line.clone());
        Ok(line)
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
