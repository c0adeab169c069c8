//! What GitHub's refusals mean, in the contract's classes: who has to do what before it works.

use opssight_plugin::http::Response;
use opssight_plugin::{Failure, time};
use serde::Deserialize;

/// What GitHub asks for when it says no more than "slow down".
const PATIENCE_SECS: u64 = 60;

pub(super) fn failure(path: &str, response: &Response) -> Failure {
    let path = without_query(path);
    let status = response.status;
    let said = said(response);
    if matches!(status, 403 | 429)
        && let Some(failure) = rate_limited(path, response, &said)
    {
        return failure;
    }
    match status {
        401 => Failure::auth(
            "github.unauthorized",
            format!("GitHub does not accept the credential ({path}: {said}): renew the token, or check the app's id and key"),
        ),
        403 => Failure::auth(
            "github.forbidden",
            format!("the credential may not use {path} ({said}): give it the permission that this needs"),
        ),
        404 => Failure::not_found(
            "github.not-found",
            format!("{path} is not there, or the credential may not see it: check the name and the credential's repositories"),
        ),
        410 => Failure::not_found("github.gone", format!("{path} is gone ({said})")),
        409 => Failure::unsupported("github.conflict", format!("GitHub cannot do this now ({path}: {said})")),
        400..=499 => Failure::unsupported(
            "github.refused",
            format!("GitHub refused {path} with status {status} ({said}): the request does not fit"),
        ),
        _ => Failure::upstream("github.unavailable", format!("GitHub failed with status {status} at {path} ({said})")),
    }
    .attr("http.status", status.to_string())
}

/// The primary limit is used up when nothing remains; the secondary ones speak through `retry-after` or only in words.
fn rate_limited(path: &str, response: &Response, said: &str) -> Option<Failure> {
    let number = |name: &str| response.header(name).and_then(|value| value.parse::<u64>().ok());
    let (code, secs, why) = if let Some(secs) = number("retry-after") {
        ("github.secondary-rate-limit", secs, "it was asked too much at once")
    } else if number("x-ratelimit-remaining") == Some(0) {
        let now = u64::try_from(time::now_ms() / 1000).unwrap_or_default();
        let secs = number("x-ratelimit-reset").map_or(PATIENCE_SECS, |reset| reset.saturating_sub(now).max(1));
        ("github.rate-limit", secs, "the hour's requests are used up")
    } else if response.status == 429 || said.to_ascii_lowercase().contains("rate limit") {
        ("github.secondary-rate-limit", PATIENCE_SECS, "it was asked too much at once")
    } else {
        return None;
    };
    let message = format!("GitHub asks to wait {secs} s before {path} is asked again: {why}; it mends itself");
    Some(Failure::rate_limited(code, message).retry_after(secs.saturating_mul(1000)))
}

/// GitHub's own words, which are for people and hold no secrets, on one short line.
fn said(response: &Response) -> String {
    #[derive(Deserialize)]
    struct Refusal {
        message: Option<String>,
    }
    let words = serde_json::from_slice::<Refusal>(&response.body).ok().and_then(|refusal| refusal.message);
    words.map_or_else(
        || "no reason given".to_owned(),
        |words| words.chars().filter(|letter| !letter.is_control()).take(200).collect(),
    )
}

pub(super) fn without_query(path: &str) -> &str {
    path.split_once('?').map_or(path, |(path, _)| path)
}
