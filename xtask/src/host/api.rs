//! A client of the host's API that is only as clever as chores need. It is not the CLI's and not made from the
//! OpenAPI description: what checks the host should not share its mistakes.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::time::Duration;
use ureq::Agent;
use ureq::http::{Response, StatusCode};

/// A signed-in client.
#[derive(Clone)]
pub(crate) struct Api {
    agent: Agent,
    address: String,
    token: String,
}

/// What was answered.
pub(crate) struct Answer {
    /// Status.
    pub(crate) status: u16,
    /// Seconds to wait, if the host says so.
    pub(crate) retry_after: Option<u64>,
    /// Body: JSON, or text as a JSON string.
    pub(crate) body: Value,
}

impl Api {
    /// Exchange the admin secret for a session.
    pub(crate) fn sign_in(address: &str, secret: &str) -> Result<Api> {
        // Loopback only: a proxy of the environment is not meant for it.
        let config = Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build();
        let mut api = Api { agent: config.into(), address: address.to_owned(), token: String::new() };
        let session = api.post("/api/v1/sessions", &json!({ "secret": secret, "label": "cargo xtask" }))?;
        api.token = text(&session, "/token").context("the session has no token")?;
        Ok(api)
    }

    /// GET that must succeed.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        let request = self.agent.get(self.url(path)).header("authorization", format!("Bearer {}", self.token));
        let answer = read(request.call().with_context(|| format!("GET {path}"))?)?;
        success("GET", path, answer)
    }

    /// Every item of a list, page by page. `path` has a query already or none.
    pub(crate) fn list(&self, path: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let glue = if path.contains('?') { '&' } else { '?' };
            let after = cursor.as_deref().map(|cursor| format!("&cursor={}", escape(cursor))).unwrap_or_default();
            let page = self.get(&format!("{path}{glue}limit=200{after}"))?;
            let Some(Value::Array(rows)) = page.get("items").cloned() else {
                bail!("GET {path} answered no list of items: {page}");
            };
            items.extend(rows);
            cursor = text(&page, "/next_cursor");
            if cursor.is_none() {
                return Ok(items);
            }
        }
    }

    /// POST that must succeed.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let mut request = self.agent.post(self.url(path)).header("content-type", "application/json");
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        let answer = read(request.send(body.to_string()).with_context(|| format!("POST {path}"))?)?;
        success("POST", path, answer)
    }

    /// POST exactly these bytes with these headers and nothing of the session, as an upstream does.
    pub(crate) fn deliver(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
        let mut request = self.agent.post(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(request.send(body).with_context(|| format!("POST {path}"))?)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }
}

fn read(mut response: Response<ureq::Body>) -> Result<Answer> {
    let retry_after = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse().ok());
    let body = response.body_mut().with_config().limit(64 << 20).read_to_string().context("read the answer")?;
    let body = serde_json::from_str(&body).unwrap_or(Value::String(body));
    Ok(Answer { status: response.status().as_u16(), retry_after, body })
}

fn success(method: &str, path: &str, answer: Answer) -> Result<Value> {
    match StatusCode::from_u16(answer.status) {
        Ok(status) if status.is_success() => Ok(answer.body),
        _ => bail!("{method} {path} answered {}: {}", answer.status, answer.body),
    }
}

/// The text at a JSON pointer.
pub(crate) fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}

/// Percent-encode a query value.
pub(crate) fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
