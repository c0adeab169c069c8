use super::*;
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::events::{Again, Event, EventLog, Handed, Listener, Relays, Rewound, Start, Turn};
use opssight_core::time::Timestamp;
use serde_json::json;
use std::sync::Mutex;

/// A log of three events, and a place outside that takes the first two of them. Something happens all the time.
#[derive(Default)]
struct World {
    /// Whether another process has the turn.
    elsewhere: bool,
    asked: Mutex<u32>,
    place: Mutex<i64>,
}

#[async_trait]
impl EventLog for World {
    async fn after(&self, seq: i64, _: u32) -> Result<Vec<Event>, StoreError> {
        let event = |seq| Event {
            seq,
            kind: "dev.opssight.test.0.1.0".to_owned(),
            connection: "con_1".into(),
            subject: "run_1".to_owned(),
            at: Timestamp(0),
            data: json!({}),
        };
        Ok((seq + 1..=3).map(event).collect())
    }

    async fn bounds(&self) -> Result<(i64, i64), StoreError> {
        Ok((1, 3))
    }
}

#[async_trait]
impl Relays for World {
    async fn take_turn(&self, _: &str, _: Start) -> Result<Option<Turn>, StoreError> {
        *self.asked.lock().unwrap() += 1;
        Ok((!self.elsewhere).then(|| Turn { fence: 1, seq: *self.place.lock().unwrap() }))
    }

    async fn has_turn(&self, _: &str, _: i64) -> Result<bool, StoreError> {
        Ok(!self.elsewhere)
    }

    async fn advance(&self, _: &str, _: i64, seq: i64) -> Result<bool, StoreError> {
        *self.place.lock().unwrap() = seq;
        Ok(true)
    }

    async fn leave_turn(&self, _: &str, _: i64) -> Result<(), StoreError> {
        Ok(())
    }

    async fn waiting(&self, _: &str) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn rewind(&self, _: &str, _: Again) -> Result<Rewound, StoreError> {
        Err(StoreError::new("set the relay back", "a fake"))
    }
}

#[async_trait]
impl EventSink for World {
    async fn hand_over(&self, events: &[Event]) -> Handed {
        let kept = events.iter().filter(|event| event.seq < 3).count();
        Handed { kept, failed: Some(SinkError("it is full".to_owned())) }
    }
}

impl Bus for World {
    fn wake(&self, _: Topic) {}

    fn listen(&self, _: Topic) -> Box<dyn Listener> {
        Box::new(Busy)
    }
}

struct Busy;

#[async_trait]
impl Listener for Busy {
    async fn woken(&mut self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Relay for ten seconds.
async fn relayed(world: World) -> (Arc<World>, Arc<Link>) {
    let (world, link) = (Arc::new(world), Arc::new(Link::new("a place")));
    let relay = Relay {
        name: "test".to_owned(),
        log: world.clone(),
        relays: world.clone(),
        sink: world.clone(),
        start: Start::Oldest,
    };
    let stop = CancellationToken::new();
    let relaying = tokio::spawn(relay_events(relay, world.clone(), Arc::clone(&link), stop.clone()));
    tokio::time::sleep(Duration::from_millis(9_500)).await;
    stop.cancel();
    relaying.await.unwrap();
    (world, link)
}

#[tokio::test(start_paused = true)]
async fn a_process_without_the_turn_asks_for_it_once_a_second_however_much_happens() {
    let (world, link) = relayed(World { elsewhere: true, ..World::default() }).await;
    assert_eq!(*world.asked.lock().unwrap(), 10);
    assert!(link.is_up(), "whoever has the turn says what is wrong");
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_before_a_failure_counts() {
    let (world, link) = relayed(World::default()).await;
    assert_eq!(*world.place.lock().unwrap(), 2);
    assert_eq!(link.counts(), (2, 0));
    assert!(!link.is_up());
}
