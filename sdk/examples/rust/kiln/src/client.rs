//! Asking Kiln: where it is, and what its answers mean.

use opssight_plugin::http::{self, Request, Response};
use opssight_plugin::{Failure, settings};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) fn get(path: &str) -> Result<Request, Failure> {
    Ok(http::get(url(path)?).timeout(TIMEOUT))
}

pub(crate) fn post(path: &str) -> Result<Request, Failure> {
    Ok(http::post(url(path)?).timeout(TIMEOUT))
}

fn url(path: &str) -> Result<String, Failure> {
    let base: Option<String> = settings::get("base_url")?;
    let base = base.ok_or_else(|| Failure::config("kiln.address", "the address is not set"))?;
    Ok(format!("{base}/api{path}"))
}

/// The host attaches the credential; an answer that is no success becomes a failure of its class.
pub(crate) fn ask(request: Request) -> Result<Response, Failure> {
    let what = request.describe();
    let answer = request.send()?;
    if answer.is_success() || answer.status == 304 {
        return Ok(answer);
    }
    let said = format!("{what}: Kiln answered {}", answer.status);
    Err(match answer.status {
        401 | 403 => Failure::auth("kiln.unauthorised", format!("{said}: renew the token")),
        404 | 410 => Failure::not_found("kiln.not-found", said),
        429 => {
            let seconds = answer.header("retry-after").and_then(|text| text.parse().ok()).unwrap_or(60_u64);
            Failure::rate_limited("kiln.rate-limited", said).retry_after(seconds.saturating_mul(1000))
        }
        _ => Failure::upstream("kiln.status", said),
    })
}
