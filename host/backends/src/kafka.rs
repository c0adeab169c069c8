//! Kafka as an edge: events of the log go out to a topic, messages of topics come in. It is never the truth: what goes
//! out stays in the log, and what comes in is taken from a topic only once it is in the inbox.

mod checkup;
mod dead;
mod ears;
mod inlet;
mod line;
mod place;
mod sink;
mod topic;

pub use checkup::{TopicCheckup, check_up};
pub use inlet::{InletOptions, KafkaInlet};
pub use place::InletStart;
pub use sink::KafkaSink;
pub use topic::KafkaTopic;

/// The client library, for tests that stand at the other end.
pub use rdkafka;

use crate::SecretText;
use rdkafka::ClientConfig;
use std::path::PathBuf;
use std::time::Duration;

/// The largest message that the client sends at all. What a topic takes, the broker says.
const LARGEST: &str = "268435456";

/// How to reach a cluster.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// `host:9092,other:9092`.
    pub brokers: String,
    /// Whether to speak TLS, and whom to trust then.
    pub tls: Option<KafkaTls>,
    /// Who we are.
    pub login: Option<KafkaLogin>,
    /// How long to wait for an answer before it counts as none.
    pub patience: Duration,
}

/// TLS to the brokers.
#[derive(Debug, Clone, Default)]
pub struct KafkaTls {
    /// Certificates of the authorities to trust, PEM; without one, the system's.
    pub ca_file: Option<PathBuf>,
}

/// A name and a password.
#[derive(Debug, Clone)]
pub struct KafkaLogin {
    /// As SASL calls it: `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512`.
    pub mechanism: &'static str,
    /// The name.
    pub username: String,
    /// The password.
    pub password: SecretText,
}

impl KafkaOptions {
    /// What all clients have in common.
    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.brokers).set("client.id", "opssight");
        config.set("reconnect.backoff.max.ms", "3000");
        config.set(
            "security.protocol",
            match (&self.tls, &self.login) {
                (None, None) => "plaintext",
                (Some(_), None) => "ssl",
                (None, Some(_)) => "sasl_plaintext",
                (Some(_), Some(_)) => "sasl_ssl",
            },
        );
        if let Some(ca_file) = self.tls.as_ref().and_then(|tls| tls.ca_file.as_ref()) {
            config.set("ssl.ca.location", ca_file.to_string_lossy());
        }
        if let Some(login) = &self.login {
            config.set("sasl.mechanism", login.mechanism);
            config.set("sasl.username", &login.username).set("sasl.password", login.password.expose());
        }
        config
    }

    /// A producer that leaves no gap and changes no order within a partition, and whose messages count once all replicas
    /// have them. How long to wait is the caller's business, and giving up is ending the producer: a message that timed
    /// out by itself could be missing between two that arrived.
    fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config.set("enable.idempotence", "true").set("acks", "all").set("enable.gapless.guarantee", "true");
        config.set("message.timeout.ms", "0").set("linger.ms", "5").set("compression.type", "zstd");
        // As the clients of Java choose the partition of a key.
        config.set("partitioner", "murmur2_random");
        // Else the client refuses by itself what the topic may take.
        config.set("message.max.bytes", LARGEST).set("queue.buffering.max.kbytes", "524288");
        config
    }
}
