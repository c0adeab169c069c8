//! An upstream's patience with one account: one budget for all plugins and connections that use it.
//!
//! Three things hold requests back. A pause that the upstream asked for. The allowance that it says it has left, of
//! which the last part is kept for what matters more than history. And a bucket of our own, so that nobody is flooded
//! who says nothing. People are never held up: the upstream itself will answer them.

mod headers;
mod slots;
mod upstreams;

pub(crate) use slots::Slots;
pub(crate) use upstreams::Upstreams;

use crate::egress::Refusal;
use crate::sync::lock;
use bytes::Bytes;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use headers::Told;
use http::{Response, StatusCode};
use metrics::{Counter, Gauge};
use opssight_core::plugins::CallPriority;
use opssight_core::time::Timestamp;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

/// Nobody is made to wait longer, whatever an upstream says.
const LONGEST_PAUSE_SECS: i64 = 3_600;
/// More than clocks are put right by in passing, and than answers that are learnt from in another order.
const SET_BACK_MICROS: i64 = 2_000_000;
/// A pause that ends within this time is waited for in the call by what happens now.
const SHORT_WAIT: Duration = Duration::from_secs(2);
/// When an upstream says "too many" and not for how long.
const UNSAID_PAUSE_SECS: i64 = 60;
/// Two answers that name ends of their window no further apart than this mean the same window.
const SAME_WINDOW_MICROS: i64 = 2_000_000;
/// Requests a second to one account, whatever it allows.
const PER_SECOND: NonZeroU32 = at_least_one(100);
/// And of those, what is not happening now. So there is always room for what is.
const HISTORY_PER_SECOND: NonZeroU32 = at_least_one(50);
/// Requests to one account that may be under way at once; half of them for history.
const IN_FLIGHT: usize = 16;

const fn at_least_one(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

/// One account with one upstream.
pub(crate) struct Upstream {
    standing: Mutex<Standing>,
    bucket: DefaultDirectRateLimiter,
    history: DefaultDirectRateLimiter,
    pub(crate) slots: Slots,
    meters: Meters,
}

struct Meters {
    left: Gauge,
    limit: Gauge,
    under_way: Gauge,
    charged: Counter,
    free: Counter,
    held_back: Counter,
}

#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    /// No requests before this.
    paused_until: Timestamp,
    /// The allowance of this window, and when it ends. None while the upstream says nothing.
    limit: Option<i64>,
    left: i64,
    window_ends: Timestamp,
    /// Requests under way: each may cost one of what is left.
    under_way: i64,
    /// When an answer last told something.
    told_at: Timestamp,
}

/// A request that may go. Until it is answered it counts as spent.
pub(crate) struct Admitted<'u> {
    upstream: &'u Upstream,
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        let mut standing = lock(&self.upstream.standing);
        standing.under_way -= 1;
        self.upstream.meters.under_way.decrement(1.0);
    }
}

impl Upstream {
    /// `origin` and `account` name it in metrics. The account's name is a keyed hash.
    fn new(origin: &str, account: &str) -> Self {
        let (origin, account) = (|| origin.to_owned(), || account.to_owned());
        let requests = |cost: &'static str| metrics::counter!("opssight_upstream_requests_total", "origin" => origin(), "account" => account(), "cost" => cost);
        Self {
            standing: Mutex::default(),
            bucket: RateLimiter::direct(Quota::per_second(PER_SECOND)),
            history: RateLimiter::direct(Quota::per_second(HISTORY_PER_SECOND)),
            slots: Slots::new(IN_FLIGHT, IN_FLIGHT / 2),
            meters: Meters {
                left: metrics::gauge!("opssight_upstream_allowance_left", "origin" => origin(), "account" => account()),
                limit: metrics::gauge!("opssight_upstream_allowance_limit", "origin" => origin(), "account" => account()),
                under_way: metrics::gauge!("opssight_upstream_requests_under_way", "origin" => origin(), "account" => account()),
                charged: requests("one"),
                free: requests("free"),
                held_back: requests("held-back"),
            },
        }
    }

    /// May a call of this priority go now? What happens now waits out a short pause, a person is never held up.
    pub(crate) async fn admit(
        &self,
        priority: CallPriority,
        now: Timestamp,
        remaining: Duration,
    ) -> Result<Admitted<'_>, Refusal> {
        let mut remaining = remaining;
        let wait = lock(&self.standing).wait(priority, now);
        if !wait.is_zero() {
            if priority > CallPriority::Live || wait > SHORT_WAIT.min(remaining) {
                return Err(self.held_back(wait));
            }
            tokio::time::sleep(wait).await;
            remaining = remaining.saturating_sub(wait);
        }
        self.take(priority, remaining).await?;
        lock(&self.standing).under_way += 1;
        self.meters.under_way.increment(1.0);
        Ok(Admitted { upstream: self })
    }

    /// One from our own bucket.
    async fn take(&self, priority: CallPriority, remaining: Duration) -> Result<(), Refusal> {
        let buckets: &[&DefaultDirectRateLimiter] = match priority {
            CallPriority::Interactive => {
                // It counts, so that the others wait for it and not the other way round.
                let _ = self.bucket.check();
                return Ok(());
            }
            CallPriority::Live => &[&self.bucket],
            CallPriority::Reconcile | CallPriority::Backfill => &[&self.history, &self.bucket],
        };
        let clock = DefaultClock::default();
        let mut left = remaining;
        for bucket in buckets {
            while let Err(early) = bucket.check() {
                let wait = early.wait_time_from(clock.now()).max(Duration::from_millis(1));
                left = left.checked_sub(wait).ok_or_else(|| self.held_back(wait))?;
                tokio::time::sleep(wait).await;
            }
        }
        Ok(())
    }

    fn held_back(&self, wait: Duration) -> Refusal {
        self.meters.held_back.increment(1);
        Refusal::Paused { retry_after_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) }
    }

    /// Learn from an answer.
    pub(crate) fn observe(&self, answer: &Response<Bytes>, now: Timestamp) {
        let told = Told::by(answer.headers(), now);
        let refused = matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::FORBIDDEN);
        let unsaid = (answer.status() == StatusCode::TOO_MANY_REQUESTS).then(|| now.plus_secs(UNSAID_PAUSE_SECS));
        let exhausted = if told.left == Some(0) { told.window_ends } else { None };
        let pause = if refused { told.retry_at.or(exhausted).or(unsaid) } else { exhausted };
        let latest = now.plus_secs(LONGEST_PAUSE_SECS);
        let standing = {
            let mut standing = lock(&self.standing);
            standing.forget_what_is_to_come(now);
            standing.told_at = now;
            if let Some(until) = pause {
                standing.paused_until = standing.paused_until.max(until.min(latest));
            }
            standing.learn(&told, latest);
            *standing
        };
        let cost = if answer.status() == StatusCode::NOT_MODIFIED { &self.meters.free } else { &self.meters.charged };
        cost.increment(1);
        if let Some(limit) = standing.limit {
            self.meters.limit.set(gauge(limit));
            self.meters.left.set(gauge(standing.left));
        }
    }
}

fn gauge(number: i64) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}

impl Standing {
    /// What was told while the clock was ahead holds for times that are hours away since it was set back. The upstream
    /// tells it again.
    fn forget_what_is_to_come(&mut self, now: Timestamp) {
        if self.told_at.since(now) > SET_BACK_MICROS {
            *self = Self { under_way: self.under_way, ..Self::default() };
        }
    }

    /// Answers may arrive in another order than they were given, so that within one window only less is believed. A
    /// 304 costs nothing where the upstream says so: it then tells the same number again.
    fn learn(&mut self, told: &Told, latest: Timestamp) {
        let (Some(left), Some(limit), Some(ends)) = (told.left, told.limit, told.window_ends) else { return };
        if limit <= 0 {
            return;
        }
        let ends = ends.min(latest);
        let same = self.limit == Some(limit) && ends.since(self.window_ends).abs() <= SAME_WINDOW_MICROS;
        if ends.since(self.window_ends) < -SAME_WINDOW_MICROS {
            return; // of a window that is over
        }
        self.left = if same { self.left.min(left) } else { left };
        self.limit = Some(limit);
        self.window_ends = ends.max(self.window_ends);
    }

    fn wait(&mut self, priority: CallPriority, now: Timestamp) -> Duration {
        self.forget_what_is_to_come(now);
        let reserve_percent = match priority {
            CallPriority::Interactive => return Duration::ZERO,
            CallPriority::Live => 0,
            CallPriority::Reconcile => 5,
            CallPriority::Backfill => 10,
        };
        let mut until = self.paused_until;
        if let Some(limit) = self.limit {
            let left = self.left.saturating_sub(self.under_way);
            if left.saturating_mul(100) < limit.saturating_mul(reserve_percent) {
                until = until.max(self.window_ends);
            }
        }
        Duration::from_micros(u64::try_from(until.since(now)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests;
