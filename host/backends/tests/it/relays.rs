//! The port of relays: how far each is, and whose turn it is.

use crate::items::{finished, run};
use crate::ports::{Ports, at};
use crate::retention::keep_since;
use opssight_core::events::{Again, Rewound, Start, Turn};
use opssight_core::retention::Keep;
use opssight_core::vocabulary::RunResult;
use std::collections::BTreeMap;

/// Make so many events happen.
async fn events(ports: &Ports, count: i64) {
    for n in 0..count {
        ports.apply(vec![finished(run(&format!("r{n}"), 1, 10 + n), 20 + n, RunResult::Success)]).await;
    }
}

async fn take(ports: &Ports, relay: &str, start: Start) -> Turn {
    ports.relays.take_turn(relay, start).await.unwrap().unwrap()
}

pub(crate) async fn a_new_relay_begins_where_it_is_told(ports: Ports) {
    events(&ports, 3).await;
    assert_eq!(take(&ports, "old", Start::Oldest).await.seq, 0);
    assert_eq!(take(&ports, "new", Start::Newest).await.seq, 3);
    assert_eq!(take(&ports, "new", Start::Oldest).await.seq, 3, "it is new only once");
    assert_eq!(ports.relays.waiting("old").await.unwrap(), 3);
    assert_eq!(ports.relays.waiting("new").await.unwrap(), 0);
}

pub(crate) async fn only_the_newest_turn_moves_the_place(ports: Ports) {
    events(&ports, 3).await;
    let first = take(&ports, "kafka", Start::Oldest).await;
    assert!(ports.relays.has_turn("kafka", first.fence).await.unwrap());
    assert!(ports.relays.advance("kafka", first.fence, 1).await.unwrap());
    let second = take(&ports, "kafka", Start::Oldest).await;
    assert!(second.fence > first.fence);
    assert_eq!(second.seq, 1);
    assert!(!ports.relays.has_turn("kafka", first.fence).await.unwrap());
    assert!(!ports.relays.advance("kafka", first.fence, 3).await.unwrap(), "its turn is over");
    ports.relays.leave_turn("kafka", first.fence).await.unwrap();
    assert!(ports.relays.has_turn("kafka", second.fence).await.unwrap(), "nobody leaves the turn of another");
    assert!(ports.relays.advance("kafka", second.fence, 2).await.unwrap());
    ports.relays.leave_turn("kafka", second.fence).await.unwrap();
    assert!(!ports.relays.has_turn("kafka", second.fence).await.unwrap());
    assert_eq!(take(&ports, "kafka", Start::Oldest).await.seq, 2);
}

pub(crate) async fn a_relay_that_is_set_back_sends_again_from_there(ports: Ports) {
    events(&ports, 5).await;
    let turn = take(&ports, "kafka", Start::Oldest).await;
    assert!(ports.relays.advance("kafka", turn.fence, 5).await.unwrap());
    let back = ports.relays.rewind("kafka", Again::Seq(3)).await.unwrap();
    assert_eq!(back, Rewound { first: Some(3), events: 3 });
    assert!(!ports.relays.advance("kafka", turn.fence, 5).await.unwrap(), "whoever was at it does not undo it");
    assert_eq!(take(&ports, "kafka", Start::Oldest).await.seq, 2);
    let applied = ports.events.after(0, 1).await.unwrap()[0].at;
    assert_eq!(
        ports.relays.rewind("kafka", Again::Since(applied)).await.unwrap(),
        Rewound { first: Some(1), events: 5 }
    );
    let later = Again::Since(applied.plus_secs(1));
    assert_eq!(ports.relays.rewind("kafka", later).await.unwrap(), Rewound { first: None, events: 0 });
    assert_eq!(take(&ports, "kafka", Start::Oldest).await.seq, 0, "there is nothing to send again, so nothing changed");
    assert_eq!(ports.relays.rewind("other", Again::Seq(9)).await.unwrap().events, 0);
    assert_eq!(take(&ports, "other", Start::Oldest).await.seq, 0, "a replay of nothing is no start");
    assert_eq!(ports.relays.rewind("third", Again::Seq(4)).await.unwrap(), Rewound { first: Some(4), events: 2 });
    assert_eq!(take(&ports, "third", Start::Oldest).await.seq, 3);
}

pub(crate) async fn what_a_relay_has_not_handed_on_stays_for_a_while(ports: Ports) {
    events(&ports, 4).await;
    ports.follow_all(10).await;
    let turn = take(&ports, "kafka", Start::Oldest).await;
    assert!(ports.relays.advance("kafka", turn.fence, 1).await.unwrap());
    let relays = vec!["kafka".to_owned()];
    let keep = Keep { events_since: at(9_000_000), unrelayed_since: at(0), relays, ..keep_since(at(-1)) };
    let purged = ports.retention.purge(&keep).await.unwrap();
    assert_eq!((purged.events, purged.unrelayed), (1, BTreeMap::new()), "what was handed on goes");
    assert_eq!(ports.relays.waiting("kafka").await.unwrap(), 3);
    assert_eq!(ports.relays.waiting("new").await.unwrap(), 3, "what is gone waits for nobody");
    assert_eq!(ports.retention.purge(&keep).await.unwrap().events, 0, "the rest waits for the relay");
    let keep = Keep { unrelayed_since: at(9_000_000), ..keep };
    let purged = ports.retention.purge(&keep).await.unwrap();
    assert_eq!((purged.events, purged.unrelayed), (3, lost("kafka", 3)), "but not for ever, and it is said");
    assert_eq!(ports.relays.waiting("kafka").await.unwrap(), 0);
}

pub(crate) async fn relays_lose_each_its_own_and_one_that_was_given_up_loses_nothing(ports: Ports) {
    events(&ports, 5).await;
    ports.follow_all(10).await;
    for (relay, place) in [("kafka", 4), ("metrics", 2), ("given-up", 1)] {
        let turn = take(&ports, relay, Start::Oldest).await;
        assert!(ports.relays.advance(relay, turn.fence, place).await.unwrap());
    }
    // However short the time, what is kept for everybody is kept for relays.
    let short = Keep { unrelayed_since: at(9_000_000), ..keep_since(at(-1)) };
    assert_eq!(ports.retention.purge(&short).await.unwrap().events, 0);
    let relays = ["kafka", "metrics"].map(str::to_owned).to_vec();
    let keep = Keep { events_since: at(9_000_000), unrelayed_since: at(0), relays, ..keep_since(at(-1)) };
    assert_eq!(ports.retention.purge(&keep).await.unwrap().events, 1, "one that was given up may come back");
    let keep = Keep { unrelayed_since: at(9_000_000), ..keep };
    let purged = ports.retention.purge(&keep).await.unwrap();
    let expected = [("kafka".to_owned(), 1), ("metrics".to_owned(), 3)].into();
    assert_eq!((purged.events, purged.unrelayed), (4, expected));
}

fn lost(relay: &str, events: u64) -> BTreeMap<String, u64> {
    [(relay.to_owned(), events)].into()
}
