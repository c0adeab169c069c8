//! One client's place in the event log.

use crate::app::App;
use axum::response::sse::Event as Message;
use opssight_api_types::live::{LiveEvent, LiveQuery};
use opssight_core::error::StoreError;
use opssight_core::events::{Event, EventLog, Listener, Topic};
use opssight_core::identity::Identity;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Events read from the log at a time: all that a slow client can make us hold.
const BATCH: u32 = 256;
/// How soon a session that was ended ends its streams.
const SESSION_CHECK: Duration = Duration::from_secs(15);

pub(super) struct Follower {
    events: Arc<dyn EventLog>,
    listener: Box<dyn Listener>,
    stopping: CancellationToken,
    identity: Identity,
    /// Of the session or the key.
    token: String,
    check_at: Instant,
    filter: LiveQuery,
    /// What is said before any event.
    greeting: Option<Message>,
    /// The last event that was read.
    at: i64,
    read: VecDeque<Event>,
}

/// Where a stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// After an event that the client names.
    After(i64),
    /// At the end of the log, because the client names none.
    End(i64),
    /// At the end of the log, because what the client names is not there.
    Lost(i64),
}

fn start(asked: Option<&str>, (first, last): (i64, i64)) -> Start {
    match asked.map(str::parse::<i64>) {
        None => Start::End(last),
        // The event itself may be gone, as long as all that came after it is there.
        Some(Ok(id)) if id.saturating_add(1) >= first && id <= last => Start::After(id),
        Some(_) => Start::Lost(last),
    }
}

impl Follower {
    pub(super) async fn start(
        app: &App,
        token: String,
        header: Option<String>,
        filter: LiveQuery,
        stopping: CancellationToken,
    ) -> Result<Self, StoreError> {
        // Listening begins before looking, so that nothing falls in between.
        let listener = app.bus.listen(Topic::Events);
        let bounds = app.events.bounds().await?;
        let asked = header.as_deref().or(filter.last_event_id.as_deref()).filter(|id| !id.is_empty());
        let greet = |event: &str, at: i64| Some(Message::default().event(event).id(at.to_string()).data("{}"));
        let (at, greeting) = match start(asked, bounds) {
            Start::After(at) => (at, None),
            Start::End(at) => (at, greet("ready", at)),
            Start::Lost(at) => (at, greet("resync", at)),
        };
        Ok(Self {
            events: Arc::clone(&app.events),
            listener,
            stopping,
            identity: app.identity.clone(),
            token,
            check_at: Instant::now() + SESSION_CHECK,
            filter,
            greeting,
            at,
            read: VecDeque::new(),
        })
    }

    /// The next message; none when the stream is over.
    pub(super) async fn next(&mut self) -> Option<Message> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        loop {
            while let Some(event) = self.read.pop_front() {
                self.at = event.seq;
                if self.wants(&event) {
                    return message(event);
                }
            }
            if self.is_over().await {
                return None;
            }
            match self.events.after(self.at, BATCH).await {
                Ok(events) if events.is_empty() => self.wait().await,
                Ok(events) => self.read.extend(events),
                Err(error) => {
                    // The client comes back with its place.
                    tracing::error!(%error, "could not read the event log for a live stream");
                    return None;
                }
            }
        }
    }

    fn wants(&self, event: &Event) -> bool {
        self.filter.subject.as_ref().is_none_or(|subject| *subject == event.subject)
            && self.filter.kind_prefix.as_ref().is_none_or(|prefix| event.kind.starts_with(prefix))
    }

    async fn wait(&mut self) {
        tokio::select! {
            () = self.listener.woken() => {}
            () = self.stopping.cancelled() => {}
            () = tokio::time::sleep_until(self.check_at) => {}
        }
    }

    /// The host stops, or the session or the key ended.
    async fn is_over(&mut self) -> bool {
        if self.stopping.is_cancelled() {
            return true;
        }
        if Instant::now() < self.check_at {
            return false;
        }
        self.check_at = Instant::now() + SESSION_CHECK;
        !matches!(self.identity.known(&self.token).await, Ok(Some(_)))
    }
}

fn message(event: Event) -> Option<Message> {
    let id = event.seq.to_string();
    Message::default().id(id).json_data(LiveEvent::from(event)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn a_stream_ends_with_its_session_and_with_the_host() {
        let world = World::new();
        let token = world.token().await;
        let follow = async |stopping: &CancellationToken| {
            let start = Follower::start(&world.app, token.clone(), None, LiveQuery::default(), stopping.clone());
            let mut follower = start.await.unwrap();
            assert!(follower.next().await.is_some(), "the greeting");
            follower
        };
        let stopping = CancellationToken::new();
        let mut follower = follow(&stopping).await;
        // The session is there: the check passes, and the stream goes on with the next event.
        follower.check_at = Instant::now();
        world.stubs.happens(1, "run_1");
        assert!(follower.next().await.is_some());
        assert!(follower.check_at > Instant::now());
        world.stubs.sessions.lock().unwrap().clear();
        follower.check_at = Instant::now();
        world.stubs.happens(2, "run_2");
        assert!(follower.next().await.is_none());

        let mut follower = follow(&stopping).await;
        stopping.cancel();
        assert!(follower.next().await.is_none());
    }

    #[test]
    fn a_stream_begins_where_the_client_was_or_says_that_it_cannot() {
        for (asked, bounds, expect) in [
            (None, (3, 9), Start::End(9)),
            (Some("9"), (3, 9), Start::After(9)),
            (Some("3"), (3, 9), Start::After(3)),
            // Event 2 is gone, but everything after it is there.
            (Some("2"), (3, 9), Start::After(2)),
            (Some("1"), (3, 9), Start::Lost(9)),
            (Some("10"), (3, 9), Start::Lost(9)),
            (Some("abc"), (3, 9), Start::Lost(9)),
            (Some("0"), (0, 0), Start::After(0)),
            (Some("5"), (0, 0), Start::Lost(0)),
            // All events were purged.
            (Some("9"), (10, 9), Start::After(9)),
            (Some("8"), (10, 9), Start::Lost(9)),
        ] {
            assert_eq!(start(asked, bounds), expect, "{asked:?} {bounds:?}");
        }
    }
}
