//! Which threads a call runs on. Calls take milliseconds, most of them less than one; a few may compute for seconds.
//! If both shared their threads, each short one would wait until every long one had its turn.
//!
//! So a call that has computed for longer than most ever do moves to the heavy lane, and the next calls of its kind for
//! its connection start there, until several in a row were short. Nobody is told apart by what he says of himself, and
//! a connection whose calls became short is forgiven.

use crate::budget::Kind;
use crate::sync::lock;
use opssight_core::id::ConnectionId;
use std::collections::HashMap;
use std::sync::Mutex;
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
pub(crate) struct Lanes(Mutex<HashMap<ConnectionId, [Known; Kind::ALL.len()]>>);

impl Lanes {
    /// Where a call starts.
    pub(crate) fn begin(&self, connection: &ConnectionId, kind: Kind) -> Lane {
        self.with(connection, kind, |known| match known {
            Known::Unknown => {
                *known = Known::Trial;
                Lane::Live
            }
            Known::Owes(0) => Lane::Live,
            Known::Trial | Known::Owes(_) => Lane::Heavy,
        })
    }

    /// A call turned out to be heavy while it runs.
    pub(crate) fn heavy(&self, connection: &ConnectionId, kind: Kind) {
        self.with(connection, kind, |known| *known = Known::Owes(FORGIVEN_AFTER));
    }

    /// A call is over.
    pub(crate) fn ended(&self, connection: &ConnectionId, kind: Kind, cpu: Duration) {
        if cpu > LIGHT {
            return self.heavy(connection, kind);
        }
        self.with(connection, kind, |known| {
            *known = match *known {
                Known::Unknown | Known::Trial => Known::Owes(0),
                Known::Owes(calls) => Known::Owes(calls.saturating_sub(1)),
            };
        });
    }

    /// It was not made in the end, or nobody waits for it any more. What is known stays, but for a trial.
    pub(crate) fn abandoned(&self, connection: &ConnectionId, kind: Kind) {
        self.with(connection, kind, |known| {
            if *known == Known::Trial {
                *known = Known::Unknown;
            }
        });
    }

    /// Start anew: the connection or its plugin was changed.
    pub(crate) fn forget(&self, connection: &ConnectionId) {
        lock(&self.0).remove(connection);
    }

    fn with<T>(&self, connection: &ConnectionId, kind: Kind, change: impl FnOnce(&mut Known) -> T) -> T {
        let mut lanes = lock(&self.0);
        if !lanes.contains_key(connection) {
            if lanes.len() >= CONNECTIONS {
                lanes.clear();
            }
            lanes.insert(connection.clone(), Default::default());
        }
        let known = lanes.get_mut(connection).and_then(|kinds| kinds.get_mut(kind as usize));
        change(known.unwrap_or(&mut Known::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::{FORGIVEN_AFTER, LIGHT, Lane, Lanes};
    use crate::budget::Kind;
    use std::time::Duration;

    #[test]
    fn a_heavy_call_sends_those_after_it_to_the_heavy_lane_until_enough_were_short() {
        let (lanes, connection) = (Lanes::default(), "c".into());
        assert_eq!(lanes.begin(&connection, Kind::Webhook), Lane::Live, "the first one shows what they are like");
        assert_eq!(lanes.begin(&connection, Kind::Webhook), Lane::Heavy, "nobody follows before it has");
        lanes.ended(&connection, Kind::Webhook, LIGHT);
        assert_eq!(lanes.begin(&connection, Kind::Webhook), Lane::Live);
        lanes.heavy(&connection, Kind::Webhook);
        for _ in 0..FORGIVEN_AFTER {
            assert_eq!(lanes.begin(&connection, Kind::Webhook), Lane::Heavy);
            lanes.ended(&connection, Kind::Webhook, Duration::ZERO);
        }
        assert_eq!(lanes.begin(&connection, Kind::Webhook), Lane::Live);
        lanes.ended(&connection, Kind::Webhook, LIGHT * 2);
        assert_eq!(lanes.begin(&connection, Kind::Webhook), Lane::Heavy);
    }

    #[test]
    fn kinds_and_connections_are_judged_apart() {
        let (lanes, one, other) = (Lanes::default(), "one".into(), "other".into());
        lanes.heavy(&one, Kind::Source);
        assert_eq!(lanes.begin(&one, Kind::Webhook), Lane::Live);
        assert_eq!(lanes.begin(&other, Kind::Source), Lane::Live);
        assert_eq!(lanes.begin(&one, Kind::Source), Lane::Heavy);
        lanes.forget(&one);
        assert_eq!(lanes.begin(&one, Kind::Source), Lane::Live);
    }

    #[test]
    fn a_first_call_that_says_nothing_is_followed_by_another_first_one() {
        let (lanes, connection) = (Lanes::default(), "c".into());
        assert_eq!(lanes.begin(&connection, Kind::Health), Lane::Live);
        lanes.abandoned(&connection, Kind::Health);
        assert_eq!(lanes.begin(&connection, Kind::Health), Lane::Live);
    }
}
