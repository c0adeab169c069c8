//! The port of the event log, and the bus beside it.

use crate::items::{finished, run, started};
use crate::ports::Ports;
use opssight_core::events::Topic;
use opssight_core::vocabulary::RunResult;
use std::time::Duration;

pub(crate) async fn a_log_that_held_nothing_has_no_bounds(ports: Ports) {
    assert_eq!(ports.events.bounds().await.unwrap(), (0, 0));
    assert!(ports.events.after(0, 10).await.unwrap().is_empty());
}

pub(crate) async fn events_are_numbered_and_read_in_order(ports: Ports) {
    let mut listener = ports.bus.listen(Topic::Events);
    ports.apply(vec![started(run("1", 1, 0), 5)]).await;
    tokio::time::timeout(Duration::from_secs(5), listener.woken()).await.unwrap();
    ports.apply(vec![finished(run("1", 1, 0), 9, RunResult::Success)]).await;
    let events = ports.events.after(0, 10).await.unwrap();
    let kinds: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(kinds, ["dev.cdevents.pipelinerun.started.0.3.0", "dev.cdevents.pipelinerun.finished.0.3.0"]);
    assert_eq!(events[1].data["result"], "success");
    assert_eq!(events[0].subject, events[1].subject);
    assert_eq!(ports.events.bounds().await.unwrap(), (events[0].seq, events[1].seq));
    assert_eq!(ports.events.after(events[0].seq, 10).await.unwrap().len(), 1);
}
