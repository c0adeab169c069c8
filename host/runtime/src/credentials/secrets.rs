//! The secrets that one call used, so that they can be kept out of whatever leaves it.

use crate::sync::{read, write};
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response};
use std::borrow::Cow;
use std::sync::RwLock;

/// Shorter values are not looked for: they would be found everywhere.
const SHORTEST: usize = 8;

/// Exact values. Most calls use none, and then nothing is looked at.
#[derive(Default)]
pub(crate) struct Secrets(RwLock<Vec<String>>);

impl Secrets {
    pub(crate) fn add(&self, secret: &str) {
        if secret.len() < SHORTEST || read(&self.0).iter().any(|known| known == secret) {
            return;
        }
        write(&self.0).push(secret.to_owned());
    }

    /// All of them, for whoever must keep them out of something.
    pub(crate) fn values(&self) -> Vec<String> {
        read(&self.0).clone()
    }

    /// Text for logs and errors.
    pub(crate) fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut scrubbed = Cow::Borrowed(text);
        for secret in read(&self.0).iter().filter(|secret| text.contains(secret.as_str())) {
            scrubbed = Cow::Owned(scrubbed.replace(secret.as_str(), "[secret]"));
        }
        scrubbed
    }

    /// An answer on its way into the sandbox. Some upstreams echo what they were sent. Masked to the same length, so
    /// that the message stays well formed.
    pub(crate) fn mask(&self, answer: &mut Response<Bytes>) {
        for secret in read(&self.0).iter() {
            let secret = secret.as_bytes();
            for value in answer.headers_mut().values_mut() {
                if let Some(masked) = masked(value.as_bytes(), secret) {
                    *value = HeaderValue::from_bytes(&masked).unwrap_or(HeaderValue::from_static(""));
                }
            }
            if let Some(masked) = masked(answer.body(), secret) {
                *answer.body_mut() = masked.freeze();
            }
        }
    }
}

fn masked(bytes: &[u8], secret: &[u8]) -> Option<BytesMut> {
    let mut copy: Option<BytesMut> = None;
    let mut from = 0;
    while let Some(at) = find(bytes.get(from..)?, secret) {
        let start = from + at;
        let copy = copy.get_or_insert_with(|| BytesMut::from(bytes));
        if let Some(found) = copy.get_mut(start..start + secret.len()) {
            found.fill(b'*');
        }
        from = start + secret.len();
    }
    copy
}

/// Looks at the whole only where the first byte fits.
fn find(bytes: &[u8], secret: &[u8]) -> Option<usize> {
    let first = *secret.first()?;
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let at = from + rest.iter().position(|byte| *byte == first)?;
        if bytes.get(at..)?.starts_with(secret) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::Secrets;
    use bytes::Bytes;
    use http::Response;

    #[test]
    fn secrets_are_found_wherever_they_are_echoed() {
        let secrets = Secrets::default();
        secrets.add("s3cr3t-value");
        secrets.add("short");
        assert_eq!(secrets.scrub("Bearer s3cr3t-value, s3cr3t-value!"), "Bearer [secret], [secret]!");
        assert_eq!(secrets.scrub("short"), "short");
        let body = Bytes::from_static(b"s3s3cr3t-value{\"token\":\"s3cr3t-value\"}s3cr");
        let mut answer = Response::builder().header("x-echo", "Bearer s3cr3t-value").body(body).unwrap();
        secrets.mask(&mut answer);
        assert_eq!(answer.body(), "s3************{\"token\":\"************\"}s3cr");
        assert_eq!(answer.headers()["x-echo"], "Bearer ************");
    }
}
