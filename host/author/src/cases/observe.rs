//! What happened, as one JSON object in the words of the contract: what a case's `expect` is compared with.

use super::base_url;
use super::upstream::Asked;
use opssight_testkit::LogLine;
use opssight_testkit::plugins::{CallError, RawItem};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Headers of a request that say something about the plugin; the others belong to the connection.
const OF_THE_CONNECTION: [&str; 6] =
    ["host", "connection", "content-length", "transfer-encoding", "accept-encoding", "user-agent"];

/// One step, as it went.
pub(super) struct Observed {
    pub(super) value: Map<String, Value>,
    /// Requests that the case has no answer for.
    pub(super) unrecorded: Vec<String>,
}

impl Observed {
    /// Of the plugin's answer, and what it did on the way.
    pub(super) fn of(
        answer: Result<Map<String, Value>, CallError>,
        asked: &[Asked],
        log: &[LogLine],
        state: &BTreeMap<String, Vec<u8>>,
        address: Option<&str>,
    ) -> Self {
        let mut value = answer.unwrap_or_else(|error| Map::from_iter([("failure".to_owned(), failure(&error))]));
        value.insert("requests".to_owned(), asked.iter().map(request).collect());
        value.insert(
            "log".to_owned(),
            log.iter().map(|line| json!({ "level": level(line), "message": line.message })).collect(),
        );
        value.insert(
            "state".to_owned(),
            Value::Object(state.iter().map(|(key, value)| (key.clone(), body(value))).collect()),
        );
        if let Some(address) = address {
            value = base_url::left_out(value, address);
        }
        let missing = asked.iter().filter(|asked| !asked.is_recorded);
        Self { value, unrecorded: missing.map(|asked| format!("{} {}", asked.method, asked.path)).collect() }
    }
}

fn level(line: &LogLine) -> String {
    format!("{:?}", line.level).to_lowercase()
}

fn failure(error: &CallError) -> Value {
    let mut failure = json!({
        "class": error.class, "code": error.code, "message": error.message, "fault": error.fault,
    });
    if let (Some(failure), Some(ms)) = (failure.as_object_mut(), error.retry_after_ms) {
        failure.insert("retry_after_ms".to_owned(), ms.into());
    }
    failure
}

/// An item with its payload as the JSON that it is.
pub(super) fn item(item: &RawItem) -> Value {
    let mut value = json!({ "id": item.id, "kind": item.kind, "at": item.at.millis(), "title": item.title });
    if let Some(value) = value.as_object_mut() {
        if let Some(url) = &item.url {
            value.insert("url".to_owned(), url.clone().into());
        }
        if !item.attrs.is_empty() {
            value.insert("attrs".to_owned(), attrs(&item.attrs));
        }
        if !item.payload.is_empty() {
            value.insert("payload".to_owned(), body(&item.payload));
        }
    }
    value
}

pub(super) fn attrs(attrs: &[(String, String)]) -> Value {
    Value::Object(attrs.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect())
}

/// Bytes as JSON where they are, else as text, else in hexadecimal.
pub(super) fn body(bytes: &[u8]) -> Value {
    if let Ok(json) = serde_json::from_slice(bytes) {
        return json;
    }
    std::str::from_utf8(bytes).map_or_else(|_| hex::encode(bytes).into(), Into::into)
}

fn request(asked: &Asked) -> Value {
    let headers = asked.headers.iter().filter(|(name, _)| !OF_THE_CONNECTION.contains(&name.as_str()));
    let headers = headers
        .map(|(name, value)| (name.to_string(), Value::String(String::from_utf8_lossy(value.as_bytes()).into_owned())));
    let mut request =
        json!({ "request": format!("{} {}", asked.method, asked.path), "headers": Value::Object(headers.collect()) });
    if let (Some(request), false) = (request.as_object_mut(), asked.body.is_empty()) {
        request.insert("body".to_owned(), body(&asked.body));
    }
    request
}
