//! Messages on their way in: from a topic into the inbox. The place in the topic moves on only over what is in the inbox
//! or put aside, so that a message is taken at least once; the inbox keeps each one once.

use super::KafkaOptions;
use super::dead::DeadLetters;
use super::ears::Ears;
use super::line::Line;
use super::place::{InletStart, begin};
use super::topic::KafkaTopic;
use crate::link::Link;
use futures::future::join_all;
use futures::{FutureExt, StreamExt};
use opssight_core::events::SinkError;
use opssight_core::hooks::{Hooks, MessageError, TopicMessage};
use opssight_core::id::ConnectionId;
use rdkafka::Message;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Headers};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Messages that are taken at once: they share the flush of the store.
const AT_ONCE: usize = 64;
/// How long to wait after a failure; it doubles up to the second one.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How often a quiet topic is asked whether it is still there.
const QUIET: Duration = Duration::from_secs(10);

/// From which topic, and for whom.
#[derive(Debug, Clone)]
pub struct InletOptions {
    /// The topic. Beside it, `<topic>.dlq` takes what cannot be taken.
    pub topic: KafkaTopic,
    /// The group of consumers: processes of one group share a topic.
    pub group: String,
    /// Whose deliveries these are.
    pub connection: ConnectionId,
    /// The largest body, bytes.
    pub body_limit: u64,
    /// Where it begins.
    pub start: InletStart,
}

/// A topic whose messages are deliveries.
pub struct KafkaInlet {
    options: KafkaOptions,
    inlet: InletOptions,
    hooks: Hooks,
    dead: DeadLetters,
    link: Arc<Link>,
}

type Consuming = Line<StreamConsumer<Ears>>;

impl KafkaInlet {
    /// Nothing is asked of the cluster before it runs.
    pub fn new(options: KafkaOptions, inlet: InletOptions, hooks: Hooks, link: Arc<Link>) -> Self {
        let dead = DeadLetters::beside(&inlet.topic, &options);
        Self { options, inlet, hooks, dead, link }
    }

    /// Take messages until told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut wait = FIRST_WAIT;
        while !stop.is_cancelled() {
            let opened = stop.run_until_cancelled(self.open()).await;
            match opened {
                None => return,
                Some(Ok(line)) => {
                    wait = FIRST_WAIT;
                    self.link.is_well();
                    self.follow(&line, &stop).await;
                    line.end().await;
                }
                Some(Err(error)) => {
                    self.link.fails(&error.to_string());
                    stop.run_until_cancelled(tokio::time::sleep(wait)).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    async fn open(&self) -> Result<Consuming, SinkError> {
        let topic = &self.inlet.topic;
        let mut config = self.options.client();
        config.set("group.id", &self.inlet.group).set("auto.offset.reset", "earliest");
        config.set("allow.auto.create.topics", "false");
        // So long after it was last heard of, the partitions of a process that was killed go to the others.
        config.set("session.timeout.ms", "10000").set("heartbeat.interval.ms", "3000");
        // Places are kept by the second, but only those that were stored here, after the inbox had the message.
        config.set("enable.auto.commit", "true").set("auto.commit.interval.ms", "1000");
        config.set("enable.auto.offset.store", "false");
        config.set("queued.max.messages.kbytes", "32768").set("fetch.message.max.bytes", "1048576");
        let line = Consuming::open(&config, &self.options, &topic.name)?;
        let explain = |error: &KafkaError| self.explain(&line, error);
        let partitions = topic.find(&line, &self.options).await?;
        let (name, start, patience) = (topic.name.clone(), self.inlet.start, self.options.patience);
        let begun = tokio::task::spawn_blocking(move || begin(&config, &name, partitions, start, patience)).await;
        begun.unwrap_or(Err(KafkaError::Canceled)).map_err(|error| explain(&error))?;
        line.client.subscribe(&[&topic.name]).map_err(|error| explain(&error))?;
        Ok(line)
    }

    fn explain(&self, line: &Consuming, error: &KafkaError) -> SinkError {
        line.ears.explain(error, &self.options, &self.inlet.topic.name)
    }

    /// Until told to stop, or until the client is of no more use.
    async fn follow(&self, line: &Consuming, stop: &CancellationToken) {
        let mut messages = line.client.stream().ready_chunks(AT_ONCE);
        loop {
            let next = tokio::time::timeout(QUIET, messages.next());
            let chunk = match stop.run_until_cancelled(next).await {
                None | Some(Ok(None)) => return,
                Some(Err(_)) => {
                    self.look(line).await;
                    continue;
                }
                Some(Ok(Some(chunk))) => chunk,
            };
            let taken = join_all(chunk.iter().flatten().map(|message| self.take(message)));
            if stop.run_until_cancelled(taken).await.is_none() {
                // What is not certainly kept is read again.
                return;
            }
            if chunk.iter().any(Result::is_ok) {
                line.ears.forget();
                self.link.is_well();
            }
            for message in chunk {
                match message {
                    // Fails only where the partition is another's by now, who will read the message again.
                    Ok(message) => drop(line.client.store_offset_from_message(&message)),
                    Err(KafkaError::MessageConsumptionFatal(code)) => {
                        let error = KafkaError::MessageConsumptionFatal(code);
                        self.link.fails(&self.explain(line, &error).to_string());
                        return;
                    }
                    Err(error) => {
                        self.link.fails(&self.explain(line, &error).to_string());
                        stop.run_until_cancelled(tokio::time::sleep(FIRST_WAIT)).await;
                    }
                }
            }
        }
    }

    /// Nothing came for a while: is there nothing, or nobody?
    async fn look(&self, line: &Consuming) {
        match self.inlet.topic.look(line, &self.options).await {
            Ok(_) => self.link.is_well(),
            Err(error) => self.link.fails(&error.to_string()),
        }
    }

    /// Until the message is in the inbox or put aside.
    async fn take(&self, message: &BorrowedMessage<'_>) {
        let mut wait = FIRST_WAIT;
        while let Err(why) = self.try_take(message).await {
            self.link.fails(&why);
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn try_take(&self, message: &BorrowedMessage<'_>) -> Result<(), String> {
        let inlet = &self.inlet;
        // Boxed, because dozens of these are under way at once.
        match self.hooks.take_message(&inlet.connection, read(message), inlet.body_limit).boxed().await {
            Ok(_) => {
                self.link.moves(1);
                Ok(())
            }
            Err(MessageError::Later(error)) => {
                Err(format!("take a message of {}: {}", inlet.topic.name, SinkError::of(&error)))
            }
            Err(MessageError::PutAside { code, message: why }) => {
                self.dead.put(message, code, &why).await.map_err(|error| error.to_string())?;
                let (partition, offset) = (message.partition(), message.offset());
                tracing::warn!(topic = inlet.topic.name, partition, offset, code, "put a message aside");
                self.link.puts_aside();
                Ok(())
            }
        }
    }
}

fn read(message: &BorrowedMessage<'_>) -> TopicMessage {
    let headers = message.headers().map(|headers| {
        let text = |header: rdkafka::message::Header<'_, &[u8]>| {
            let value = std::str::from_utf8(header.value?).ok()?;
            Some((header.key.to_ascii_lowercase(), value.to_owned()))
        };
        headers.iter().filter_map(text).collect()
    });
    TopicMessage {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        millis: message.timestamp().to_millis(),
        headers: headers.unwrap_or_default(),
        body: message.payload().map(<[u8]>::to_vec),
    }
}
