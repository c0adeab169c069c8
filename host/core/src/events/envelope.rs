//! An event as others read it: a CloudEvent 1.0 in structured JSON, with the key that keeps what belongs together in
//! order.

use super::Event;
use chrono::SecondsFormat;
use serde::Serialize;
use serde_json::Value;

/// The media type of a CloudEvent in structured JSON, as the Kafka binding wants it in the header `content-type`.
pub const CLOUD_EVENT_TYPE: &str = "application/cloudevents+json; charset=UTF-8";

/// An event on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What is of one key stays in order: our id of the thing.
    pub key: String,
    /// The CloudEvent, JSON.
    pub value: Vec<u8>,
}

/// Attributes in the order in which people read them. Which may be left out is CloudEvents' rule: what is empty is no
/// attribute.
#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: String,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    datacontenttype: &'static str,
    partitionkey: &'a str,
    /// The extension "sequence": later events of a key have a greater one, letter by letter.
    sequence: String,
    data: &'a Value,
}

impl Envelope {
    /// The event of a log, told apart from those of other logs by `origin`, an address or nothing. `id` and `source`
    /// are the same whenever the event is sent, and together name it.
    pub fn of(event: &Event, origin: &str) -> Self {
        let source = format!("{}/connections/{}", origin.trim_end_matches('/'), event.connection);
        let key = if event.subject.is_empty() { &source } else { &event.subject };
        let cloud = CloudEvent {
            specversion: "1.0",
            id: event.seq.to_string(),
            source: &source,
            kind: &event.kind,
            subject: &event.subject,
            time: event.at.to_utc().map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true)),
            datacontenttype: "application/json",
            partitionkey: key,
            sequence: format!("{:019}", event.seq),
            data: &event.data,
        };
        // Strings, numbers and a value that is JSON already: nothing of it can fail to become JSON.
        let value = serde_json::to_vec(&cloud).unwrap_or_default();
        Self { key: key.clone(), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ConnectionId;
    use crate::time::Timestamp;
    use serde_json::json;

    #[test]
    fn an_event_becomes_a_cloud_event_that_says_the_same_each_time() {
        let event = Event {
            seq: 42,
            kind: "dev.cdevents.pipelinerun.finished.0.3.0".to_owned(),
            connection: ConnectionId::from("con_1"),
            subject: "run_7".to_owned(),
            at: Timestamp(1_767_225_600_000_001),
            data: json!({"result": "success"}),
        };
        let envelope = Envelope::of(&event, "https://ops.example.com/");
        assert_eq!(envelope.key, "run_7");
        let value: Value = serde_json::from_slice(&envelope.value).unwrap();
        let expected = json!({
            "specversion": "1.0", "id": "42", "source": "https://ops.example.com/connections/con_1",
            "type": "dev.cdevents.pipelinerun.finished.0.3.0", "subject": "run_7",
            "time": "2026-01-01T00:00:00.000001Z", "datacontenttype": "application/json",
            "partitionkey": "run_7", "sequence": "0000000000000000042", "data": {"result": "success"},
        });
        assert_eq!(value, expected);
        assert_eq!(Envelope::of(&event, "https://ops.example.com"), envelope);
        // An attribute must not be empty: without a subject there is none, and the key is the source.
        let without = Envelope::of(&Event { subject: String::new(), ..event }, "");
        let value: Value = serde_json::from_slice(&without.value).unwrap();
        assert_eq!((value.get("subject"), &value["partitionkey"]), (None, &json!("/connections/con_1")));
    }
}
