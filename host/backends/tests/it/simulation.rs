//! The protocol of leases, fences and due times, played at random against a model: workers that lease, settle late, die
//! and come back, processes that start anew, a clock that jumps ahead. Each seed is a play of its own and can be played
//! again; what a seed found is kept by its number in [`FOUND`].
//!
//! After every step the store must say what the model says; at the end each delivery was applied exactly as often as
//! somebody was told so.

use crate::ports::{self, Ports, at};
use opssight_core::feeds::{LeasedFeed, Pulled};
use opssight_core::hooks::{DeliveryFault, LeasedDelivery, Leasing, NewDelivery, Settled, Settlement};
use opssight_core::id::{ConnectionId, DeliveryId};
use opssight_core::ingest::Effect;
use opssight_core::plugins::StateWrite;
use std::collections::{BTreeMap, BTreeSet};

/// So many plays on SQLite, in parts that run beside each other, and on PostgreSQL.
const SEEDS: u64 = 10_000;
const PARTS: u64 = 4;
const SEEDS_POSTGRES: u64 = 500;
/// Seeds that found something once.
const FOUND: [u64; 0] = [];
const STEPS: u32 = 24;

/// What the model knows of when something can be leased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// From then on.
    Due(i64),
    /// Somebody has it until then.
    Leased(i64),
    /// It came to its end.
    Ended,
}

impl Turn {
    fn is_open(self, now: i64) -> bool {
        matches!(self, Turn::Due(at) | Turn::Leased(at) if at <= now)
    }
}

#[derive(Debug)]
struct Row {
    id: DeliveryId,
    received: i64,
    turn: Turn,
    fence: i64,
}

/// A feed; its due time is kept while it is leased.
#[derive(Debug)]
struct Feed {
    next: i64,
    leased: Option<i64>,
    fence: i64,
    checkpoint: Option<String>,
}

struct Play<'a> {
    ports: &'a Ports,
    seed: u64,
    /// No other process works on the store.
    alone: bool,
    random: u64,
    connection: ConnectionId,
    now: i64,
    rows: BTreeMap<String, Row>,
    feed: Feed,
    /// What workers hold, or think they hold.
    held: Vec<LeasedDelivery>,
    held_feeds: Vec<LeasedFeed>,
    /// Traces of what was applied, as its worker was told.
    kept: BTreeSet<String>,
    traces: u32,
}

impl<'a> Play<'a> {
    async fn begin(ports: &'a Ports, alone: bool, seed: u64) -> Self {
        let connection = format!("seed-{seed}");
        ports.connect(&connection, &["runs"]).await;
        Self {
            ports,
            seed,
            alone,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            connection: connection.as_str().into(),
            now: 1,
            rows: BTreeMap::new(),
            feed: Feed { next: 0, leased: None, fence: 0, checkpoint: None },
            held: Vec::new(),
            held_feeds: Vec::new(),
            kept: BTreeSet::new(),
            traces: 0,
        }
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % bound
    }

    fn secs(&mut self, bound: u64) -> i64 {
        i64::try_from(self.below(bound)).unwrap()
    }

    fn one(&mut self, of: usize) -> usize {
        usize::try_from(self.below(of as u64)).unwrap()
    }

    async fn step(&mut self) {
        match self.below(20) {
            0..=4 => self.accept().await,
            5..=9 => self.lease().await,
            10..=13 => self.settle().await,
            14 => self.lease_feed().await,
            15 => self.settle_feed().await,
            16 => self.die(),
            17 => self.start_anew().await,
            18 => self.replay().await,
            _ => self.now += self.secs(90),
        }
    }

    async fn accept(&mut self) {
        let name = format!("u{}", self.below(6));
        let delivery = NewDelivery {
            connection: self.connection.clone(),
            upstream_id: name.clone(),
            event: None,
            headers: Vec::new(),
            body: name.clone().into_bytes(),
            received_at: at(self.now),
        };
        let accepted = self.ports.inbox.accept(delivery).await.unwrap();
        assert_eq!(accepted.duplicate, self.rows.contains_key(&name), "seed {}: {name}", self.seed);
        let row = Row { id: accepted.id.clone(), received: self.now, turn: Turn::Due(self.now), fence: 0 };
        let known = self.rows.entry(name).or_insert(row);
        assert_eq!(known.id, accepted.id, "seed {}: one delivery has one id", self.seed);
    }

    fn asks(&mut self) -> Leasing {
        let room = u32::try_from(self.below(4)).unwrap() + 1;
        let until = self.now + 1 + self.secs(60);
        Leasing::up_to(room, at(self.now), at(until))
    }

    /// Everything that can be leased is, as far as there is room: the longest due first.
    async fn lease(&mut self) {
        let ask = self.asks();
        let leased = self.ports.inbox.lease(&ask).await.unwrap();
        let mut open: Vec<(i64, String)> = Vec::new();
        for (name, row) in &self.rows {
            if let Turn::Due(due) | Turn::Leased(due) = row.turn
                && row.turn.is_open(self.now)
            {
                open.push((due, name.clone()));
            }
        }
        open.sort();
        let expected = open.len().min(ask.room as usize);
        assert_eq!(leased.len(), expected, "seed {}: of {open:?} at {}", self.seed, self.now);
        let latest = expected.checked_sub(1).map_or(i64::MIN, |last| open[last].0);
        for one in leased {
            let name = String::from_utf8(one.body.clone()).unwrap();
            let row = self.rows.get_mut(&name).unwrap();
            let (Turn::Due(due) | Turn::Leased(due)) = row.turn else { panic!("seed {}: {name} ended", self.seed) };
            assert!(due <= self.now && due <= latest, "seed {}: {name} is not due yet", self.seed);
            assert!(one.fence > row.fence, "seed {}: a lease has a number of its own", self.seed);
            row.fence = one.fence;
            row.turn = Turn::Leased((ask.until.0 - at(0).0) / 1_000_000);
            self.held.push(one);
        }
    }

    async fn settle(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let at_one = self.one(self.held.len());
        let one = self.held.swap_remove(at_one);
        let name = String::from_utf8(one.body.clone()).unwrap();
        let (how, turn, trace) = match self.below(4) {
            0 => {
                let due = self.now + self.secs(120);
                (Settled::Retry { fault: fault(), at: at(due) }, Turn::Due(due), None)
            }
            1 => (Settled::Failed { fault: fault() }, Turn::Ended, None),
            _ => {
                let (effect, trace) = self.effect(&name);
                (Settled::Done { effect, note: None }, Turn::Ended, Some(trace))
            }
        };
        let settlement = Settlement { id: one.id.clone(), fence: one.fence, now: at(self.now), how };
        let settled = self.ports.inbox.settle(settlement).await.unwrap();
        let row = self.rows.get_mut(&name).unwrap();
        let is_its_own = row.fence == one.fence && matches!(row.turn, Turn::Leased(_));
        assert_eq!(settled, is_its_own, "seed {}: {name} with lease {} of {row:?}", self.seed, one.fence);
        if settled {
            row.turn = turn;
            self.kept.extend(trace);
        }
    }

    /// What leaves a trace that nothing else leaves.
    fn effect(&mut self, name: &str) -> (Effect, String) {
        self.traces += 1;
        let trace = format!("{name}-{}", self.traces);
        let state = vec![StateWrite { key: trace.clone(), value: Some(b"x".to_vec()) }];
        (Effect { connection: self.connection.clone(), items: Vec::new(), state, now: at(self.now) }, trace)
    }

    async fn lease_feed(&mut self) {
        let ask = self.asks();
        let leased = self.ports.feeds.lease_feeds(&ask).await.unwrap();
        let is_open = self.feed.next <= self.now && self.feed.leased.is_none_or(|until| until <= self.now);
        assert_eq!(leased.len(), usize::from(is_open), "seed {}: {:?} at {}", self.seed, self.feed, self.now);
        for one in leased {
            assert!(one.fence > self.feed.fence, "seed {}: a lease has a number of its own", self.seed);
            assert_eq!(one.checkpoint, self.feed.checkpoint, "seed {}", self.seed);
            (self.feed.fence, self.feed.leased) = (one.fence, Some((ask.until.0 - at(0).0) / 1_000_000));
            self.held_feeds.push(one);
        }
    }

    async fn settle_feed(&mut self) {
        if self.held_feeds.is_empty() {
            return;
        }
        let at_one = self.one(self.held_feeds.len());
        let one = self.held_feeds.swap_remove(at_one);
        let next = self.now + self.secs(120);
        let (how, checkpoint, trace) = if self.below(3) == 0 {
            (Pulled::Failed { error: "away".to_owned(), next_at: at(next) }, None, None)
        } else {
            let (effect, trace) = self.effect("feed");
            let checkpoint = Some(trace.clone());
            (
                Pulled::Page { effect, checkpoint: checkpoint.clone(), cursor: None, next_at: at(next) },
                checkpoint,
                Some(trace),
            )
        };
        let settled = self.ports.feeds.settle_feed(&one, at(self.now), how).await.unwrap().is_some();
        // A failure that was noted applies nothing either.
        let is_its_own = one.fence == self.feed.fence && self.feed.leased.is_some();
        if trace.is_some() {
            assert_eq!(settled, is_its_own, "seed {}: lease {} of {:?}", self.seed, one.fence, self.feed);
        }
        if is_its_own {
            (self.feed.leased, self.feed.next) = (None, next);
            self.feed.checkpoint = checkpoint.or(self.feed.checkpoint.take());
            self.kept.extend(trace);
        }
    }

    /// A worker is gone; what it held runs out.
    fn die(&mut self) {
        if !self.held.is_empty() {
            let gone = self.one(self.held.len());
            self.held.swap_remove(gone);
        }
        self.held_feeds.pop();
    }

    /// The process starts again after it died: what was leased is free. Those who held it may still be on their way. Where
    /// there may be others, nothing is free before its process was silent for long: `postgres` has cases for that.
    async fn start_anew(&mut self) {
        if !self.alone {
            return;
        }
        self.ports.inbox.release_all().await.unwrap();
        for row in self.rows.values_mut() {
            if let Turn::Leased(_) = row.turn {
                row.turn = Turn::Due(row.received);
            }
        }
        self.feed.leased = None;
    }

    async fn replay(&mut self) {
        if self.rows.is_empty() {
            return;
        }
        let at_row = self.one(self.rows.len());
        let now = self.now;
        let row = self.rows.values_mut().nth(at_row).unwrap();
        let replayed = self.ports.inbox.replay(&row.id, at(now)).await.unwrap();
        assert_eq!(replayed, row.turn == Turn::Ended, "seed {}: {row:?}", self.seed);
        if replayed {
            row.turn = Turn::Due(now);
        }
    }

    /// Everybody who is still on the way arrives, then a good worker does what is left.
    async fn end(mut self) {
        while !self.held.is_empty() {
            self.settle().await;
        }
        while !self.held_feeds.is_empty() {
            self.settle_feed().await;
        }
        while self.rows.values().any(|row| row.turn != Turn::Ended) {
            self.now += 200;
            self.lease().await;
            while !self.held.is_empty() {
                self.settle().await;
            }
        }
        let traces = self.ports.state.keys(&self.connection, "", None, 1_000).await.unwrap();
        let kept: Vec<String> = self.kept.into_iter().collect();
        assert_eq!(traces, kept, "seed {}: what was applied is what its workers were told", self.seed);
        assert!(self.ports.connections.remove(&self.connection).await.unwrap());
    }
}

fn fault() -> DeliveryFault {
    crate::hooks::fault("upstream")
}

async fn play(ports: &Ports, alone: bool, seed: u64) {
    let mut play = Play::begin(ports, alone, seed).await;
    for _ in 0..STEPS {
        play.step().await;
    }
    play.end().await;
}

async fn plays(ports: Ports, alone: bool, seeds: impl Iterator<Item = u64>) {
    for seed in seeds.chain(FOUND) {
        play(&ports, alone, seed).await;
    }
}

/// Seeds of one part.
async fn part(part: u64) {
    plays(ports::sqlite_in_memory().await, true, (part..SEEDS).step_by(usize::try_from(PARTS).unwrap())).await;
}

#[tokio::test]
async fn d2_d5_leases_fences_and_due_times_hold_on_sqlite_1() {
    part(0).await;
}

#[tokio::test]
async fn d2_d5_leases_fences_and_due_times_hold_on_sqlite_2() {
    part(1).await;
}

#[tokio::test]
async fn d2_d5_leases_fences_and_due_times_hold_on_sqlite_3() {
    part(2).await;
}

#[tokio::test]
async fn d2_d5_leases_fences_and_due_times_hold_on_sqlite_4() {
    part(3).await;
}

#[tokio::test]
async fn d2_d5_leases_fences_and_due_times_hold_on_postgres() {
    plays(ports::postgres().await, false, 0..SEEDS_POSTGRES).await;
}
