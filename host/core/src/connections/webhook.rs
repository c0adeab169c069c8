//! Webhook secrets that are made here, and the address that holds one.

use crate::plugins::manifest::{Manifest, Verification, standard};
use crate::plugins::{Credential, Credentials};
use crate::time::Randomness;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

/// A webhook secret that the operator leaves empty is made here: long, random, of the form that the scheme wants, shown
/// once. The answer is the secret that was made.
pub(super) fn fill_secret(
    manifest: &Manifest,
    credentials: &mut Credentials,
    random: &dyn Randomness,
) -> Option<String> {
    let webhook = manifest.webhook.as_ref()?;
    let spec = manifest.credential(&webhook.credential)?;
    let scheme = spec.schemes.iter().find(|scheme| scheme.name() == webhook.verification.name())?;
    let credential = credentials
        .entry(spec.name.clone())
        .or_insert_with(|| Credential { scheme: scheme.name().to_owned(), inputs: BTreeMap::new() });
    if credential.scheme != scheme.name() {
        return None;
    }
    let value = credential.inputs.entry(webhook.verification.input().to_owned()).or_default();
    if !value.trim().is_empty() {
        return None;
    }
    *value = match webhook.verification {
        Verification::StandardWebhooks { .. } => {
            format!("{}{}", standard::SECRET_PREFIX, STANDARD.encode(bytes(random, 32)))
        }
        _ => hex(random, 32),
    };
    Some(value.clone())
}

/// What stands after the `?` of the hook's address, where a token in it is what verifies deliveries. While secrets are
/// rotated, the newest stands first.
pub(super) fn hook_query(manifest: &Manifest, credentials: &Credentials) -> Option<String> {
    let webhook = manifest.webhook.as_ref()?;
    let Verification::UrlToken { parameter, input } = &webhook.verification else { return None };
    let secret = credentials.get(&webhook.credential)?.inputs.get(input)?;
    let secret = secret.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(format!("{}={}", encoded(parameter), encoded(secret)))
}

pub(super) fn hex(random: &dyn Randomness, count: usize) -> String {
    bytes(random, count).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(random: &dyn Randomness, count: usize) -> Vec<u8> {
    let mut bytes = vec![0_u8; count];
    random.fill(&mut bytes);
    bytes
}

/// As a part of a query (RFC 3986, unreserved characters stay).
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::{fill_secret, hook_query};
    use crate::plugins::Credentials;
    use crate::plugins::manifest::Manifest;
    use crate::time::Randomness;
    use serde_json::{Value, json};

    struct Sevens;

    impl Randomness for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    fn manifest(scheme: &str, mut verification: Value) -> Manifest {
        verification["scheme"] = json!(scheme);
        verification["input"] = json!("secret");
        let manifest: Manifest = serde_json::from_value(json!({
            "id": "probe", "version": "1.0.0", "contract": "1.0", "name": "P", "publisher": "p", "description": "d",
            "licence": "Apache-2.0",
            "credentials": [{ "name": "hook", "title": "Secret", "schemes": [
                { "scheme": scheme, "title": "Secret", "inputs": [{ "name": "secret", "title": "Secret", "secret": true }] },
            ] }],
            "webhook": { "credential": "hook", "headers": [], "verification": verification },
        }))
        .unwrap();
        assert_eq!(manifest.problems(), []);
        manifest
    }

    #[test]
    fn a_secret_is_made_in_the_form_of_its_scheme() {
        let sevens = "07".repeat(32);
        let whsec = format!("whsec_{}", "BwcH".repeat(10) + "Bwc=");
        let cases = [
            ("hmac-sha256", json!({ "header": "x-sig", "encoding": "hex" }), sevens.as_str(), None),
            ("token-header", json!({ "header": "x-token" }), &sevens, None),
            ("standard-webhooks", json!({}), &whsec, None),
            ("url-token", json!({ "parameter": "k y" }), &sevens, Some(format!("k%20y={sevens}"))),
        ];
        for (scheme, verification, secret, query) in cases {
            let manifest = manifest(scheme, verification);
            let mut credentials = Credentials::new();
            assert_eq!(fill_secret(&manifest, &mut credentials, &Sevens).as_deref(), Some(secret), "{scheme}");
            assert_eq!(credentials["hook"].scheme, scheme);
            assert_eq!(hook_query(&manifest, &credentials), query, "{scheme}");
            // What is there stays.
            assert_eq!(fill_secret(&manifest, &mut credentials, &Sevens), None, "{scheme}");
        }
    }
}
