//! Secrets, kept out of records: by value in every spelling in which an upstream may echo them, and by the names of
//! headers that carry them.
//!
//! What is found is masked to the same length, so that a document stays well formed and a replay sees the same sizes.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use opssight_core::plugins::evidence::{Blob, CallRecord, Exchange, ExchangeAnswer, Outcome};
use serde_json::Value;

/// Shorter values are not looked for: they would be found everywhere.
const SHORTEST: usize = 8;

/// Whatever they hold is not for keeping.
const HEADERS: [&str; 18] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "api-key",
    "apikey",
    "x-api-key",
    "x-api-token",
    "x-auth-token",
    "x-access-token",
    "x-amz-security-token",
    "x-gitlab-token",
    "private-token",
    "job-token",
    "dd-api-key",
    "dd-application-key",
    "x-vault-token",
    "x-goog-api-key",
];

/// What to look for.
pub(super) struct Redaction(Vec<Vec<u8>>);

impl Redaction {
    /// Of these secrets, in all their spellings.
    pub(super) fn of(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut needles = Vec::new();
        for secret in secrets {
            let secret = secret.trim();
            spellings(secret, &mut needles);
            // A key in PEM is printed with other line ends, or without them.
            if secret.contains('\n') {
                secret
                    .lines()
                    .filter(|line| line.len() >= 2 * SHORTEST && !line.starts_with("-----"))
                    .for_each(|line| spellings(line.trim(), &mut needles));
            }
        }
        // The longest first, so that no rest of a longer one stays.
        needles.sort_by_key(|needle| std::cmp::Reverse(needle.len()));
        needles.dedup();
        Self(needles)
    }

    /// Mask whatever the record holds of them.
    pub(super) fn apply(&self, record: &mut CallRecord) {
        self.value(&mut record.input);
        self.value(&mut record.settings);
        record.exchanges.iter_mut().for_each(|exchange| self.exchange(exchange));
        for asked in &mut record.asked {
            self.value(&mut asked.input);
            asked.answer.iter_mut().for_each(|answer| self.value(answer));
        }
        record.log.iter_mut().for_each(|line| self.text(&mut line.message));
        self.bytes(&mut record.random.0);
        match &mut record.outcome {
            Outcome::Answer { value, writes } => {
                self.value(value);
                for write in writes {
                    self.text(&mut write.key);
                    write.value.iter_mut().for_each(|value| self.bytes(value));
                }
            }
            Outcome::Failure { message, .. } => self.text(message),
        }
    }

    fn exchange(&self, exchange: &mut Exchange) {
        self.text(&mut exchange.url);
        self.headers(&mut exchange.headers);
        self.bytes(&mut exchange.body.0);
        match &mut exchange.answer {
            ExchangeAnswer::Response { headers, body, .. } => {
                self.headers(headers);
                self.bytes(&mut body.0);
            }
            ExchangeAnswer::Refused(refused) => self.text(&mut refused.message),
            ExchangeAnswer::Unfinished => {}
        }
    }

    fn headers(&self, headers: &mut [(String, Blob)]) {
        for (name, value) in headers {
            if is_sensitive(name) {
                value.0.fill(b'*');
            } else {
                self.bytes(&mut value.0);
            }
        }
    }

    fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.text(text),
            Value::Array(values) => {
                // A header of a delivery is a pair.
                if let [Value::String(name), Value::String(value)] = values.as_mut_slice()
                    && is_sensitive(name)
                {
                    *value = "*".repeat(value.len());
                    return;
                }
                values.iter_mut().for_each(|value| self.value(value));
            }
            Value::Object(values) => {
                if let Some(Value::String(text)) = values.get_mut("base64")
                    && let Ok(mut bytes) = STANDARD.decode(text.as_bytes())
                {
                    self.bytes(&mut bytes);
                    *text = STANDARD.encode(bytes);
                }
                values.values_mut().for_each(|value| self.value(value));
            }
            _ => {}
        }
    }

    fn text(&self, text: &mut String) {
        if self.0.iter().any(|needle| find(text.as_bytes(), needle).is_some()) {
            let mut bytes = std::mem::take(text).into_bytes();
            self.bytes(&mut bytes);
            // Whole needles were replaced by as many stars: it is text as it was.
            *text = String::from_utf8_lossy(&bytes).into_owned();
        }
    }

    fn bytes(&self, bytes: &mut [u8]) {
        for needle in &self.0 {
            let mut from = 0;
            while let Some(at) = bytes.get(from..).and_then(|rest| find(rest, needle)) {
                let end = from + at + needle.len();
                if let Some(found) = bytes.get_mut(from + at..end) {
                    found.fill(b'*');
                }
                from = end;
            }
        }
    }
}

fn is_sensitive(name: &str) -> bool {
    HEADERS.iter().any(|header| name.eq_ignore_ascii_case(header))
}

fn spellings(secret: &str, needles: &mut Vec<Vec<u8>>) {
    if secret.len() < SHORTEST {
        return;
    }
    let mut add = |needle: String| {
        if needle.len() >= SHORTEST {
            needles.push(needle.into_bytes());
        }
    };
    add(secret.to_owned());
    add(hex::encode(secret));
    add(hex::encode_upper(secret));
    for escaped in [percent(secret, "%20"), percent(secret, "+")] {
        add(escaped.to_lowercase().replace(&secret.to_lowercase(), secret));
        add(escaped);
    }
    let quoted = serde_json::to_string(secret).unwrap_or_default();
    add(quoted.trim_matches('"').to_owned());
    add(quoted.trim_matches('"').replace('/', "\\/"));
    add(secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"));
    // Within something longer that was encoded as a whole, a secret may begin at any of three places of a group.
    for before in 0..3 {
        let mut padded = vec![0; before];
        padded.extend_from_slice(secret.as_bytes());
        let (start, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
        for engine in [&STANDARD, &URL_SAFE] {
            let encoded = engine.encode(&padded);
            add(encoded.get(start..end).unwrap_or_default().to_owned());
        }
    }
}

fn percent(text: &str, space: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => escaped.push(char::from(byte)),
            b' ' => escaped.push_str(space),
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// Looks at the whole only where the first byte fits.
fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    loop {
        let rest = bytes.get(from..)?;
        let at = from + rest.iter().position(|byte| *byte == first)?;
        if bytes.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{Redaction, percent};
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

    const CANARY: &str = "c4n4ry/+t0ken&value==";

    #[test]
    fn a_secret_is_found_in_every_spelling() {
        let redaction = Redaction::of([CANARY.to_owned()]);
        let basic = STANDARD.encode(format!("user:{CANARY}"));
        let texts = [
            format!("Bearer {CANARY}"),
            hex::encode(CANARY),
            hex::encode_upper(CANARY),
            format!("?token={}", percent(CANARY, "%20")),
            format!("?token={}", percent(CANARY, "%20").to_lowercase()),
            serde_json::to_string(&format!("{{\"t\":\"{CANARY}\"}}")).unwrap(),
            CANARY.replace('&', "&amp;"),
            STANDARD.encode(CANARY),
            URL_SAFE_NO_PAD.encode(format!("x{CANARY}yz")),
            basic,
        ];
        for text in texts {
            let mut redacted = text.clone();
            redaction.text(&mut redacted);
            assert!(redacted.contains("********"), "{text} became {redacted}");
            assert_eq!(redacted.len(), text.len());
            assert!(!redacted.contains("c4n4ry"), "{redacted}");
        }
    }

    #[test]
    fn a_key_of_several_lines_is_found_line_by_line() {
        let redaction =
            Redaction::of(["-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n-----END KEY-----".to_owned()]);
        let mut text = "MIIEvQIBADANBgkqhkiG9w0BAQEF".to_owned();
        redaction.text(&mut text);
        assert!(text.bytes().all(|byte| byte == b'*'), "{text}");
    }

    #[test]
    fn what_is_no_secret_stays() {
        let redaction = Redaction::of([CANARY.to_owned(), "short".to_owned()]);
        let mut text = "short and plain".to_owned();
        redaction.text(&mut text);
        assert_eq!(text, "short and plain");
    }
}
