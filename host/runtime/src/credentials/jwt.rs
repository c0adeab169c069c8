//! `jwt-bearer`: a private key signs a short-lived claim. The claim buys a token (GitHub Apps, Google service accounts)
//! or is one (APNs).

use super::tokens::Token;
use super::{Chosen, bearer, exchange};
use crate::context::CallContext;
use crate::egress::{Account, Refusal, covers};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use opssight_core::plugins::manifest::{ExchangeBy, JwtBearer};
use opssight_core::time::Timestamp;
use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded::Serializer;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What to send to this URL, from the account's cache or made anew, and under which name it is kept.
pub(super) async fn token(
    call: &CallContext,
    account: &Account,
    chosen: &Chosen<'_>,
    spec: &JwtBearer,
    url: &Url,
) -> Result<(String, String), Refusal> {
    let now = call.services.clock.now();
    let direct = spec.direct.iter().try_fold(false, |found, base| Ok(found || covers(&chosen.url(call, base)?, url)));
    let (token, key) = if spec.exchange.is_none() || direct? {
        // Signed once and used for most of its life: APNs refuses who comes with a new one too often.
        let key = format!("{} (JWT)", chosen.name);
        let sign = async { signed(call, chosen, spec, now).map(|(jwt, until)| Token::new(jwt, now, until)) };
        (account.tokens.get(&key, now, sign).await?, key)
    } else {
        let buy = buy(call, account, chosen, spec, now);
        (account.tokens.get(chosen.name, now, buy).await?, chosen.name.to_owned())
    };
    call.secrets.add(&token);
    Ok((token, key))
}

async fn buy(
    call: &CallContext,
    account: &Account,
    chosen: &Chosen<'_>,
    spec: &JwtBearer,
    now: Timestamp,
) -> Result<Token, Refusal> {
    let terms = spec.exchange.as_ref().ok_or_else(|| chosen.unusable("it has no exchange"))?;
    let url = chosen.url(call, &terms.url)?;
    let (jwt, _) = signed(call, chosen, spec, now)?;
    call.secrets.add(&jwt);
    let (authorization, form) = match terms.by {
        ExchangeBy::Bearer => (Some(bearer(chosen.name, &jwt)?), None),
        ExchangeBy::Form => {
            let mut form = Serializer::new(String::new());
            form.append_pair("grant_type", GRANT).append_pair("assertion", &jwt);
            (None, Some(form.finish()))
        }
    };
    let answer = exchange::post(call, account, chosen, &url, authorization, form).await?;
    exchange::read(&answer, chosen, &terms.token, terms.expires_at.as_deref(), &terms.expires_in, now)
}

/// The claim, and until when it holds.
fn signed(
    call: &CallContext,
    chosen: &Chosen<'_>,
    spec: &JwtBearer,
    now: Timestamp,
) -> Result<(String, Timestamp), Refusal> {
    let issued = now.millis().div_euclid(1_000).saturating_sub(i64::from(spec.backdate_secs));
    let expires = issued.saturating_add(i64::from(spec.lifetime_secs));
    let mut claims = Map::new();
    for (claim, template) in &spec.claims {
        let value = chosen.text(call, template)?;
        if !value.is_empty() {
            claims.insert(claim.clone(), Value::String(value));
        }
    }
    claims.insert("iat".to_owned(), issued.into());
    claims.insert("exp".to_owned(), expires.into());
    let kid = spec.kid.as_ref().map(|template| chosen.text(call, template)).transpose()?;
    let pem = chosen.input(&spec.key)?;
    let jwt = sign(&spec.algorithm, kid, pem, &claims).map_err(|why| chosen.unusable(&why))?;
    Ok((jwt, Timestamp(expires.saturating_mul(1_000_000))))
}

fn sign(algorithm: &str, kid: Option<String>, pem: &str, claims: &Map<String, Value>) -> Result<String, String> {
    let unreadable = |_| "its private key is not a PEM key of the right kind".to_owned();
    let (algorithm, key) = match algorithm {
        "RS256" => (Algorithm::RS256, EncodingKey::from_rsa_pem(pem.as_bytes()).map_err(unreadable)?),
        "ES256" => (Algorithm::ES256, EncodingKey::from_ec_pem(pem.as_bytes()).map_err(unreadable)?),
        other => return Err(format!("this host does not sign with {other}")),
    };
    let header = Header { kid, ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, claims, &key).map_err(|_| "its private key does not sign".to_owned())
}
