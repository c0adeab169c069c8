//! A record, read back to the call that it is of.

use super::exchange;
use crate::egress::{Outgoing, Refusal};
use crate::sync::lock;
use bytes::Bytes;
use http::Response;
use opssight_core::error::StoreError;
use opssight_core::plugins::evidence::{CallRecord, ExchangeAnswer};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use url::Url;

/// Between two readings that are not in the record.
const STEP: Duration = Duration::from_millis(1);

pub(super) struct Player {
    record: Arc<CallRecord>,
    played: Mutex<Played>,
}

/// What was read already.
struct Played {
    wall: usize,
    last_wall: Duration,
    monotonic: usize,
    last_monotonic: u64,
    random: usize,
    exchanges: Vec<bool>,
    asked: Vec<bool>,
}

impl Player {
    pub(super) fn new(record: Arc<CallRecord>) -> Self {
        let at = Duration::from_micros(u64::try_from(record.at.0).unwrap_or(0));
        let played = Played {
            wall: 0,
            last_wall: at,
            monotonic: 0,
            last_monotonic: 0,
            random: 0,
            exchanges: vec![false; record.exchanges.len()],
            asked: vec![false; record.asked.len()],
        };
        Self { record, played: Mutex::new(played) }
    }

    pub(super) fn record(&self) -> &Arc<CallRecord> {
        &self.record
    }

    pub(super) fn wall(&self) -> Duration {
        let mut played = lock(&self.played);
        let reading = match self.record.clock.wall.get(played.wall) {
            Some((secs, nanos)) => Duration::new(*secs, *nanos),
            None => played.last_wall.saturating_add(STEP),
        };
        played.wall += 1;
        played.last_wall = reading;
        reading
    }

    pub(super) fn monotonic(&self) -> u64 {
        let mut played = lock(&self.played);
        let step = u64::try_from(STEP.as_nanos()).unwrap_or(u64::MAX);
        let next = self.record.clock.monotonic.get(played.monotonic).copied();
        let reading = next.unwrap_or_else(|| played.last_monotonic.saturating_add(step));
        played.monotonic += 1;
        played.last_monotonic = reading;
        reading
    }

    /// What was drawn then; beyond it, bytes that are the same each time.
    pub(super) fn random(&self, bytes: &mut [u8]) {
        let mut played = lock(&self.played);
        for byte in bytes {
            let at = played.random;
            let made_up = || u8::try_from(at.wrapping_mul(167).wrapping_add(13) & 0xff).unwrap_or(0);
            *byte = self.record.random.0.get(at).copied().unwrap_or_else(made_up);
            played.random += 1;
        }
    }

    pub(super) fn ask<A: DeserializeOwned>(&self, what: &str, input: &Value) -> Result<A, StoreError> {
        const DOING: &str = "read the answer from the record";
        let mut played = lock(&self.played);
        let mut all = self.record.asked.iter().zip(&mut played.asked);
        let found = all.find(|(asked, used)| !**used && asked.what == what && asked.input == *input);
        let Some((asked, used)) = found else { return Err(StoreError::new(DOING, "it was not asked then")) };
        *used = true;
        match &asked.answer {
            Some(answer) => A::deserialize(answer).map_err(|error| StoreError::new(DOING, error)),
            None => Err(StoreError::new(DOING, "there was no answer then")),
        }
    }

    /// The answer to the first such request that was not answered yet: to one with the same body, if there is one.
    /// None when the call ended before an answer came.
    pub(super) fn request(&self, outgoing: &Outgoing, url: &Url) -> Option<Result<Response<Bytes>, Refusal>> {
        let mut played = lock(&self.played);
        let fits = |at: &usize| {
            let Some(then) = self.record.exchanges.get(*at) else { return false };
            then.method == outgoing.method.as_str() && then.url == url.as_str()
        };
        let same_body = |at: &usize| self.record.exchanges.get(*at).is_some_and(|then| then.body.0 == outgoing.body);
        let open: Vec<usize> =
            played.exchanges.iter().enumerate().filter(|(_, used)| !**used).map(|(at, _)| at).collect();
        let open: Vec<usize> = open.into_iter().filter(fits).collect();
        let Some(at) = open.iter().find(|at| same_body(at)).or(open.first()).copied() else {
            return Some(Err(exchange::not_recorded(&outgoing.method, url)));
        };
        if let Some(used) = played.exchanges.get_mut(at) {
            *used = true;
        }
        match self.record.exchanges.get(at).map(|then| &then.answer) {
            Some(ExchangeAnswer::Response { status, headers, body }) => {
                Some(Ok(exchange::response(*status, headers, body)))
            }
            Some(ExchangeAnswer::Refused(refused)) => Some(Err(Refusal::Recorded(Box::new(refused.clone())))),
            Some(ExchangeAnswer::Unfinished) | None => None,
        }
    }
}
