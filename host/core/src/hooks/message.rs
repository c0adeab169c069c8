//! A second door: messages of a topic, for one connection each. What comes in through it is what the broker let its
//! sender write; there is no signature to be checked, and everything else is as at the first door.

use super::inbox::{Accepted, NewDelivery};
use super::receive::{HookError, Hooks, names, sha256, webhook_of};
use crate::error::Kind;
use crate::id::ConnectionId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A message, and where it stands.
#[derive(Debug, Clone)]
pub struct TopicMessage {
    /// In which topic.
    pub topic: String,
    /// In which part of it.
    pub partition: i32,
    /// Its number there.
    pub offset: i64,
    /// Its time, milliseconds, if it has one: a topic that was made anew counts from the beginning again.
    pub millis: Option<i64>,
    /// Headers that are text, names in lower case.
    pub headers: Vec<(String, String)>,
    /// What it says.
    pub body: Option<Vec<u8>>,
}

/// Why a message is not in the inbox.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// It never will be: it is put aside, with the reason.
    #[error("{message}")]
    PutAside {
        /// Machine readable.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// It may be later: the store is away, or the plugin is not loaded at the moment. A sender at the first door would be
    /// told to come again.
    #[error("take the message")]
    Later(#[source] HookError),
}

fn aside(code: &'static str, message: impl Into<String>) -> MessageError {
    MessageError::PutAside { code, message: message.into() }
}

impl From<HookError> for MessageError {
    fn from(error: HookError) -> Self {
        match error.kind() {
            Kind::Unavailable => Self::Later(error),
            _ => Self::PutAside { code: error.code(), message: error.to_string() },
        }
    }
}

impl Hooks {
    /// Take a message for a connection: returns once it is durable. A body of more than `limit` bytes is put aside.
    pub async fn take_message(
        &self,
        connection: &ConnectionId,
        message: TopicMessage,
        limit: u64,
    ) -> Result<Accepted, MessageError> {
        let size = message.body.as_ref().map_or(0, Vec::len) as u64;
        if size > limit {
            return Err(HookError::TooLarge { limit }.into());
        }
        let connection = self.addressee(connection).await?;
        let manifest = self.manifest(&connection)?;
        let webhook = webhook_of(&manifest)?;
        let place = place(&message);
        let (named, event) = names(webhook, &message.headers);
        let content = content(&message.headers, message.body.unwrap_or_default())?;
        let delivery = NewDelivery {
            connection: connection.id.clone(),
            upstream_id: named.or(content.id).unwrap_or(place),
            event: event.or(content.kind),
            headers: message.headers.into_iter().filter(|(name, _)| webhook.headers.contains(name)).collect(),
            body: content.body,
            received_at: self.clock.now(),
        };
        Ok(self.keep(delivery).await?)
    }
}

/// The id of a message that says none: where it stands.
fn place(message: &TopicMessage) -> String {
    let TopicMessage { topic, partition, offset, millis, .. } = message;
    let at = millis.map(|millis| format!("@{millis}")).unwrap_or_default();
    format!("kafka:{topic}/{partition}/{offset}{at}")
}

/// What a message says, out of its envelope if it has one.
#[derive(Debug, PartialEq, Eq)]
struct Content {
    id: Option<String>,
    kind: Option<String>,
    body: Vec<u8>,
}

/// A CloudEvent in structured mode, as far as it matters here.
#[derive(Deserialize)]
struct Structured<'a> {
    specversion: String,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    datacontenttype: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    data_base64: Option<String>,
}

fn content(headers: &[(String, String)], body: Vec<u8>) -> Result<Content, MessageError> {
    let header = |wanted: &str| headers.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    let content_type = header("content-type").unwrap_or_default().to_ascii_lowercase();
    if content_type.starts_with("application/cloudevents-batch") {
        return Err(aside("batch", "it is a batch of CloudEvents: send each as a message of its own"));
    }
    if content_type.starts_with("application/cloudevents") {
        return structured(&body);
    }
    if body.is_empty() {
        return Err(aside("no-body", "the message has no body"));
    }
    // Binary mode: attributes are headers, and the body is the data.
    let id = header("ce_id").zip(header("ce_source")).map(|(id, source)| cloud_id(source, id));
    Ok(Content { id, kind: header("ce_type").map(short), body })
}

fn structured(body: &[u8]) -> Result<Content, MessageError> {
    let event: Structured = serde_json::from_slice(body)
        .map_err(|error| aside("unreadable", format!("it says to be a CloudEvent in JSON, and is none: {error}")))?;
    if event.specversion != "1.0" || event.id.is_empty() || event.source.is_empty() || event.kind.is_empty() {
        return Err(aside("unreadable", "it is no CloudEvent 1.0: specversion, id, source and type must be there"));
    }
    let body = match (event.data_base64, event.data) {
        (Some(data), _) => STANDARD
            .decode(data)
            .map_err(|error| aside("unreadable", format!("the CloudEvent's data_base64 is not Base64: {error}")))?,
        (None, Some(data)) => plain(data, event.datacontenttype.as_deref()),
        (None, None) => return Err(aside("no-body", "the CloudEvent has no data")),
    };
    Ok(Content { id: Some(cloud_id(&event.source, &event.id)), kind: Some(short(&event.kind)), body })
}

/// Data that is no JSON stands in the envelope as a JSON string.
fn plain(data: &RawValue, content_type: Option<&str>) -> Vec<u8> {
    let is_json = content_type.is_none_or(|kind| kind.to_ascii_lowercase().contains("json"));
    let text = if is_json { None } else { serde_json::from_str::<String>(data.get()).ok() };
    text.map_or_else(|| data.get().as_bytes().to_vec(), String::into_bytes)
}

fn short(text: &str) -> String {
    crate::fact::clean(text).chars().take(200).collect()
}

/// Source and id together name a CloudEvent; neither has a longest length.
fn cloud_id(source: &str, id: &str) -> String {
    let whole = format!("ce:{source} {id}");
    if whole.len() <= 200 && short(&whole) == whole {
        return whole;
    }
    format!("ce-sha256:{}", sha256(whole.as_bytes()))
}

#[cfg(test)]
mod tests;
