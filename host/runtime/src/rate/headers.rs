//! What upstreams say about their patience, in the headers that are in use.

use http::HeaderMap;
use opssight_core::time::Timestamp;

/// What one answer tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Requests per window.
    pub(super) limit: Option<i64>,
    /// Requests left in this window.
    pub(super) left: Option<i64>,
    /// When the window ends.
    pub(super) window_ends: Option<Timestamp>,
    /// Not before.
    pub(super) retry_at: Option<Timestamp>,
}

impl Told {
    pub(super) fn by(headers: &HeaderMap, now: Timestamp) -> Self {
        // GitHub and many after it; GitLab and the first drafts of the IETF.
        let either = |name: &str| {
            number(headers, &format!("x-ratelimit-{name}")).or_else(|| number(headers, &format!("ratelimit-{name}")))
        };
        let told = Self {
            limit: either("limit"),
            left: either("remaining"),
            window_ends: either("reset").map(|reset| moment(reset, now)),
            retry_at: number(headers, "retry-after").map(|secs| now.plus_secs(secs)).or_else(|| date(headers)),
        };
        if told.left.is_some() { told } else { Self { retry_at: told.retry_at, ..structured(headers, now) } }
    }
}

/// The later drafts: `RateLimit: "default";r=50;t=30` and `RateLimit-Policy: "default";q=100;w=60`.
fn structured(headers: &HeaderMap, now: Timestamp) -> Told {
    Told {
        limit: parameter(headers, "ratelimit-policy", "q"),
        left: parameter(headers, "ratelimit", "r"),
        window_ends: parameter(headers, "ratelimit", "t").map(|secs| now.plus_secs(secs)),
        retry_at: None,
    }
}

/// Of the first item of the list.
fn parameter(headers: &HeaderMap, header: &str, parameter: &str) -> Option<i64> {
    let value = headers.get(header)?.to_str().ok()?;
    let item = value.split(',').next()?;
    let (_, number) =
        item.split(';').filter_map(|part| part.trim().split_once('=')).find(|(name, _)| *name == parameter)?;
    digits(number)
}

/// Some tell the moment in seconds or milliseconds since 1970, others the seconds until then.
fn moment(reset: i64, now: Timestamp) -> Timestamp {
    match reset {
        1_000_000_000_000.. => Timestamp(reset.saturating_mul(1_000)),
        1_000_000_000.. => Timestamp(reset.saturating_mul(1_000_000)),
        _ => now.plus_secs(reset),
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    // "100, 100;w=60" in one of the drafts.
    digits(headers.get(name)?.to_str().ok()?.split([',', ';']).next()?)
}

fn digits(text: &str) -> Option<i64> {
    text.trim().parse().ok().filter(|number| *number >= 0)
}

/// The other way in which `Retry-After` may be written (RFC 9110, 10.2.3).
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let date = headers.get("retry-after")?.to_str().ok()?;
    Some(chrono::DateTime::parse_from_rfc2822(date.trim()).ok()?.to_utc().into())
}
