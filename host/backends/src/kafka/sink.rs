//! Events on their way out.

use super::KafkaOptions;
use super::ears::Ears;
use super::line::Line;
use super::topic::KafkaTopic;
use async_trait::async_trait;
use opssight_core::events::{CLOUD_EVENT_TYPE, Envelope, Event, EventSink, Handed, SinkError};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

/// A topic that events are handed on to.
pub struct KafkaSink {
    options: KafkaOptions,
    topic: KafkaTopic,
    origin: String,
    /// None until it is needed, and after a failure: one that failed is ended with all that it had queued.
    open: Mutex<Option<Open>>,
}

type Open = Line<FutureProducer<Ears>>;

impl KafkaSink {
    /// Nothing is asked of the cluster before there is something to hand on. For `origin` see [`Envelope::of`].
    pub fn new(options: KafkaOptions, topic: KafkaTopic, origin: String) -> Self {
        Self { options, topic, origin, open: Mutex::new(None) }
    }

    async fn open(&self) -> Result<Open, SinkError> {
        let open = Open::open(&self.options.producer(), &self.options, &self.topic.name)?;
        match self.topic.find(&open, &self.options).await {
            Ok(_) => Ok(open),
            Err(error) => {
                open.end().await;
                Err(error)
            }
        }
    }

    async fn send(&self, open: &Open, events: &[Event]) -> Handed {
        let explain = |error| open.ears.explain(&error, &self.options, &self.topic.name);
        let mut failed = None;
        let mut answers = Vec::with_capacity(events.len());
        for event in events {
            let envelope = Envelope::of(event, &self.origin);
            let record = FutureRecord::to(&self.topic.name)
                .key(&envelope.key)
                .payload(&envelope.value)
                .headers(OwnedHeaders::new().insert(Header { key: "content-type", value: Some(CLOUD_EVENT_TYPE) }));
            match open.client.send_result(record) {
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
        if failed.is_none() {
            open.ears.forget();
        }
        Handed { kept: queued, failed }
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
        let found = self.topic.look(&open, &self.options).await;
        match found {
            Ok(_) => *slot = Some(open),
            Err(_) => open.end().await,
        }
        found.map(|_| ())
    }

    async fn hand_over(&self, events: &[Event]) -> Handed {
        let mut slot = self.open.lock().await;
        let open = match slot.take() {
            Some(open) => open,
            None => match self.open().await {
                Ok(open) => open,
                Err(error) => return Handed { kept: 0, failed: Some(error) },
            },
        };
        let handed = self.send(&open, events).await;
        match handed.failed {
            None => *slot = Some(open),
            Some(_) => open.end().await,
        }
        handed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdkafka::ClientContext;
    use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
    use rdkafka::mocking::MockCluster;
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_wrong_before_it_worked_is_no_reason_later() {
        let cluster = MockCluster::new(1).unwrap();
        let brokers = cluster.bootstrap_servers();
        let options = KafkaOptions { brokers, tls: None, login: None, patience: Duration::from_secs(10) };
        let topic = KafkaTopic { name: "t".to_owned(), create: false, partitions: 1, replicas: None };
        cluster.create_topic("t", 1, 1).unwrap();
        let sink = KafkaSink::new(options.clone(), topic, String::new());
        sink.look().await.unwrap();
        let ears = sink.open.lock().await.as_ref().unwrap().ears.clone();
        let refused = || ears.error(KafkaError::Global(Code::Authentication), "wrong password");
        for round in ["look", "hand over"] {
            refused();
            assert!(ears.silence(&options, "t").0.contains("name and password"));
            match round {
                "look" => sink.look().await.unwrap(),
                _ => assert_eq!(sink.hand_over(&[]).await.failed, None),
            }
            let said = ears.silence(&options, "t").0;
            assert!(said.contains("no broker answers"), "after {round}: {said}");
        }
    }
}
