//! Outbound HTTP, over `wasi:http/outgoing-handler`.
//!
//! Requests go through the host's egress gate: only what the manifest's egress rules allow leaves, and the host
//! attaches the credential of the matching rule after the request has left the sandbox. So a plugin sends plain
//! requests and never holds a token. Nothing follows redirects; a 3xx is an answer like any other.

#[cfg(target_arch = "wasm32")]
mod wasi;

use crate::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Methods that upstream APIs use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Read.
    Get,
    /// Read headers only.
    Head,
    /// Create or do.
    Post,
    /// Replace.
    Put,
    /// Change in part.
    Patch,
    /// Remove.
    Delete,
}

impl Method {
    /// As it stands in a request line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A request that is being put together. [`Request::send`] sends it.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) timeout: Duration,
    pub(crate) max_body: usize,
}

/// Read `url`.
pub fn get(url: impl Into<String>) -> Request {
    Request::new(Method::Get, url)
}

/// Send something to `url`.
pub fn post(url: impl Into<String>) -> Request {
    Request::new(Method::Post, url)
}

impl Request {
    /// A request without headers or body. It may take 15 s to the first byte and between two pieces of the
    /// answer, and its answer may have 8 MiB; the host's own limits may be lower.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            body: None,
            timeout: Duration::from_secs(15),
            max_body: 8 << 20,
        }
    }

    /// The same request to another address: what to do with a redirect that is worth following.
    pub fn to(mut self, url: impl Into<String>) -> Self {
        self.url = url.into();
        self
    }

    /// Add a header; name in lower case.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Send these bytes.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Send a value as JSON, with the content type.
    pub fn json<T: Serialize>(self, value: &T) -> Result<Self, Failure> {
        let body = serde_json::to_vec(value).map_err(|error| {
            Failure::internal(
                "http.unwritable",
                format!("the request to {} cannot be written as JSON: {error}", self.url),
            )
        })?;
        Ok(self.header("content-type", "application/json").body(body))
    }

    /// How long to wait for the first byte of the answer, and between two pieces of it.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The most bytes of an answer that are wanted; a longer one is a failure.
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// Send it and wait for the whole answer. Whatever status the upstream gives is `Ok`; a `Failure` means that
    /// there was no answer: the host refused (class `config`) or the upstream could not be reached (`upstream`).
    pub fn send(self) -> Result<Response, Failure> {
        #[cfg(target_arch = "wasm32")]
        return wasi::send(self);
        #[cfg(not(target_arch = "wasm32"))]
        crate::native::exchange(&self)
    }

    /// Which method it uses.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Where it goes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The value of a header that was set.
    pub fn header_value(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// What it sends.
    pub fn body_bytes(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }

    /// For messages: "GET api.github.com/user", without the query, which may be long or private.
    pub fn describe(&self) -> String {
        let url = self.url.split_once("://").map_or(self.url.as_str(), |(_, rest)| rest);
        let url = url.split_once(['?', '#']).map_or(url, |(path, _)| path);
        format!("{} {url}", self.method.as_str())
    }
}

/// An answer, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case. Values that are not text are left out.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub body: Vec<u8>,
}

impl Response {
    /// The first header of a name; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body, typed. A body of another shape is the upstream's failure.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Failure::upstream("http.bad-answer", format!("the upstream's answer is not what it documents: {error}"))
        })
    }
}

fn find<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// Percent-encode a text so that it is one path segment or one query value.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            const HEX: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
            encoded.push('%');
            encoded.extend(HEX.get(usize::from(byte >> 4)));
            encoded.extend(HEX.get(usize::from(byte & 15)));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{encode, get};

    #[test]
    fn a_request_describes_itself_without_its_query() {
        assert_eq!(get("https://api.example.com/a/b?token=x").describe(), "GET api.example.com/a/b");
    }

    #[test]
    fn what_could_break_out_of_a_segment_is_encoded() {
        assert_eq!(encode("a/b c>=ü"), "a%2Fb%20c%3E%3D%C3%BC");
    }
}
