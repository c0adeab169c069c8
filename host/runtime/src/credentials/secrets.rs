//! The secrets that one call used, so that they can be kept out of whatever leaves it.
//!
//! An upstream that echoes what it was sent, or an error that quotes it, may have encoded it. The usual encodings are
//! looked for as well: they are a bounded number of fixed texts per secret, and each is searched for in time that is
//! linear in what is looked at.

use super::lines;
use crate::egress::IN_FLIGHT;
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

/// Values of fewer bytes are not looked for when records, logs and answers are cleaned: they would be found everywhere.
pub const SHORTEST_SECRET: usize = 8;
/// So many signatures of single requests are remembered: an upstream repeats the one that it was just sent, and each
/// request that is under way has one.
const PASSING: usize = IN_FLIGHT;

/// Most calls use none, and then nothing is looked at.
#[derive(Default)]
pub(crate) struct Secrets(RwLock<Known>);

#[derive(Default)]
struct Known {
    values: Vec<String>,
    lasting: Spellings,
    /// Each of its own, because the oldest is forgotten.
    passing: VecDeque<Spellings>,
}

/// What is looked for.
#[derive(Default)]
struct Spellings {
    forms: Vec<Form>,
    breaks: lines::Breaks,
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
        let secret = secret.trim();
        if secret.len() < SHORTEST_SECRET || read(&self.0).values.iter().any(|known| known == secret) {
            return;
        }
        let mut known = write(&self.0);
        known.values.push(secret.to_owned());
        // A key in PEM is printed with other line ends, or line by line. This is done while calls wait, so that its
        // lines are only looked for in the spellings of a text that was escaped.
        for form in forms(secret).into_iter().chain(lines_of(secret).flat_map(escaped)) {
            known.lasting.look_for(form);
        }
    }

    /// What is written down may be looked at for longer: each line of a key in all spellings. Those that the call
    /// used, and these others.
    pub(crate) fn add_for_keeping(&self, others: impl IntoIterator<Item = String>) {
        others.into_iter().for_each(|secret| self.add(&secret));
        let mut known = write(&self.0);
        let lines: Vec<Form> = known.values.iter().flat_map(|secret| lines_of(secret).flat_map(forms)).collect();
        lines.into_iter().for_each(|form| known.lasting.look_for(form));
    }

    /// The signature of one request, of which a call may make many: only the latest are looked for.
    pub(crate) fn add_passing(&self, signature: &str) {
        let mut known = write(&self.0);
        if known.passing.len() == PASSING {
            known.passing.pop_front();
        }
        let mut spellings = Spellings::default();
        forms(signature).into_iter().for_each(|form| spellings.look_for(form));
        known.passing.push_back(spellings);
    }

    /// Bytes for records. Masked to the same length, so that a replay sees the same sizes. False: nothing was found.
    pub(crate) fn mask_bytes(&self, bytes: &mut [u8]) -> bool {
        let masked = read(&self.0).masked(bytes);
        if let Some(masked) = &masked {
            bytes.copy_from_slice(masked);
        }
        masked.is_some()
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
        if known.lasting.forms.is_empty() && known.passing.is_empty() {
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

impl Spellings {
    fn look_for(&mut self, form: Form) {
        if form.text.len() >= SHORTEST_SECRET && !self.forms.contains(&form) {
            self.breaks.add(self.forms.len(), &form.text);
            self.forms.push(form);
        }
    }

    /// Where they stand.
    fn find(&self, text: &[u8], found: &mut Vec<Range<usize>>) {
        for form in &self.forms {
            found.extend(memmem::find_iter(text, &form.text).map(|start| form.reach(text, start)));
        }
        found.extend(lines::across(text, &self.breaks, |number| {
            self.forms.get(number).map(|form| form.text.as_slice()).unwrap_or_default()
        }));
    }
}

impl Known {
    /// Where secrets stand, in order and apart from each other.
    fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found: Vec<Range<usize>> = Vec::new();
        for spellings in std::iter::once(&self.lasting).chain(&self.passing) {
            spellings.find(text, &mut found);
        }
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

/// The lines of a secret that has several and of which each is as good as a part of it.
fn lines_of(secret: &str) -> impl Iterator<Item = &str> {
    let lines =
        secret.lines().map(str::trim).filter(|line| line.len() >= 2 * SHORTEST_SECRET && !line.starts_with("-----"));
    lines.filter(move |line| line.len() < secret.len())
}

fn plain(text: String) -> Form {
    Form { text: text.into_bytes(), base64: false }
}

/// As it is, and as it stands in URLs, forms, JSON and markup.
fn escaped(secret: &str) -> Vec<Form> {
    let mut forms = vec![plain(secret.to_owned())];
    let upper = percent_encoded(secret);
    let form: String = byte_serialize(secret.as_bytes()).collect();
    forms.push(plain(lower_escapes(&upper)));
    forms.push(plain(upper));
    forms.push(plain(lower_escapes(&form)));
    forms.push(plain(form));
    if let Ok(quoted) = serde_json::to_string(secret) {
        let escaped = quoted.get(1..quoted.len() - 1).unwrap_or_default();
        forms.push(plain(escaped.replace('/', "\\/")));
        forms.push(plain(escaped.to_owned()));
    }
    // What is safe inside of a page is chosen differently by Go, Python, Gson and .NET.
    for (also, non_ascii) in [("&<>", false), ("", true), ("&<>'=", false), ("&<>'\"+`", true)] {
        let escaped = unicode_escaped(secret, also, non_ascii);
        forms.push(plain(escaped.replace("\\U", "\\u")));
        forms.push(plain(upper_escapes(&escaped)));
    }
    let markup = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    forms.push(plain(markup.replace('"', "&quot;")));
    forms.push(plain(markup));
    forms
}

/// The spellings in which a secret may come back.
fn forms(secret: &str) -> Vec<Form> {
    let mut forms = escaped(secret);
    // Every byte, as the wary do it.
    forms.push(plain(secret.bytes().map(|byte| format!("%{byte:02X}")).collect()));
    forms.push(plain(secret.bytes().map(|byte| format!("%{byte:02x}")).collect()));
    forms.push(plain(hex::encode(secret)));
    forms.push(plain(hex::encode_upper(secret)));
    // Within a longer text that was encoded, it starts at one of three places of a group. Those characters are looked
    // for that are made of nothing but the secret.
    for offset in 0..3_usize {
        let mut shifted = vec![0_u8; offset];
        shifted.extend_from_slice(secret.as_bytes());
        let (start, end) = ((offset * 4).div_ceil(3), shifted.len() * 4 / 3);
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            if let Some(core) = encoded.get(start..end).filter(|core| core.len() >= SHORTEST_SECRET) {
                forms.push(Form { text: core.as_bytes().to_vec(), base64: true });
            }
        }
    }
    forms.dedup();
    forms
}

/// As in JSON with `\\u` before the code of these characters, and of all that are not ASCII. The `\\U` here says where
/// digits follow that may be in upper or lower case.
fn unicode_escaped(text: &str, also: &str, non_ascii: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if also.contains(letter) || (non_ascii && !letter.is_ascii()) {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\U{unit:04x}"));
            }
        } else {
            let quoted = serde_json::to_string(&letter).unwrap_or_default();
            escaped.push_str(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default());
        }
    }
    escaped
}

/// The same with those digits in upper case.
fn upper_escapes(escaped: &str) -> String {
    let mut parts = escaped.split("\\U");
    let mut upper = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(4).unwrap_or((part, ""));
        upper.push_str("\\u");
        upper.push_str(&digits.to_ascii_uppercase());
        upper.push_str(rest);
    }
    upper
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
