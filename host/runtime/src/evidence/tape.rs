//! What stands between a call and the world.

use super::player::Player;
use super::recorder::{Recorder, Slot};
use crate::calls::Export;
use crate::egress::{Outgoing, Refusal};
use bytes::Bytes;
use http::Response;
use opssight_core::error::StoreError;
use opssight_core::plugins::LogLevel;
use opssight_core::plugins::evidence::CallRecord;
use opssight_core::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Nothing, a recorder, or a player whose output is recorded again.
#[derive(Default)]
pub(crate) struct Tape {
    recorder: Option<Box<Recorder>>,
    player: Option<Box<Player>>,
}

/// Where the answer to a request comes from.
pub(crate) enum Request {
    /// From the world; to be told to [`Tape::answered`].
    Live(Option<Slot>),
    /// From the record.
    Played(Result<Response<Bytes>, Refusal>),
    /// From the record, in which there was none before the call was over.
    Never,
}

impl Tape {
    /// Write down what happens, at most so many bytes of it.
    pub(crate) fn recording(at: Timestamp, most: usize) -> Self {
        Self { recorder: Some(Box::new(Recorder::new(at, most))), player: None }
    }

    /// Answer from a record.
    pub(crate) fn playing(record: Arc<CallRecord>) -> Self {
        let recorder = Recorder::new(record.at, usize::MAX);
        Self { recorder: Some(Box::new(recorder)), player: Some(Box::new(Player::new(record))) }
    }

    /// Nothing of this call may leave it: no log line, no metric, no request.
    pub(crate) fn is_playing(&self) -> bool {
        self.player.is_some()
    }

    pub(super) fn recorder(&self) -> Option<&Recorder> {
        self.recorder.as_deref()
    }

    pub(super) fn played(&self) -> Option<&Arc<CallRecord>> {
        self.player.as_ref().map(|player| player.record())
    }

    /// What the call is given.
    pub(crate) fn input<E: Export>(&self, export: &E) {
        if let Some(recorder) = &self.recorder {
            recorder.input(export);
        }
    }

    /// Since the Unix epoch.
    pub(crate) fn wall(&self, live: impl FnOnce() -> Duration) -> Duration {
        let reading = self.player.as_ref().map_or_else(live, |player| player.wall());
        if let Some(recorder) = &self.recorder {
            recorder.wall(reading);
        }
        reading
    }

    /// Nanoseconds.
    pub(crate) fn monotonic(&self, live: impl FnOnce() -> u64) -> u64 {
        let reading = self.player.as_ref().map_or_else(live, |player| player.monotonic());
        if let Some(recorder) = &self.recorder {
            recorder.monotonic(reading);
        }
        reading
    }

    /// Fill with random bytes.
    pub(crate) fn random<E>(&self, bytes: &mut [u8], live: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<(), E> {
        match &self.player {
            Some(player) => player.random(bytes),
            None => live(bytes)?,
        }
        if let Some(recorder) = &self.recorder {
            recorder.random(bytes);
        }
        Ok(())
    }

    /// A line that was cleaned.
    pub(crate) fn log(&self, level: LogLevel, line: &str) {
        if let Some(recorder) = &self.recorder {
            recorder.log(level, line);
        }
    }

    /// A question that the host answers by looking something up. What was not asked then has no answer now.
    pub(crate) async fn ask<A: Serialize + DeserializeOwned>(
        &self,
        what: &'static str,
        input: impl FnOnce() -> Value + Send,
        live: impl Future<Output = Result<A, StoreError>> + Send,
    ) -> Result<A, StoreError> {
        let Some(recorder) = &self.recorder else { return live.await };
        let input = input();
        let answer = match &self.player {
            Some(player) => player.ask(what, &input),
            None => live.await,
        };
        recorder.asked(what, input, answer.as_ref().ok());
        answer
    }

    /// A request that the gate has read.
    pub(crate) fn request(&self, outgoing: &Outgoing, url: &Url) -> Request {
        let Some(recorder) = &self.recorder else { return Request::Live(None) };
        let slot = recorder.request(outgoing, url);
        let Some(player) = &self.player else { return Request::Live(Some(slot)) };
        match player.request(outgoing, url) {
            Some(answer) => {
                recorder.answered(slot, &answer);
                Request::Played(answer)
            }
            None => Request::Never,
        }
    }

    /// What came of it.
    pub(crate) fn answered(&self, slot: Option<Slot>, answer: &Result<Response<Bytes>, Refusal>) {
        if let (Some(recorder), Some(slot)) = (&self.recorder, slot) {
            recorder.answered(slot, answer);
        }
    }
}
