//! Who works on what: many at once, and no connection at the cost of the others.

use super::rest;
use opssight_core::events::Listener;
use opssight_core::hooks::Leasing;
use opssight_core::id::ConnectionId;
use opssight_core::time::Timestamp;
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// While most places are taken, how often those are looked for who have nothing under way, at most ...
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// ... and when nobody says that something has come.
const LOOK_ANYWAY: Duration = Duration::from_millis(50);

/// What is under way, and whose it is.
pub(super) struct Crew {
    at_once: u32,
    tasks: JoinSet<()>,
    whose: HashMap<Id, ConnectionId>,
    running: HashMap<ConnectionId, u32>,
    /// Whether there may be something that was not looked at yet.
    news: bool,
    /// When the last look was over.
    looked: Instant,
}

impl Crew {
    pub(super) fn new(at_once: u32) -> Self {
        Self {
            at_once,
            tasks: JoinSet::new(),
            whose: HashMap::new(),
            running: HashMap::new(),
            news: true,
            looked: Instant::now(),
        }
    }

    fn busy(&self) -> u32 {
        u32::try_from(self.tasks.len()).unwrap_or(u32::MAX)
    }

    /// As many places as there are again are kept for connections of which nothing is under way, and nobody takes more
    /// than half.
    pub(super) fn ask(&self, now: Timestamp, lease: Duration) -> Leasing {
        Leasing {
            now,
            until: now.plus_micros(i64::try_from(lease.as_micros()).unwrap_or(i64::MAX)),
            room: self.at_once.saturating_sub(self.busy()),
            reserve: self.at_once.saturating_mul(2).saturating_sub(self.busy()),
            share: self.at_once.div_ceil(2),
            running: self.running.clone(),
        }
    }

    /// Begin what was leased for a connection.
    pub(super) fn begin(&mut self, connection: ConnectionId, work: impl Future<Output = ()> + Send + 'static) {
        let task = self.tasks.spawn(work);
        *self.running.entry(connection.clone()).or_default() += 1;
        self.whose.insert(task.id(), connection);
    }

    /// Leasing is one statement for many rows: wait until a good part of them fits, but no longer than a newcomer
    /// should.
    pub(super) async fn pace(&mut self, listener: &mut dyn Listener) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.ended(ended);
        }
        // What comes after a quiet while is looked for at once: only those who come close upon another share a look.
        while self.at_once.saturating_sub(self.busy()) < self.at_once.div_ceil(2) {
            let all_taken = self.busy() >= self.at_once.saturating_mul(2);
            let look_again = self.looked + if self.news { LOOK_AGAIN } else { LOOK_ANYWAY };
            let listens = !self.news;
            tokio::select! {
                // Its connection may have more that waits.
                _ = self.one_ends() => self.news = true,
                () = listener.woken(), if listens => self.news = true,
                () = tokio::time::sleep_until(look_again), if !all_taken => break,
            }
        }
        self.news = false;
    }

    /// A look is over, whatever it found.
    pub(super) fn has_looked(&mut self) {
        self.looked = Instant::now();
    }

    /// Nothing was there to begin: wait until something may be.
    pub(super) async fn rest(&mut self, listener: &mut dyn Listener, at_most: Duration, stop: &CancellationToken) {
        tokio::select! {
            () = rest(listener, at_most, stop) => {}
            // What waits may be a connection's that had its share.
            true = self.one_ends() => {}
        }
        // The hint is used up, and whoever it was about was not looked for yet.
        self.news = true;
    }

    /// False when there is nothing that could end.
    pub(super) async fn one_ends(&mut self) -> bool {
        let Some(ended) = self.tasks.join_next_with_id().await else { return false };
        self.ended(ended);
        true
    }

    fn ended(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                // Its lease runs out and it is tried again.
                tracing::error!(error = %error, "the work on something leased ended in the middle");
                error.id()
            }
        };
        let Some(connection) = self.whose.remove(&id) else { return };
        if let Some(running) = self.running.get_mut(&connection) {
            *running = running.saturating_sub(1);
            if *running == 0 {
                self.running.remove(&connection);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn what_is_under_way_is_counted_by_connection_until_it_ends() {
        let mut crew = Crew::new(8);
        let mut held = Vec::new();
        for connection in ["slow", "slow", "other"] {
            let (end, ended) = oneshot::channel::<()>();
            crew.begin(connection.into(), async { drop(ended.await) });
            held.push(end);
        }
        let ask = crew.ask(Timestamp(5), Duration::from_secs(1));
        assert_eq!((ask.room, ask.reserve, ask.share), (5, 13, 4));
        assert_eq!((ask.now, ask.until), (Timestamp(5), Timestamp(1_000_005)));
        assert_eq!(ask.running, [("slow".into(), 2), ("other".into(), 1)].into());
        drop(held.pop());
        assert!(crew.one_ends().await);
        assert_eq!(crew.ask(Timestamp(5), Duration::ZERO).running, [("slow".into(), 2)].into());
        // Also what ends in a panic gives its place back.
        crew.begin("broken".into(), async { panic!("in the middle") });
        assert!(crew.one_ends().await);
        held.clear();
        while crew.one_ends().await {}
        let ask = crew.ask(Timestamp(5), Duration::ZERO);
        assert_eq!((ask.room, ask.running.len()), (8, 0));
    }

    /// Says so many times that something has come, and nothing after that.
    struct Calls(u32);

    #[async_trait::async_trait]
    impl Listener for Calls {
        async fn woken(&mut self) {
            match self.0.checked_sub(1) {
                Some(left) => self.0 = left,
                None => std::future::pending().await,
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_most_places_are_taken_newcomers_are_looked_for_soon_when_there_are_news() {
        let mut crew = Crew::new(4);
        for connection in ["a", "b", "c"] {
            crew.begin(connection.into(), std::future::pending());
        }
        let pace = async |crew: &mut Crew, calls: u32| {
            let begun = Instant::now();
            crew.pace(&mut Calls(calls)).await;
            crew.has_looked();
            begun.elapsed()
        };
        assert_eq!(pace(&mut crew, 0).await, LOOK_AGAIN, "nobody has looked yet");
        assert_eq!(pace(&mut crew, 0).await, LOOK_ANYWAY, "nobody said anything");
        assert_eq!(pace(&mut crew, 1).await, LOOK_AGAIN, "somebody did");
        crew.begin("d".into(), async {});
        assert_eq!(pace(&mut crew, 0).await, LOOK_AGAIN, "a place is free, and its connection may have more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_newcomer_after_a_quiet_while_is_looked_for_at_once() {
        let mut crew = Crew::new(2);
        crew.begin("a".into(), std::future::pending());
        crew.begin("b".into(), std::future::pending());
        crew.pace(&mut Calls(0)).await;
        crew.has_looked();
        tokio::time::sleep(LOOK_AGAIN).await;
        let begun = Instant::now();
        crew.pace(&mut Calls(1)).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn when_there_is_room_nobody_waits() {
        let mut crew = Crew::new(4);
        crew.begin("a".into(), std::future::pending());
        let begun = Instant::now();
        crew.pace(&mut Calls(0)).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
