//! The log is handed on to a place outside, one batch after the other.

use super::{AFTER_FAILURE, REST, rest};
use opssight_backends::Link;
use opssight_core::events::{Bus, EventSink, Relay, RelayError, Step, Topic};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often a place outside is asked whether it is there, while there is nothing to hand on.
const LOOK: Duration = Duration::from_secs(30);
/// How often it is counted what waits.
const COUNT: Duration = Duration::from_secs(15);
/// Longest rest after it failed.
const LONGEST: Duration = Duration::from_secs(10);

/// Hand on until told to stop. A batch that is under way is finished: its place is kept, and nothing is sent twice.
pub(crate) async fn relay_events(relay: Relay, bus: Arc<dyn Bus>, link: Arc<Link>, stop: CancellationToken) {
    let mut listener = bus.listen(Topic::Events);
    let (mut turn, mut wait) = (None, AFTER_FAILURE);
    let (mut looked, mut counted): (Option<Instant>, Option<Instant>) = (None, None);
    while !stop.is_cancelled() {
        if counted.is_none_or(|at| at.elapsed() > COUNT) {
            counted = Some(Instant::now());
            count(&relay, &link).await;
        }
        let pause = match relay.step(&mut turn).await {
            Ok(Step::Relayed(events)) => {
                link.moves(events);
                well(&link);
                (looked, wait) = (Some(Instant::now()), AFTER_FAILURE);
                continue;
            }
            Ok(Step::Lost) => continue,
            // Whoever is at it says what is wrong.
            Ok(Step::Elsewhere) => {
                well(&link);
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
                (looked, counted) = (None, None);
                failed(&link, &error);
                let pause = wait;
                wait = (wait * 2).min(LONGEST);
                pause
            }
        };
        if turn.is_none() && link.trouble().is_some() {
            // More events do not bring it back.
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
        Ok(()) => well(link),
        Err(error) => {
            metrics::gauge!("opssight_bus_up", "link" => link.name().to_owned()).set(0.0);
            link.fails(&error.to_string());
        }
    }
}

fn well(link: &Link) {
    metrics::gauge!("opssight_bus_up", "link" => link.name().to_owned()).set(1.0);
    link.is_well();
}

fn failed(link: &Link, error: &RelayError) {
    metrics::gauge!("opssight_bus_up", "link" => link.name().to_owned()).set(0.0);
    match error {
        RelayError::Sink(error) => link.fails(&error.to_string()),
        RelayError::Store(error) => link.fails(&error.to_string()),
    }
}

async fn count(relay: &Relay, link: &Link) {
    if let Ok(waiting) = relay.relays.waiting(&relay.name).await {
        let name = link.name().to_owned();
        metrics::gauge!("opssight_bus_waiting_events", "link" => name.clone()).set(waiting as f64);
        metrics::counter!("opssight_bus_events_total", "link" => name).absolute(link.counts().0);
    }
}
