//! An upstream's patience with one account. All calls of the connection share it.
//!
//! Two things are honoured: a pause that the upstream asked for, and a reserve. While the allowance of the hour runs
//! low, history waits so that people and live events still get through.

use crate::egress::Refusal;
use crate::sync::lock;
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use opssight_core::plugins::CallPriority;
use opssight_core::time::Timestamp;
use std::sync::Mutex;
use std::time::Duration;

/// Nobody is made to wait longer, whatever an upstream says.
const LONGEST_PAUSE_SECS: i64 = 3_600;
/// A pause that ends within this time is waited for in the call by what happens now.
const SHORT_WAIT: Duration = Duration::from_secs(2);
/// When an upstream says "too many" and not for how long.
const UNSAID_PAUSE_SECS: i64 = 60;

#[derive(Debug, Default)]
pub(crate) struct RateGate(Mutex<Standing>);

#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    /// No requests before this.
    paused_until: Timestamp,
    /// Below the reserve until this.
    scarce_until: Timestamp,
    /// How much of the allowance is left, in percent, while it is scarce.
    left_percent: i64,
}

impl RateGate {
    /// May a call of this priority go now? What happens now waits out a short pause; a person is never held up,
    /// because the upstream itself will answer.
    pub(crate) async fn admit(
        &self,
        priority: CallPriority,
        now: Timestamp,
        remaining: Duration,
    ) -> Result<(), Refusal> {
        let standing = *lock(&self.0);
        let wait = standing.wait(priority, now);
        if wait.is_zero() {
            return Ok(());
        }
        if priority <= CallPriority::Live && wait <= SHORT_WAIT.min(remaining) {
            tokio::time::sleep(wait).await;
            return Ok(());
        }
        Err(Refusal::Paused { retry_after_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) })
    }

    /// Learn from an answer.
    pub(crate) fn observe(&self, answer: &Response<Bytes>, now: Timestamp) {
        let number = |name: &str| number(answer.headers(), name);
        let refused = matches!(answer.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::FORBIDDEN);
        let retry_after = number("retry-after").map(|secs| now.plus_secs(secs)).or_else(|| date(answer.headers()));
        let (left, limit) = (number("x-ratelimit-remaining"), number("x-ratelimit-limit"));
        let reset = number("x-ratelimit-reset").map(|secs| Timestamp(secs.saturating_mul(1_000_000)));
        let unsaid = (answer.status() == StatusCode::TOO_MANY_REQUESTS).then(|| now.plus_secs(UNSAID_PAUSE_SECS));
        let exhausted = if left == Some(0) { reset } else { None };
        let pause = if refused { retry_after.or(exhausted).or(unsaid) } else { exhausted };
        let latest = now.plus_secs(LONGEST_PAUSE_SECS);
        let mut standing = lock(&self.0);
        if let Some(until) = pause {
            standing.paused_until = standing.paused_until.max(until.min(latest));
        }
        if let (Some(left), Some(limit), Some(reset)) = (left, limit, reset)
            && limit > 0
        {
            standing.left_percent = left.saturating_mul(100) / limit;
            standing.scarce_until = reset.min(latest);
        }
    }
}

impl Standing {
    fn wait(&self, priority: CallPriority, now: Timestamp) -> Duration {
        let reserve = match priority {
            CallPriority::Interactive => return Duration::ZERO,
            CallPriority::Live => 0,
            CallPriority::Reconcile => 5,
            CallPriority::Backfill => 10,
        };
        let mut until = self.paused_until;
        if self.left_percent < reserve {
            until = until.max(self.scarce_until);
        }
        Duration::from_micros(u64::try_from(until.since(now)).unwrap_or(0))
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok().filter(|number| *number >= 0)
}

/// The other way in which `Retry-After` may be written (RFC 9110, 10.2.3).
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get("retry-after")?.to_str().ok()?;
    Some(chrono::DateTime::parse_from_rfc2822(date.trim()).ok()?.to_utc().into())
}

#[cfg(test)]
mod tests;
