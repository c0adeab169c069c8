//! The document.

use super::blob::Blob;
use crate::id::{CallId, ConnectionId, PluginId};
use crate::plugins::{CallError, CallUsage, FailureClass, FaultSource, Grants, StateWrite};
use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// What this version of the document is called. Readers ignore fields that they do not know; what changes the meaning
/// of a field is another format.
pub const FORMAT: &str = "opssight.call/1";

/// One call, with all that its answer depends on. Holds no secret: what the host signs requests with is not in it, and
/// what an upstream echoed of it is masked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// [`FORMAT`].
    pub format: String,
    /// Which call.
    pub id: CallId,
    /// When it began.
    pub at: Timestamp,
    /// Of which plugin.
    pub plugin: PluginId,
    /// Of which version.
    pub version: String,
    /// `sha256:...` of the package.
    pub digest: String,
    /// For which connection.
    pub connection: ConnectionId,
    /// "webhook", "source", ...
    pub kind: String,
    /// What the call was given, as its kind has it.
    pub input: Value,
    /// The connection's settings.
    pub settings: Value,
    /// What the operator granted.
    pub grants: Grants,
    /// Every HTTP exchange, in the order in which they were begun.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
    /// Everything else that it asked of the host and that the host had to look up, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<Asked>,
    /// Every reading of a clock.
    #[serde(default, skip_serializing_if = "ClockReadings::is_empty")]
    pub clock: ClockReadings,
    /// Every random byte, in the order of drawing.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub random: Blob,
    /// What it logged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub log: Vec<LoggedLine>,
    /// How it ended.
    pub outcome: Outcome,
    /// What it used. Not compared: another machine is faster or slower.
    pub usage: CallUsage,
    /// Why the record is not whole: it is for reading only then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<String>,
}

fn is_empty(blob: &Blob) -> bool {
    blob.0.is_empty()
}

/// One request that the plugin made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// "GET".
    pub method: String,
    /// The whole address, as the gate read it.
    pub url: String,
    /// As the plugin set them: what the host adds is not here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, Blob)>,
    /// Complete.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub body: Blob,
    /// What came of it.
    pub answer: ExchangeAnswer,
}

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum ExchangeAnswer {
    /// The upstream answered, as the plugin saw it.
    Response {
        /// HTTP status.
        status: u16,
        /// Names and values.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        headers: Vec<(String, Blob)>,
        /// Complete.
        #[serde(default, skip_serializing_if = "is_empty")]
        body: Blob,
    },
    /// It did not go through.
    Refused(RefusedRequest),
    /// The call was over before there was an answer.
    Unfinished,
}

/// Why a request did not go through, for the guest, the operator and the retry rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRequest {
    /// "egress.denied".
    pub code: String,
    /// A sentence for a person.
    pub message: String,
    /// Whose fault it is.
    pub fault: FaultSource,
    /// What to do about it.
    pub class: FailureClass,
    /// It was a decision of ours, not an accident on the way.
    pub denial: bool,
    /// The error code of `wasi:http` that the guest was given.
    pub guest: String,
    /// The size that the code carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// How long to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// One question to the host, and its answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// "state.get", "state.keys", "state.usage", "metrics.read", ...
    pub what: String,
    /// With what.
    pub input: Value,
    /// The answer; left out when the host could not answer.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
}

/// An answer that is there may be null.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Readings of the two clocks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockReadings {
    /// Seconds since the Unix epoch and nanoseconds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wall: Vec<(u64, u32)>,
    /// Nanoseconds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub monotonic: Vec<u64>,
}

impl ClockReadings {
    fn is_empty(&self) -> bool {
        self.wall.is_empty() && self.monotonic.is_empty()
    }
}

/// A line that the plugin logged, cleaned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedLine {
    /// "info".
    pub level: String,
    /// The line.
    pub message: String,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum Outcome {
    /// With an answer.
    Answer {
        /// As its kind has it.
        value: Value,
        /// What it wanted kept.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        writes: Vec<StateWrite>,
    },
    /// With a failure.
    Failure {
        /// Whose fault.
        fault: FaultSource,
        /// What to do about it.
        class: FailureClass,
        /// Machine readable.
        code: String,
        /// A sentence for a person.
        message: String,
        /// How long to wait.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
}

impl From<&CallError> for Outcome {
    fn from(error: &CallError) -> Self {
        Self::Failure {
            fault: error.fault,
            class: error.class,
            code: error.code.clone(),
            message: error.message.clone(),
            retry_after_ms: error.retry_after_ms,
        }
    }
}

/// A document that is no record that this version reads.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Not JSON, or not of the right shape.
    #[error("read the record of the call: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Made by a later version.
    #[error("read the record of the call: its format is \"{0}\", this version reads \"{FORMAT}\"")]
    Format(String),
}

/// A record that is for reading only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("replay the call: its record is not whole: {0}")]
pub struct NotReplayable(pub String);

impl CallRecord {
    /// Read one document.
    pub fn parse(document: &[u8]) -> Result<Self, RecordError> {
        let mut all = Self::parse_all(document)?;
        match (all.pop(), all.is_empty()) {
            (Some(record), true) => Ok(record),
            _ => Err(RecordError::Malformed(serde::de::Error::custom("expected one record"))),
        }
    }

    /// Read documents that stand one after the other: a cassette.
    pub fn parse_all(documents: &[u8]) -> Result<Vec<Self>, RecordError> {
        /// Looked at first: what another format means is not known.
        #[derive(Deserialize)]
        struct Header {
            format: String,
        }
        let mut records = Vec::new();
        for document in serde_json::Deserializer::from_slice(documents).into_iter::<Value>() {
            let document = document?;
            let header = Header::deserialize(&document)?;
            if header.format != FORMAT {
                return Err(RecordError::Format(header.format));
            }
            records.push(serde_json::from_value(document)?);
        }
        Ok(records)
    }

    /// As it is kept and handed out.
    pub fn document(&self) -> String {
        // Every key is text and every number finite: there is nothing that could fail.
        let mut document = serde_json::to_string_pretty(self).unwrap_or_default();
        document.push('\n');
        document
    }

    /// Whether it can be made again.
    pub fn replayable(&self) -> Result<(), NotReplayable> {
        if self.cut.is_empty() { Ok(()) } else { Err(NotReplayable(self.cut.join("; "))) }
    }

    /// The failure that it ended with.
    pub fn failure(&self) -> Option<CallError> {
        let Outcome::Failure { fault, class, code, message, retry_after_ms } = &self.outcome else { return None };
        Some(CallError {
            plugin: self.plugin.clone(),
            version: self.version.clone(),
            connection: self.connection.clone(),
            fault: *fault,
            class: *class,
            code: code.clone(),
            message: message.clone(),
            retry_after_ms: *retry_after_ms,
        })
    }
}
