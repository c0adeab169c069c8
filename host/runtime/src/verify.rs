//! Signatures of incoming deliveries, over the raw bytes, as the manifest declares them.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opssight_core::plugins::manifest::{SignatureEncoding, Verification, WebhookSpec};
use opssight_core::plugins::{Credentials, RawDelivery, VerifyError};

/// Check one delivery. Header names are lower case.
pub(crate) fn verify(
    spec: &WebhookSpec,
    credentials: &Credentials,
    delivery: &RawDelivery<'_>,
) -> Result<(), VerifyError> {
    let Verification::HmacSha256 { header, prefix, encoding, input } = &spec.verification;
    let credential = credentials.get(&spec.credential).ok_or(VerifyError::NoSecret)?;
    let secret = credential.inputs.get(input).filter(|secret| !secret.is_empty()).ok_or(VerifyError::NoSecret)?;
    let mut given = delivery.headers.iter().filter(|(name, _)| name == header).map(|(_, value)| value.as_str());
    let signature = given.next().ok_or(VerifyError::Missing)?;
    if given.next().is_some() {
        return Err(VerifyError::Malformed);
    }
    let signature = signature.trim().strip_prefix(prefix.as_str()).ok_or(VerifyError::Malformed)?;
    let signature = match encoding {
        SignatureEncoding::Hex => hex::decode(signature).map_err(|_| VerifyError::Malformed)?,
        SignatureEncoding::Base64 => STANDARD.decode(signature).map_err(|_| VerifyError::Malformed)?,
    };
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    // In constant time.
    hmac::verify(&key, delivery.body, &signature).map_err(|_| VerifyError::Mismatch)
}

#[cfg(test)]
mod tests;
