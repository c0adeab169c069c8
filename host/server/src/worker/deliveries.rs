//! Deliveries: lease, process, settle, many at once, and no connection at the cost of the others.

use super::{AFTER_FAILURE, REST, rest};
use opssight_core::events::{Bus, Listener, Topic};
use opssight_core::hooks::{LeasedDelivery, Leasing, Processor};
use opssight_core::id::ConnectionId;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{Id, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// While most places are taken, how often those are looked for who have nothing under way, at most ...
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// ... and when nobody says that something has come.
const LOOK_ANYWAY: Duration = Duration::from_millis(50);

/// Work until told to stop, then finish what was begun.
pub(crate) async fn process_deliveries(
    processor: Processor,
    bus: Arc<dyn Bus>,
    at_once: u32,
    lease: Duration,
    stop: CancellationToken,
) {
    let mut listener = bus.listen(Topic::Inbox);
    let mut crew = Crew::new(at_once);
    // Whether there may be something that was not looked at yet.
    let mut news = true;
    while !stop.is_cancelled() {
        crew.pace(listener.as_mut(), news).await;
        news = false;
        match processor.inbox.lease(&crew.ask(&processor, lease)).await {
            Ok(leased) if leased.is_empty() => {
                let pause = pause(&processor).await;
                tokio::select! {
                    () = rest(listener.as_mut(), pause, &stop) => {}
                    // What waits may be a connection's that had its share.
                    true = crew.one_ends() => {}
                }
                news = true;
            }
            Ok(leased) => leased.into_iter().for_each(|delivery| crew.begin(&processor, delivery)),
            Err(error) => {
                tracing::error!(error = %error, cause = ?error.source, "could not lease deliveries; trying again");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
    while crew.one_ends().await {}
}

/// What is under way, and whose it is.
struct Crew {
    at_once: u32,
    tasks: JoinSet<()>,
    whose: HashMap<Id, ConnectionId>,
    running: HashMap<ConnectionId, u32>,
}

impl Crew {
    fn new(at_once: u32) -> Self {
        Self { at_once, tasks: JoinSet::new(), whose: HashMap::new(), running: HashMap::new() }
    }

    fn busy(&self) -> u32 {
        u32::try_from(self.tasks.len()).unwrap_or(u32::MAX)
    }

    /// As many places as there are again are kept for connections of which nothing is under way, and nobody takes more
    /// than half.
    fn ask(&self, processor: &Processor, lease: Duration) -> Leasing {
        let now = processor.clock.now();
        Leasing {
            now,
            until: now.plus_micros(i64::try_from(lease.as_micros()).unwrap_or(i64::MAX)),
            room: self.at_once.saturating_sub(self.busy()),
            reserve: self.at_once.saturating_mul(2).saturating_sub(self.busy()),
            share: self.at_once.div_ceil(2),
            running: self.running.clone(),
        }
    }

    fn begin(&mut self, processor: &Processor, delivery: LeasedDelivery) {
        let (processor, connection) = (processor.clone(), delivery.connection.clone());
        let task = self.tasks.spawn(async move { process(&processor, delivery).await });
        *self.running.entry(connection.clone()).or_default() += 1;
        self.whose.insert(task.id(), connection);
    }

    /// Leasing is one statement for many rows: wait until a good part of them fits, but no longer than a newcomer
    /// should.
    async fn pace(&mut self, listener: &mut dyn Listener, mut news: bool) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.ended(ended);
        }
        let begun = Instant::now();
        while self.at_once.saturating_sub(self.busy()) < self.at_once.div_ceil(2) {
            let all_taken = self.busy() >= self.at_once.saturating_mul(2);
            let look_again = begun + if news { LOOK_AGAIN } else { LOOK_ANYWAY };
            tokio::select! {
                // Its connection may have more that waits.
                _ = self.one_ends() => news = true,
                () = listener.woken(), if !news => news = true,
                () = tokio::time::sleep_until(look_again), if !all_taken => return,
            }
        }
    }

    /// False when there is nothing that could end.
    async fn one_ends(&mut self) -> bool {
        let Some(ended) = self.tasks.join_next_with_id().await else { return false };
        self.ended(ended);
        true
    }

    fn ended(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                // Its lease runs out and the delivery is tried again.
                tracing::error!(error = %error, "the work on a delivery ended in the middle");
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

/// Until the next retry is due, if that is sooner than the usual rest.
async fn pause(processor: &Processor) -> Duration {
    match processor.inbox.next_due(processor.clock.now()).await {
        Ok(Some(due)) => {
            let micros = due.since(processor.clock.now()).max(1000);
            REST.min(Duration::from_micros(u64::try_from(micros).unwrap_or(1000)))
        }
        Ok(None) | Err(_) => REST,
    }
}

async fn process(processor: &Processor, delivery: LeasedDelivery) {
    let id = delivery.id.clone();
    match processor.process(delivery).await {
        Ok(true) => tracing::debug!(delivery.id = %id, "delivery settled"),
        Ok(false) => tracing::warn!(delivery.id = %id, "lost the lease of a delivery; somebody else has it"),
        // The lease runs out and the delivery is tried again: nothing is lost.
        Err(error) => {
            tracing::error!(delivery.id = %id, error = %error, cause = ?error.source, "could not settle a delivery");
        }
    }
}
