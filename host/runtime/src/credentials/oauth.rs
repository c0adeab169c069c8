//! `oauth2-client-credentials`: a client buys a token for itself (RFC 6749, 4.4).

use super::tokens::Token;
use super::{Chosen, basic, exchange};
use crate::context::CallContext;
use crate::egress::{Account, Refusal};
use http::HeaderValue;
use opssight_core::plugins::manifest::{ClientAuth, ClientCredentials};
use opssight_core::time::Timestamp;
use url::form_urlencoded::{Serializer, byte_serialize};

/// A token that lasts, from the account's cache or bought, and under which name it is kept.
pub(super) async fn token(
    call: &CallContext,
    account: &Account,
    chosen: &Chosen<'_>,
    spec: &ClientCredentials,
) -> Result<(String, String), Refusal> {
    let now = call.services.clock.now();
    let token = account.tokens.get(chosen.name, now, buy(call, account, chosen, spec, now)).await?;
    call.secrets.add(&token);
    Ok((token, chosen.name.to_owned()))
}

async fn buy(
    call: &CallContext,
    account: &Account,
    chosen: &Chosen<'_>,
    spec: &ClientCredentials,
    now: Timestamp,
) -> Result<Token, Refusal> {
    let url = chosen.url(call, &spec.token_url)?;
    let (authorization, form) = terms(call, chosen, spec)?;
    let answer = exchange::post(call, account, chosen, &url, authorization, Some(form)).await?;
    exchange::read(&answer, chosen, "/access_token", None, "/expires_in", now)
}

/// What to ask with.
fn terms(
    call: &CallContext,
    chosen: &Chosen<'_>,
    spec: &ClientCredentials,
) -> Result<(Option<HeaderValue>, String), Refusal> {
    let (id, secret) = (chosen.text(call, &spec.client_id)?, chosen.text(call, &spec.client_secret)?);
    let mut form = Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials");
    let scopes: Result<Vec<String>, Refusal> = spec.scopes.iter().map(|scope| chosen.text(call, scope)).collect();
    let scopes = scopes?.into_iter().filter(|scope| !scope.is_empty()).collect::<Vec<_>>().join(" ");
    if !scopes.is_empty() {
        form.append_pair("scope", &scopes);
    }
    for (name, template) in &spec.parameters {
        form.append_pair(name, &chosen.text(call, template)?);
    }
    let authorization = match spec.client_auth {
        ClientAuth::Basic => {
            // Both are form-encoded before they are joined (RFC 6749, 2.3.1).
            let encode = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            Some(basic(call, chosen.name, &encode(&id), &encode(&secret))?)
        }
        ClientAuth::Body => {
            form.append_pair("client_id", &id).append_pair("client_secret", &secret);
            None
        }
    };
    Ok((authorization, form.finish()))
}
