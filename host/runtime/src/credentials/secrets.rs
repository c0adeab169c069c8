//! The secrets that one call used, so that they can be kept out of whatever leaves it.
//!
//! An upstream that echoes what it was sent, or an error that quotes it, may have encoded it. The usual encodings are
//! looked for as well: they are a bounded number of fixed texts per secret, and each is searched for in time that is
//! linear in what is looked at.

use super::lines;
use crate::sync::{read, write};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response};
use memchr::memmem;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::RwLock;
use url::form_urlencoded::byte_serialize;

/// Shorter values are not looked for: they would be found everywhere.
const SHORTEST: usize = 8;
/// So many signatures of single requests are remembered.
const PASSING: usize = 8;

/// Most calls use none, and then nothing is looked at.
#[derive(Default)]
pub(crate) struct Secrets(RwLock<Known>);

#[derive(Default)]
struct Known {
    values: Vec<String>,
    /// In the order in which they became known.
    forms: Vec<Form>,
    passing: VecDeque<Form>,
}

/// One spelling of one secret.
#[derive(PartialEq, Eq)]
struct Form {
    text: Vec<u8>,
    /// The neighbours in a base64 text hold some bits of the secret as well.
    base64: bool,
}

impl Secrets {
    pub(crate) fn add(&self, secret: &str) {
        if secret.len() < SHORTEST || read(&self.0).values.iter().any(|known| known == secret) {
            return;
        }
        let mut known = write(&self.0);
        known.values.push(secret.to_owned());
        for form in forms(secret) {
            if !known.forms.contains(&form) {
                known.forms.push(form);
            }
        }
    }

    /// The signature of one request, of which a call may make many: only the latest are looked for.
    pub(crate) fn add_passing(&self, signature: &str) {
        let mut known = write(&self.0);
        if known.passing.len() == PASSING {
            known.passing.pop_front();
        }
        known.passing.push_back(Form { text: signature.as_bytes().to_vec(), base64: false });
    }

    /// All of them, for whoever must keep them out of something.
    pub(crate) fn values(&self) -> Vec<String> {
        read(&self.0).values.clone()
    }

    /// Text for logs and errors.
    pub(crate) fn scrub<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let found = read(&self.0).find(text.as_bytes());
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut scrubbed = String::with_capacity(text.len());
        let mut from = 0;
        for range in found {
            scrubbed.push_str(text.get(from..range.start).unwrap_or_default());
            scrubbed.push_str("[secret]");
            from = range.end;
        }
        scrubbed.push_str(text.get(from..).unwrap_or_default());
        Cow::Owned(scrubbed)
    }

    /// An answer on its way into the sandbox. Some upstreams echo what they were sent. Masked to the same length, so
    /// that the message stays well formed.
    pub(crate) fn mask(&self, answer: &mut Response<Bytes>) {
        let known = read(&self.0);
        if known.forms.is_empty() && known.passing.is_empty() {
            return;
        }
        for value in answer.headers_mut().values_mut() {
            if let Some(masked) = known.masked(value.as_bytes()) {
                *value = HeaderValue::from_bytes(&masked).unwrap_or(HeaderValue::from_static(""));
            }
        }
        if let Some(masked) = known.masked(answer.body()) {
            *answer.body_mut() = masked.freeze();
        }
    }
}

impl Known {
    /// Where secrets stand, in order and apart from each other.
    fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for form in self.forms.iter().chain(&self.passing) {
            found.extend(memmem::find_iter(text, &form.text).map(|start| form.reach(text, start)));
        }
        found.extend(lines::across(text, self.forms.iter().map(|form| form.text.as_slice())));
        found.sort_by_key(|range| range.start);
        let mut apart: Vec<Range<usize>> = Vec::with_capacity(found.len());
        for range in found {
            match apart.last_mut().filter(|last| range.start < last.end) {
                Some(last) => last.end = last.end.max(range.end),
                None => apart.push(range),
            }
        }
        apart
    }

    fn masked(&self, bytes: &[u8]) -> Option<BytesMut> {
        let found = self.find(bytes);
        if found.is_empty() {
            return None;
        }
        let mut copy = BytesMut::from(bytes);
        for range in found {
            if let Some(secret) = copy.get_mut(range) {
                secret.fill(b'*');
            }
        }
        Some(copy)
    }
}

impl Form {
    /// What to hide around a place where it was found.
    fn reach(&self, text: &[u8], start: usize) -> Range<usize> {
        let end = start + self.text.len();
        let is_base64 =
            |at: usize| text.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte));
        let before = usize::from(self.base64 && start.checked_sub(1).is_some_and(is_base64));
        let after = usize::from(self.base64 && is_base64(end));
        start - before..end + after
    }
}

/// The spellings in which a secret may come back.
fn forms(secret: &str) -> Vec<Form> {
    let plain = |text: String| Form { text: text.into_bytes(), base64: false };
    let mut forms = vec![plain(secret.to_owned())];
    let upper = percent_encoded(secret);
    forms.push(plain(lower_escapes(&upper)));
    forms.push(plain(upper));
    forms.push(plain(byte_serialize(secret.as_bytes()).collect()));
    // Every byte, as the wary do it.
    forms.push(plain(secret.bytes().map(|byte| format!("%{byte:02X}")).collect()));
    forms.push(plain(secret.bytes().map(|byte| format!("%{byte:02x}")).collect()));
    if let Ok(quoted) = serde_json::to_string(secret) {
        let escaped = quoted.get(1..quoted.len() - 1).unwrap_or_default();
        forms.push(plain(escaped.replace('/', "\\/")));
        forms.push(plain(escaped.to_owned()));
    }
    forms.push(plain(hex::encode(secret)));
    forms.push(plain(hex::encode_upper(secret)));
    // Within a longer text that was encoded, it starts at one of three places of a group. Those characters are looked
    // for that are made of nothing but the secret.
    for offset in 0..3_usize {
        let mut shifted = vec![0_u8; offset];
        shifted.extend_from_slice(secret.as_bytes());
        let (start, end) = ((offset * 4).div_ceil(3), shifted.len() * 4 / 3);
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            if let Some(core) = encoded.get(start..end).filter(|core| core.len() >= SHORTEST) {
                forms.push(Form { text: core.as_bytes().to_vec(), base64: true });
            }
        }
    }
    forms.dedup();
    forms
}

/// As RFC 3986 has it: unreserved characters stay.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// The same with the digits after each percent sign in lower case.
fn lower_escapes(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let mut lower = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        lower.push('%');
        lower.push_str(&digits.to_ascii_lowercase());
        lower.push_str(rest);
    }
    lower
}

#[cfg(test)]
mod tests;
