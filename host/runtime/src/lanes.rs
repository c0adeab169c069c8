//! Which threads a call runs on. Calls take milliseconds, most of them less than one; a few may compute for seconds.
//! If both shared their threads, each short one would wait until every long one had its turn.
//!
//! So a call that has computed for longer than most ever do moves to the heavy lane, and the next calls of its kind for
//! its connection start there, until several in a row were short. Nobody is told apart by what he says of himself, and
//! a connection whose calls became short is forgiven.

use crate::budget::{Kind, PerKind};
use crate::sync::lock;
use opssight_core::id::ConnectionId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A call that has used more CPU time is heavy: two turns of a guest that computes.
pub(crate) const LIGHT: Duration = Duration::from_millis(10);
/// So many short calls in a row make up for a heavy one.
const FORGIVEN_AFTER: u8 = 8;
/// Connections that are remembered. Beyond that all are forgotten: one that is unknown costs one call to know.
const CONNECTIONS: usize = 10_000;

/// A set of threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// For calls that are over soon.
    Live,
    /// For the others.
    Heavy,
}

/// What is known of a connection's calls of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Known {
    /// Nothing.
    #[default]
    Unknown,
    /// The first call is under way; until it has ended, the others do not follow it.
    Trial,
    /// So many short calls are wanted until they are taken for short again.
    Owes(u8),
}

#[derive(Default)]
pub(crate) struct Lanes(Mutex<HashMap<ConnectionId, PerKind<Known>>>);

/// A call on its way. Dropped before it was told how the call went, it leaves nothing behind.
pub(crate) struct Ride {
    lanes: Arc<Lanes>,
    connection: ConnectionId,
    kind: Kind,
    /// Where it starts.
    pub(crate) lane: Lane,
    /// The others wait for what this one shows.
    trial: bool,
}

impl Lanes {
    /// A call is about to start.
    pub(crate) fn begin(self: &Arc<Self>, connection: &ConnectionId, kind: Kind) -> Ride {
        let (lane, trial) = self.with(connection, kind, |known| match known {
            Known::Unknown => {
                *known = Known::Trial;
                (Lane::Live, true)
            }
            Known::Owes(0) => (Lane::Live, false),
            Known::Trial | Known::Owes(_) => (Lane::Heavy, false),
        });
        Ride { lanes: Arc::clone(self), connection: connection.clone(), kind, lane, trial }
    }

    /// Start anew: the connection or its plugin was changed.
    pub(crate) fn forget(&self, connection: &ConnectionId) {
        lock(&self.0).remove(connection);
    }

    fn with<T>(&self, connection: &ConnectionId, kind: Kind, change: impl FnOnce(&mut Known) -> T) -> T {
        let mut lanes = lock(&self.0);
        if lanes.len() >= CONNECTIONS && !lanes.contains_key(connection) {
            lanes.clear();
        }
        let kinds = lanes.entry(connection.clone()).or_insert_with(|| PerKind::new(|_| Known::default()));
        change(&mut kinds[kind])
    }
}

impl Ride {
    /// The call turned out to be heavy while it runs.
    pub(crate) fn is_heavy(&self) {
        self.with(|known| *known = Known::Owes(FORGIVEN_AFTER));
    }

    /// The call is over.
    pub(crate) fn ended(&self, cpu: Duration) {
        if cpu > LIGHT {
            return self.is_heavy();
        }
        self.with(|known| {
            *known = match *known {
                Known::Unknown | Known::Trial => Known::Owes(0),
                Known::Owes(calls) => Known::Owes(calls.saturating_sub(1)),
            };
        });
    }

    fn with(&self, change: impl FnOnce(&mut Known)) {
        self.lanes.with(&self.connection, self.kind, change);
    }
}

impl Drop for Ride {
    fn drop(&mut self) {
        if self.trial {
            // It was not made in the end, or nobody waited for it: the next one shows what they are like.
            self.with(|known| {
                if *known == Known::Trial {
                    *known = Known::Unknown;
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FORGIVEN_AFTER, LIGHT, Lane, Lanes};
    use crate::budget::Kind;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn a_heavy_call_sends_those_after_it_to_the_heavy_lane_until_enough_were_short() {
        let (lanes, connection) = (Arc::new(Lanes::default()), "c".into());
        let begin = || lanes.begin(&connection, Kind::Webhook);
        let first = begin();
        assert_eq!(first.lane, Lane::Live, "the first one shows what they are like");
        assert_eq!(begin().lane, Lane::Heavy, "nobody follows before it has");
        first.ended(LIGHT);
        assert_eq!(begin().lane, Lane::Live);
        begin().is_heavy();
        for _ in 0..FORGIVEN_AFTER {
            let short = begin();
            assert_eq!(short.lane, Lane::Heavy);
            short.ended(Duration::ZERO);
        }
        let long = begin();
        assert_eq!(long.lane, Lane::Live);
        long.ended(LIGHT * 2);
        assert_eq!(begin().lane, Lane::Heavy);
    }

    #[test]
    fn kinds_and_connections_are_judged_apart() {
        let (lanes, one, other) = (Arc::new(Lanes::default()), "one".into(), "other".into());
        lanes.begin(&one, Kind::Source).is_heavy();
        assert_eq!(lanes.begin(&one, Kind::Webhook).lane, Lane::Live);
        assert_eq!(lanes.begin(&other, Kind::Source).lane, Lane::Live);
        assert_eq!(lanes.begin(&one, Kind::Source).lane, Lane::Heavy);
        lanes.forget(&one);
        assert_eq!(lanes.begin(&one, Kind::Source).lane, Lane::Live);
    }

    #[test]
    fn a_first_call_that_says_nothing_is_followed_by_another_first_one() {
        let (lanes, connection) = (Arc::new(Lanes::default()), "c".into());
        let first = lanes.begin(&connection, Kind::Health);
        // One that waits behind it and is given up says nothing about the first.
        drop(lanes.begin(&connection, Kind::Health));
        assert_eq!(lanes.begin(&connection, Kind::Health).lane, Lane::Heavy);
        drop(first);
        assert_eq!(lanes.begin(&connection, Kind::Health).lane, Lane::Live);
    }

    #[test]
    fn what_is_known_stays_when_a_call_is_given_up() {
        let (lanes, connection) = (Arc::new(Lanes::default()), "c".into());
        let heavy = lanes.begin(&connection, Kind::Health);
        heavy.is_heavy();
        drop(heavy);
        drop(lanes.begin(&connection, Kind::Health));
        assert_eq!(lanes.begin(&connection, Kind::Health).lane, Lane::Heavy);
    }
}
