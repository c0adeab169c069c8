//! The log is handed on to a place outside, one batch after the other.

use super::{AFTER_FAILURE, REST, rest};
use opssight_backends::Link;
use opssight_core::events::{Bus, EventSink, Relay, RelayError, SinkError, Step, Topic};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often a place outside is asked whether it is there, while there is nothing to hand on.
const LOOK: Duration = Duration::from_secs(30);
/// Longest rest after it failed.
const LONGEST: Duration = Duration::from_secs(10);

/// Hand on until told to stop. A batch that is under way is finished: its place is kept, and nothing is sent twice.
pub(crate) async fn relay_events(relay: Relay, bus: Arc<dyn Bus>, link: Arc<Link>, stop: CancellationToken) {
    let mut listener = bus.listen(Topic::Events);
    let (mut turn, mut wait) = (None, AFTER_FAILURE);
    let mut looked: Option<Instant> = None;
    while !stop.is_cancelled() {
        let pause = match relay.step(&mut turn).await {
            Ok(Step::Relayed(events)) => {
                link.moves(events);
                link.is_well();
                (looked, wait) = (Some(Instant::now()), AFTER_FAILURE);
                continue;
            }
            Ok(Step::Lost) => continue,
            // Whoever is at it says what is wrong.
            Ok(Step::Elsewhere) => {
                link.is_well();
                REST
            }
            Ok(Step::Idle) => {
                if looked.is_none_or(|at| at.elapsed() > LOOK) {
                    looked = Some(Instant::now());
                    look(relay.sink.as_ref(), &link).await;
                }
                REST
            }
            Err(error) => {
                looked = None;
                failed(&link, &error);
                let pause = wait;
                wait = (wait * 2).min(LONGEST);
                pause
            }
        };
        if turn.is_none() || !link.is_up() {
            // More events do not bring back what is away; and a process that has no turn would ask the store for it at
            // every event, which is a write.
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        } else {
            rest(listener.as_mut(), pause, &stop).await;
        }
    }
    if let Some(turn) = turn
        && let Err(error) = relay.relays.leave_turn(&relay.name, turn.fence).await
    {
        tracing::debug!(error = %error, "whoever relays next notices by himself that this process is gone");
    }
}

async fn look(sink: &dyn EventSink, link: &Link) {
    match sink.look().await {
        Ok(()) => link.is_well(),
        Err(error) => link.fails(&error.to_string()),
    }
}

fn failed(link: &Link, error: &RelayError) {
    match error {
        RelayError::Sink { kept, error } => {
            link.moves(*kept);
            link.fails(&error.to_string());
        }
        RelayError::Store(error) => link.fails(&SinkError::of(error).to_string()),
    }
}

#[cfg(test)]
mod tests;
