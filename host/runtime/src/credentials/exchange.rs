//! Buying a token: the one request that the host makes of its own accord, through the same gate as the plugin's.

use super::Chosen;
use super::tokens::Token;
use crate::context::CallContext;
use crate::egress::{Account, Outgoing, Refusal, Timeouts, exchange, vet_address};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use opssight_core::time::Timestamp;
use serde_json::Value;
use url::Url;

/// How long a token is believed to last when its seller does not say.
const UNSAID_LIFETIME_SECS: i64 = 600;
/// And at most, whatever its seller says.
const LONGEST_LIFETIME_SECS: i64 = 30 * 24 * 60 * 60;
/// When a seller says "too many".
const PAUSE_MS: u64 = 60_000;

/// POST to a token endpoint and read its JSON. Only to an origin to which the manifest sends this credential anyway.
pub(super) async fn post(
    call: &CallContext,
    account: &Account,
    chosen: &Chosen<'_>,
    url: &Url,
    authorization: Option<HeaderValue>,
    form: Option<String>,
) -> Result<Value, Refusal> {
    let name = chosen.name;
    if !account.sends_there(name, url) {
        return Err(chosen.unusable("its exchange lies outside of where the plugin may send it"));
    }
    vet_address(account, url)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(authorization) = authorization {
        headers.insert(header::AUTHORIZATION, authorization);
    }
    if form.is_some() {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    }
    let body = form.map_or_else(Bytes::new, Bytes::from);
    let outgoing = Outgoing { method: Method::POST, uri: Uri::default(), headers, body };
    let answer = exchange(call, account, url, outgoing, Timeouts::of(&call.services.upstream)).await?;
    let status = answer.status();
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
            Err(Refusal::CredentialRefused { name: name.to_owned(), status: status.as_u16() })
        }
        StatusCode::TOO_MANY_REQUESTS => Err(Refusal::Paused { retry_after_ms: PAUSE_MS }),
        _ if !status.is_success() => {
            Err(Refusal::Broken(format!("the exchange of the credential \"{name}\" answered HTTP {status}")))
        }
        _ => serde_json::from_slice(answer.body()).map_err(|_| no_token(name)),
    }
}

/// The token in an answer, and how long it lasts.
pub(super) fn read(
    answer: &Value,
    chosen: &Chosen<'_>,
    token: &str,
    expires_at: Option<&str>,
    expires_in: &str,
    now: Timestamp,
) -> Result<Token, Refusal> {
    let value = answer.pointer(token).and_then(Value::as_str).filter(|value| !value.is_empty());
    let value = value.ok_or_else(|| no_token(chosen.name))?.to_owned();
    let until = match expires_at {
        Some(pointer) => {
            let until = answer.pointer(pointer).and_then(Value::as_str).ok_or_else(|| no_token(chosen.name))?;
            let until = chrono::DateTime::parse_from_rfc3339(until).map_err(|_| no_token(chosen.name))?;
            Timestamp::from(until.to_utc())
        }
        // Some write the number as text.
        None => {
            let secs = answer.pointer(expires_in);
            let secs = secs.and_then(|secs| secs.as_i64().or_else(|| secs.as_str()?.parse().ok()));
            now.plus_secs(secs.unwrap_or(UNSAID_LIFETIME_SECS).clamp(0, LONGEST_LIFETIME_SECS))
        }
    };
    tracing::debug!(credential = chosen.name, "bought a token");
    Ok(Token::new(value, now, until))
}

fn no_token(name: &str) -> Refusal {
    Refusal::Broken(format!("the exchange of the credential \"{name}\" gave no token"))
}
