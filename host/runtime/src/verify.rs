//! Whether deliveries are genuine, over their raw bytes, as the manifest declares it.
//!
//! Every secret is compared in constant time. Where an input holds several lines, each is a secret: the old and the new
//! one are both good while somebody changes the upstream.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opssight_core::plugins::manifest::{SignatureEncoding, SignedTimestamp, Verification, WebhookSpec, standard};
use opssight_core::plugins::{Credentials, RawDelivery, VerifyError};

/// More secrets than this at once are not looked at.
const MAX_SECRETS: usize = 8;
/// More signatures than this in one delivery are not looked at.
const MAX_SIGNATURES: usize = 16;

/// Check one delivery. Header names are lower case.
pub(crate) fn verify(
    spec: &WebhookSpec,
    credentials: &Credentials,
    delivery: &RawDelivery<'_>,
) -> Result<(), VerifyError> {
    let credential = credentials.get(&spec.credential).ok_or(VerifyError::NoSecret)?;
    let secrets = credential.inputs.get(spec.verification.input()).ok_or(VerifyError::NoSecret)?;
    let secrets: Vec<&str> = secrets.lines().filter(|line| !line.trim().is_empty()).take(MAX_SECRETS).collect();
    if secrets.is_empty() {
        return Err(VerifyError::NoSecret);
    }
    match &spec.verification {
        Verification::HmacSha256 { header, prefix, encoding, signs, timestamp, .. } => {
            let signature = prefixed(only(delivery, header)?, prefix)?;
            let signature = match encoding {
                SignatureEncoding::Hex => hex::decode(signature).map_err(|_| VerifyError::Malformed)?,
                SignatureEncoding::Base64 => STANDARD.decode(signature).map_err(|_| VerifyError::Malformed)?,
            };
            let sent_at = timestamp.as_ref().map(|timestamp| stamp(delivery, timestamp)).transpose()?;
            let signed = |key: &[u8]| hmac_of(key, signs, sent_at.unwrap_or_default(), delivery.body);
            any(&secrets, |secret| same(signed(secret.as_bytes()).as_ref(), &signature))?;
            timestamp
                .as_ref()
                .map_or(Ok(()), |timestamp| fresh(delivery, sent_at.unwrap_or_default(), timestamp.tolerance_secs))
        }
        Verification::TokenHeader { header, prefix, .. } => {
            let token = prefixed(only(delivery, header)?, prefix)?;
            any(&secrets, |secret| same(secret.as_bytes(), token.as_bytes()))
        }
        Verification::StandardWebhooks { .. } => standard_webhooks(&secrets, delivery),
        Verification::UrlToken { parameter, .. } => {
            let query = url::form_urlencoded::parse(delivery.query.unwrap_or_default().as_bytes());
            let mut given = query.filter(|(name, _)| name == parameter).map(|(_, value)| value);
            let token = given.next().ok_or(VerifyError::Missing)?;
            if given.next().is_some() {
                return Err(VerifyError::Malformed);
            }
            any(&secrets, |secret| same(secret.as_bytes(), token.as_bytes()))
        }
    }
}

/// `{id}.{timestamp}.{body}`, signed with the decoded secret; one good signature of several is enough.
fn standard_webhooks(secrets: &[&str], delivery: &RawDelivery<'_>) -> Result<(), VerifyError> {
    let id = only(delivery, standard::ID)?;
    let timestamp =
        SignedTimestamp { header: standard::TIMESTAMP.to_owned(), tolerance_secs: standard::TOLERANCE_SECS };
    let sent_at = stamp(delivery, &timestamp)?;
    let signatures: Vec<Vec<u8>> = only(delivery, standard::SIGNATURE)?
        .split(' ')
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .take(MAX_SIGNATURES)
        .filter_map(|signature| STANDARD.decode(signature).ok())
        .collect();
    if signatures.is_empty() {
        return Err(VerifyError::Malformed);
    }
    let keys: Vec<Vec<u8>> = secrets
        .iter()
        .filter_map(|secret| {
            let secret = secret.trim();
            STANDARD.decode(secret.strip_prefix(standard::SECRET_PREFIX).unwrap_or(secret)).ok()
        })
        .filter(|key| !key.is_empty())
        .collect();
    if keys.is_empty() {
        return Err(VerifyError::BadSecret);
    }
    any(&keys, |key| {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        context.update(format!("{id}.{sent_at}.").as_bytes());
        context.update(delivery.body);
        let ours = context.sign();
        signatures.iter().fold(false, |good, signature| good | same(ours.as_ref(), signature))
    })?;
    fresh(delivery, sent_at, timestamp.tolerance_secs)
}

/// The value of a header that stands there once.
fn only<'d>(delivery: &RawDelivery<'d>, header: &str) -> Result<&'d str, VerifyError> {
    let mut given = delivery.headers.iter().filter(|(name, _)| name == header).map(|(_, value)| value.as_str());
    let value = given.next().ok_or(VerifyError::Missing)?;
    if given.next().is_some() { Err(VerifyError::Malformed) } else { Ok(value.trim()) }
}

fn prefixed<'v>(value: &'v str, prefix: &str) -> Result<&'v str, VerifyError> {
    value.strip_prefix(prefix).ok_or(VerifyError::Malformed)
}

/// When it says that it was sent, as it was written: that is what is signed.
fn stamp<'d>(delivery: &RawDelivery<'d>, timestamp: &SignedTimestamp) -> Result<&'d str, VerifyError> {
    let sent_at = only(delivery, &timestamp.header)?;
    let digits = !sent_at.is_empty() && sent_at.len() <= 12 && sent_at.bytes().all(|byte| byte.is_ascii_digit());
    if digits { Ok(sent_at) } else { Err(VerifyError::Malformed) }
}

/// Only asked once the signature is good: strangers learn nothing about our clock.
fn fresh(delivery: &RawDelivery<'_>, sent_at: &str, tolerance_secs: u32) -> Result<(), VerifyError> {
    let sent_at: i64 = sent_at.parse().map_err(|_| VerifyError::Malformed)?;
    let now = delivery.received_at.millis().div_euclid(1_000);
    let apart = now.abs_diff(sent_at);
    if apart <= u64::from(tolerance_secs) { Ok(()) } else { Err(VerifyError::Expired) }
}

/// HMAC-SHA256 of a template of body and timestamp, without putting the body together anew.
fn hmac_of(key: &[u8], signs: &str, timestamp: &str, body: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    let mut rest = signs;
    while let Some((before, after)) = rest.split_once('{') {
        context.update(before.as_bytes());
        rest = if let Some(after) = after.strip_prefix("body}") {
            context.update(body);
            after
        } else if let Some(after) = after.strip_prefix("timestamp}") {
            context.update(timestamp.as_bytes());
            after
        } else {
            context.update(b"{");
            after
        };
    }
    context.update(rest.as_bytes());
    context.sign()
}

/// Whether one of the secrets fits. All are tried, so that the time does not tell which one it was.
fn any<S>(secrets: &[S], fits: impl Fn(&S) -> bool) -> Result<(), VerifyError> {
    let good = secrets.iter().fold(false, |good, secret| good | fits(secret));
    if good { Ok(()) } else { Err(VerifyError::Mismatch) }
}

fn same(ours: &[u8], theirs: &[u8]) -> bool {
    verify_slices_are_equal(ours, theirs).is_ok()
}

#[cfg(test)]
mod tests;
