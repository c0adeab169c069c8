//! Secrets, kept out of records: by value, in every spelling that is kept out of answers and logs as well
//! ([`Secrets`]), and by the names of headers that carry them.
//!
//! What is found is masked to the same length, so that a document stays well formed and a replay sees the same sizes.

use crate::credentials::Secrets;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opssight_core::plugins::evidence::{Blob, CallRecord, Exchange, ExchangeAnswer, Outcome};
use serde_json::Value;

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

/// Mask whatever the record holds of these.
pub(super) fn redact(secrets: &Secrets, record: &mut CallRecord) {
    Redaction(secrets).apply(record);
}

struct Redaction<'s>(&'s Secrets);

impl Redaction<'_> {
    fn apply(&self, record: &mut CallRecord) {
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
        let mut bytes = std::mem::take(text).into_bytes();
        self.bytes(&mut bytes);
        // Whole characters were replaced by as many stars: it is text as it was.
        *text = String::from_utf8(bytes).unwrap_or_else(|bytes| String::from_utf8_lossy(bytes.as_bytes()).into_owned());
    }

    fn bytes(&self, bytes: &mut [u8]) {
        self.0.mask_bytes(bytes);
    }
}

fn is_sensitive(name: &str) -> bool {
    HEADERS.iter().any(|header| name.eq_ignore_ascii_case(header))
}

#[cfg(test)]
mod tests;
