//! The gate itself: one request of one call, from the guest's words to the upstream's answer.

use super::client::{self, Timeouts, exchange, prepare, printable};
use super::refusal::Refusal;
use crate::context::CallContext;
use crate::credentials;
use crate::evidence::Request;
use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode, Uri, header};
use std::sync::atomic::Ordering;
use url::Url;

/// What the guest wants to send. The body is complete.
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// Decide, sign, send.
pub(crate) async fn send(
    call: &CallContext,
    outgoing: Outgoing,
    timeouts: Timeouts,
) -> Result<Response<Bytes>, Refusal> {
    // Parsed once, and from here on only this canonical form is looked at and sent: the spelling that the guest used
    // is read differently by different parsers.
    let mut url = Url::parse(&outgoing.uri.to_string())
        .map_err(|error| Refusal::NotAllowed { url: "what the plugin asked for".to_owned(), why: error.to_string() })?;
    url.set_fragment(None);
    let method = outgoing.method.clone();
    let slot = match call.tape.request(&outgoing, &url) {
        Request::Live(slot) => slot,
        Request::Played(answer) => {
            call.requests.fetch_add(1, Ordering::Relaxed);
            return answer;
        }
        Request::Never => std::future::pending().await,
    };
    let answer = pass(call, &url, outgoing, timeouts).await;
    call.tape.answered(slot, &answer);
    record(call, &method, &url, &answer);
    answer
}

async fn pass(
    call: &CallContext,
    url: &Url,
    mut outgoing: Outgoing,
    timeouts: Timeouts,
) -> Result<Response<Bytes>, Refusal> {
    let account = call.services.accounts.of(call);
    let vetted = account.rules.vet(&outgoing.method, url);
    let (rule, key) = vetted.map_err(|why| Refusal::NotAllowed { url: printable(url), why })?;
    if !account.grants.allow(key) {
        return Err(Refusal::Withheld(key.to_owned()));
    }
    client::vet_address(&account, url)?;
    if call.requests.fetch_add(1, Ordering::Relaxed) >= call.budget.requests {
        call.requests.fetch_sub(1, Ordering::Relaxed);
        return Err(Refusal::TooManyRequests(call.budget.requests));
    }
    let chosen = match &rule.credential {
        Some(name) => credentials::choose(call, name).await?,
        None => None,
    };
    let priority = call.target.priority;
    let upstream = call.services.upstreams.of(url, chosen.as_ref().map(|chosen| &chosen.inputs));
    let _own_slot = account.slots.take(priority).await?;
    let _slot = upstream.slots.take(priority).await?;
    let _admitted = upstream.admit(priority, call.services.clock.now(), call.meter.remaining()).await?;
    prepare(&mut outgoing.headers);
    if rule.credential.is_some() {
        outgoing.headers.remove(header::AUTHORIZATION);
    }
    // From here on it may hold a secret and is not printed.
    let mut signed_url = url.clone();
    let mut minted = None;
    if let Some(chosen) = &chosen {
        minted = credentials::sign(call, &account, chosen, &mut signed_url, &mut outgoing).await?;
    }
    let mut answer = exchange(call, &account, &signed_url, outgoing, timeouts).await?;
    upstream.observe(&answer, call.services.clock.now());
    if answer.status() == StatusCode::UNAUTHORIZED
        && let Some(token) = minted
    {
        account.tokens.forget(&token).await;
    }
    call.secrets.mask(&mut answer);
    Ok(answer)
}

/// One line and one count per request, whichever way it went.
fn record(call: &CallContext, method: &Method, url: &Url, answer: &Result<Response<Bytes>, Refusal>) {
    let plugin = call.plugin.manifest.id.as_str();
    let connection = call.target.connection.as_str();
    let decision = match answer {
        Ok(answer) => {
            let status = answer.status().as_u16();
            let (bytes, url) = (answer.body().len(), printable(url));
            tracing::debug!(plugin.id = plugin, connection.id = connection, %method, url, status, bytes, "outbound request");
            "sent".to_owned()
        }
        Err(refusal) => {
            let (code, url) = (refusal.code(), printable(url));
            let why = refusal.to_string();
            let why = call.secrets.scrub(&why);
            tracing::info!(plugin.id = plugin, connection.id = connection, %method, url, code, "outbound request did not go through: {why}");
            refusal.code().to_owned()
        }
    };
    metrics::counter!("opssight_plugin_egress_total", "plugin" => plugin.to_owned(), "decision" => decision)
        .increment(1);
}
