//! `jwt-bearer`: a private key signs a short-lived claim, the claim buys a token (GitHub Apps and their like).

use super::tokens::Token;
use super::{bearer, unusable};
use crate::context::CallContext;
use crate::egress::template::{Use, expand};
use crate::egress::{Account, Outgoing, Refusal, Timeouts, exchange, vet_address};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use opssight_core::plugins::Credential;
use opssight_core::plugins::manifest::{CredentialScheme, TokenExchange};
use opssight_core::time::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use url::Url;

/// A token that lasts, from the account's cache or bought.
pub(super) async fn token(
    call: &CallContext,
    account: &Account,
    name: &str,
    scheme: &CredentialScheme,
    credential: &Credential,
) -> Result<String, Refusal> {
    let now = call.services.clock.now();
    account.tokens.get(name, now, buy(call, account, name, scheme, credential, now)).await
}

async fn buy(
    call: &CallContext,
    account: &Account,
    name: &str,
    scheme: &CredentialScheme,
    credential: &Credential,
    now: Timestamp,
) -> Result<Token, Refusal> {
    let CredentialScheme::JwtBearer { algorithm, key, claims, lifetime_secs, backdate_secs, exchange, .. } = scheme
    else {
        return Err(unusable(name, "it is not a key"));
    };
    let issued = now.millis().div_euclid(1_000).saturating_sub(i64::from(*backdate_secs));
    let mut body = Map::new();
    for (claim, template) in claims {
        let value = expand(template, Use::Text, &call.target.settings, &credential.inputs);
        body.insert(claim.clone(), Value::String(value.map_err(|why| unusable(name, &why))?));
    }
    body.insert("iat".to_owned(), issued.into());
    body.insert("exp".to_owned(), issued.saturating_add(i64::from(*lifetime_secs)).into());
    let pem = credential.inputs.get(key).ok_or_else(|| unusable(name, "it holds no private key"))?;
    let jwt = sign(algorithm, pem, &body).map_err(|why| unusable(name, &why))?;
    call.secrets.add(&jwt);
    let token = redeem(call, account, name, exchange, &credential.inputs, &jwt).await?;
    tracing::debug!(connection.id = call.target.connection.as_str(), credential = name, "bought a token");
    Ok(token)
}

fn sign(algorithm: &str, pem: &str, claims: &Map<String, Value>) -> Result<String, String> {
    let unreadable = |_| "its private key is not a PEM key of the right kind".to_owned();
    let (algorithm, key) = match algorithm {
        "RS256" => (Algorithm::RS256, EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(unreadable)?),
        "ES256" => (Algorithm::ES256, EncodingKey::from_ec_pem(pem.as_bytes()).map_err(unreadable)?),
        other => return Err(format!("this host does not sign with {other}")),
    };
    jsonwebtoken::encode(&Header::new(algorithm), claims, &key).map_err(|_| "its private key does not sign".to_owned())
}

/// Hand in the claim. It goes through the same gate as everything else, and only to an origin to which the manifest
/// sends this credential anyway.
async fn redeem(
    call: &CallContext,
    account: &Account,
    name: &str,
    terms: &TokenExchange,
    inputs: &BTreeMap<String, String>,
    jwt: &str,
) -> Result<Token, Refusal> {
    let url = expand(&terms.url, Use::Url, &call.target.settings, inputs).map_err(|why| unusable(name, &why))?;
    let url = Url::parse(&url).map_err(|error| unusable(name, &format!("its exchange is not a URL: {error}")))?;
    if !account.sends_there(name, &url) {
        return Err(unusable(name, "its exchange lies outside of where the plugin may send it"));
    }
    vet_address(account, &url, call.target.grants.insecure_http)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, bearer(name, jwt)?);
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let outgoing = Outgoing { method: Method::POST, uri: Uri::default(), headers, body: Bytes::new() };
    let answer = exchange(call, account, &url, outgoing, Timeouts::default()).await?;
    let status = answer.status();
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND) {
        return Err(Refusal::CredentialRefused { name: name.to_owned(), status: status.as_u16() });
    }
    if !status.is_success() {
        return Err(Refusal::Broken(format!("the exchange of the credential \"{name}\" answered HTTP {status}")));
    }
    read(answer.body(), terms)
        .ok_or_else(|| Refusal::Broken(format!("the exchange of the credential \"{name}\" gave no token")))
}

fn read(body: &Bytes, terms: &TokenExchange) -> Option<Token> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let value = answer.pointer(&terms.token)?.as_str()?.to_owned();
    let expires_at = answer.pointer(&terms.expires_at)?.as_str()?;
    let expires_at = chrono::DateTime::parse_from_rfc3339(expires_at).ok()?.to_utc().into();
    (!value.is_empty()).then_some(Token { value, expires_at })
}
