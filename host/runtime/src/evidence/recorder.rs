//! What a call was told and what it said, as it happens.

use super::exchange::{RawAnswer, RawExchange};
use crate::calls::Export;
use crate::egress::{Outgoing, Refusal};
use crate::sync::lock;
use bytes::Bytes;
use http::Response;
use opssight_core::plugins::LogLevel;
use opssight_core::plugins::evidence::{Asked, ClockReadings};
use opssight_core::time::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::sync::Mutex;
use std::time::Duration;
use url::Url;

pub(crate) struct Recorder {
    pub(super) at: Timestamp,
    most: usize,
    reel: Mutex<Reel>,
}

/// Everything so far. Raw: it becomes a document only if somebody wants to keep it.
#[derive(Default)]
pub(super) struct Reel {
    pub(super) input: Option<Box<dyn Input>>,
    pub(super) exchanges: Vec<RawExchange>,
    pub(super) asked: Vec<Asked>,
    pub(super) clock: ClockReadings,
    pub(super) random: Vec<u8>,
    pub(super) log: Vec<(LogLevel, String)>,
    pub(super) cut: Vec<String>,
    bytes: usize,
}

/// The place of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot(usize);

/// What an export was called with, whichever it is.
pub(super) trait Input: Send {
    fn document(&self) -> Value;
}

impl<E: Export> Input for E {
    fn document(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl Reel {
    /// Whether so many more bytes may be held. What comes after the first that may not is not recorded either: a
    /// record with a hole cannot be played.
    fn room(&mut self, bytes: usize, most: usize, what: &str) -> bool {
        if !self.cut.is_empty() {
            return false;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > most {
            self.cut.push(format!("{what} made it larger than {most} bytes"));
            return false;
        }
        true
    }
}

impl Recorder {
    pub(super) fn new(at: Timestamp, most: usize) -> Self {
        Self { at, most, reel: Mutex::default() }
    }

    /// Everything, once.
    pub(super) fn take(&self) -> Reel {
        std::mem::take(&mut *lock(&self.reel))
    }

    pub(super) fn input<E: Export>(&self, export: &E) {
        let mut reel = lock(&self.reel);
        if reel.room(export.weight(), self.most, "its input") {
            reel.input = Some(Box::new(export.clone()));
        }
    }

    pub(super) fn wall(&self, reading: Duration) {
        let mut reel = lock(&self.reel);
        if reel.room(16, self.most, "reading the clock again and again") {
            reel.clock.wall.push((reading.as_secs(), reading.subsec_nanos()));
        }
    }

    pub(super) fn monotonic(&self, reading: u64) {
        let mut reel = lock(&self.reel);
        if reel.room(8, self.most, "reading the clock again and again") {
            reel.clock.monotonic.push(reading);
        }
    }

    pub(super) fn random(&self, bytes: &[u8]) {
        let mut reel = lock(&self.reel);
        if reel.room(bytes.len(), self.most, "its random bytes") {
            reel.random.extend_from_slice(bytes);
        }
    }

    pub(super) fn log(&self, level: LogLevel, line: &str) {
        let mut reel = lock(&self.reel);
        if reel.room(line.len(), self.most, "its log") {
            reel.log.push((level, line.to_owned()));
        }
    }

    pub(super) fn asked(&self, what: &'static str, input: Value, answer: Option<&impl Serialize>) {
        let answer = answer.map(|answer| serde_json::to_value(answer).unwrap_or_default());
        let size = answer.as_ref().map_or(0, weight).saturating_add(weight(&input));
        let mut reel = lock(&self.reel);
        if reel.room(size, self.most, "what it read of its state") {
            reel.asked.push(Asked { what: what.to_owned(), input, answer });
        }
    }

    pub(super) fn request(&self, outgoing: &Outgoing, url: &Url) -> Slot {
        let headers: usize = outgoing.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
        let mut reel = lock(&self.reel);
        let slot = Slot(reel.exchanges.len());
        if reel.room(url.as_str().len() + headers + outgoing.body.len(), self.most, "a request") {
            reel.exchanges.push(RawExchange::new(outgoing, url));
        }
        slot
    }

    pub(super) fn answered(&self, slot: Slot, answer: &Result<Response<Bytes>, Refusal>) {
        let size = answer.as_ref().map_or(64, |answer| {
            let headers = answer.headers().iter().map(|(name, value)| name.as_str().len() + value.len());
            headers.sum::<usize>() + answer.body().len()
        });
        let mut reel = lock(&self.reel);
        if reel.room(size, self.most, "an answer")
            && let Some(exchange) = reel.exchanges.get_mut(slot.0)
        {
            exchange.answer = match answer {
                Ok(answer) => RawAnswer::Response(answer.clone()),
                Err(refusal) => RawAnswer::Refused(refusal.clone()),
            };
        }
    }
}

/// Roughly what a value takes.
fn weight(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(weight).sum::<usize>() + values.len(),
        Value::Object(values) => values.iter().map(|(key, value)| key.len() + weight(value)).sum(),
        _ => 8,
    }
}
