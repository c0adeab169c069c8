//! What the client library says of itself, and what that means to an operator.

use super::KafkaOptions;
use opssight_core::events::SinkError;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::sync::{Arc, Mutex, PoisonError};

/// Hears what goes wrong in the background: a refused password is said there, and not by the call that waits for it.
#[derive(Clone, Default)]
pub(super) struct Ears(Arc<Mutex<Option<(Code, String)>>>);

impl ClientContext for Ears {
    // Each broker that is away says so every few seconds. What matters is said once, by whoever uses the client.
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(target: "librdkafka", facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", error = %error, reason);
        if let Some(code) = error.rdkafka_error_code() {
            let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Why a broker does not let us in says more than that it is gone, or that none is left.
            if !is_silence(code) || heard.as_ref().is_none_or(|(heard, _)| is_silence(*heard)) {
                *heard = Some((code, reason.to_owned()));
            }
        }
    }
}

impl ConsumerContext for Ears {}

impl Ears {
    /// It works: what was heard before is not why it fails later.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What an error means, and how to mend it.
    pub(super) fn explain(&self, error: &KafkaError, options: &KafkaOptions, topic: &str) -> SinkError {
        match error.rdkafka_error_code() {
            Some(code) if is_silence(code) => self.silence(options, topic),
            Some(code) => SinkError(meaning(code, &error.to_string(), options, topic)),
            None => SinkError(no_client(&error.to_string(), options)),
        }
    }

    /// Nobody answered: why, as far as was heard.
    pub(super) fn silence(&self, options: &KafkaOptions, topic: &str) -> SinkError {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        SinkError(match heard {
            Some((code, reason)) if !is_silence(code) => meaning(code, &reason, options, topic),
            _ => {
                // A broker that is spoken to in another way than it expects says nothing and hangs up.
                let door = match (&options.tls, &options.login) {
                    (Some(_), _) => ", and does it speak TLS there, as bus.tls says",
                    (None, Some(_)) => ", and may one sign in there without TLS, as bus.tls says",
                    (None, None) => {
                        ", and does it take connections there without TLS (bus.tls) and password (bus.sasl)"
                    }
                };
                format!(
                    "reach Kafka: no broker answers at {}; is it running, does bus.url have the right hosts and \
                     ports{door}?",
                    options.brokers
                )
            }
        })
    }
}

fn is_silence(code: Code) -> bool {
    matches!(
        code,
        Code::AllBrokersDown
            | Code::BrokerTransportFailure
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::MessageTimedOut
            | Code::RequestTimedOut
            | Code::PurgeQueue
            | Code::PurgeInflight
            | Code::NetworkException
            | Code::BrokerNotAvailable
    )
}

fn meaning(code: Code, reason: &str, options: &KafkaOptions, topic: &str) -> String {
    let brokers = &options.brokers;
    match code {
        Code::Authentication | Code::SaslAuthenticationFailed | Code::UnsupportedSASLMechanism => {
            format!("sign in to Kafka at {brokers}: {}", no_sign_in(reason))
        }
        Code::SSL => format!("speak TLS with Kafka at {brokers}: {}", no_tls(reason, options)),
        Code::UnknownTopic | Code::UnknownTopicOrPartition => missing(options, topic, 6),
        _ if is_forbidden(code, reason) => format!(
            "use the topic {topic} at {brokers}: the user is not allowed to; grant it what the operators' guide lists"
        ),
        Code::MessageSizeTooLarge => {
            format!("write to the topic {topic}: it takes no message so large; raise its max.message.bytes")
        }
        _ => format!("use the topic {topic} at {brokers}: {reason} ({code})"),
    }
}

/// Why one cannot sign in.
fn no_sign_in(reason: &str) -> String {
    // What it offers stands at the end, before how long all of it took.
    let Some((_, offers)) = reason.split_once("supported mechanisms: ") else {
        return "it does not accept the name and password; correct bus.username, bus.password and bus.sasl".to_owned();
    };
    match offers.split(" (").next().map(str::trim) {
        Some(offers) if !offers.starts_with('(') => {
            format!("it offers {offers}, and not what bus.sasl says; correct bus.sasl")
        }
        _ => "it does not offer what bus.sasl says; correct bus.sasl".to_owned(),
    }
}

/// Why there is no TLS. The library's words name its own settings.
fn no_tls(reason: &str, options: &KafkaOptions) -> String {
    if reason.contains("certificate verify failed") {
        let authority = match options.tls.as_ref().and_then(|tls| tls.ca_file.as_ref()) {
            Some(file) => format!("bus.ca_file ({}) has to hold the authority that signed it", file.display()),
            None => "bus.ca_file names the authority that signed it, if that is one of your own".to_owned(),
        };
        return format!(
            "its certificate is not believed; {authority}, and it has to be for the host names in bus.url and those that \
             the brokers advertise"
        );
    }
    if reason.contains("wrong version number") || reason.contains("packet length too long") {
        return "it does not speak TLS there; take the port where it does, or set bus.tls = false".to_owned();
    }
    format!("{reason}; see bus.tls and bus.ca_file")
}

/// Why there is no client at all.
fn no_client(error: &str, options: &KafkaOptions) -> String {
    match options.tls.as_ref().and_then(|tls| tls.ca_file.as_ref()) {
        Some(file) if error.contains("ssl.ca.location") => {
            format!(
                "read the authorities to trust from {}: it is not there or holds no PEM certificate; correct bus.ca_file",
                file.display()
            )
        }
        _ => format!("use Kafka at {}: {error}", options.brokers),
    }
}

/// A producer that keeps the order gives up with an error of its own, which has the broker's in its words only.
fn is_forbidden(code: Code, reason: &str) -> bool {
    matches!(code, Code::TopicAuthorizationFailed | Code::GroupAuthorizationFailed | Code::ClusterAuthorizationFailed)
        || reason.contains("uthorization failed")
}

/// There is no such topic.
pub(super) fn missing(options: &KafkaOptions, topic: &str, partitions: i32) -> String {
    format!(
        "find the topic {topic} at {0}: create it with `kafka-topics.sh --bootstrap-server {0} --create --topic {topic} \
         --partitions {partitions}`, or set bus.create_topics",
        options.brokers
    )
}
