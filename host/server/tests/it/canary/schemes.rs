//! Every scheme of credentials that there is, with secrets that are found nowhere else.

use crate::harness::sign;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

pub(super) const BEARER: &str = "c4n4ry-bearer-8841/+secret~value";
pub(super) const MINTED: &str = "c4n4ry-minted-5512-secret-value";
pub(super) const PASSWORD: &str = "c4n4ry-password-3307-secret+value";
pub(super) const HEADER: &str = "c4n4ry-header-7215-secret-value";
pub(super) const QUERY: &str = "c4n4ry-query-6618-secret-value";
pub(super) const AWS: &str = "c4n4ry/aws+9023/secret/access/key/val";
pub(super) const SESSION: &str = "c4n4ry-session-2286-secret+value/x";
pub(super) const CLIENT: &str = "c4n4ry-client-4471-secret-value";
pub(super) const CLIENT_IN_BODY: &str = "c4n4ry-client-8230-secret-value";
pub(super) const HOOK: &str = "c4n4ry-hook-1199-secret-value";
/// The key of Standard Webhooks: its secret is these bytes in base64, and it is they that sign.
pub(super) const HOOK_KEY: &[u8] = b"c4n4ry\x00\xff\x80-hook-key-5581-\xc3\x28\xfe\x01";

/// How a delivery shows where it comes from.
#[derive(Clone, Copy)]
pub(super) enum Hook {
    Hmac,
    TokenHeader,
    UrlToken,
    Standard,
}

impl Hook {
    pub(super) fn secret(self) -> String {
        match self {
            Self::Standard => format!("whsec_{}", STANDARD.encode(HOOK_KEY)),
            _ => HOOK.to_owned(),
        }
    }

    pub(super) fn scheme(self) -> &'static str {
        match self {
            Self::Hmac => "hmac-sha256",
            Self::TokenHeader => "token-header",
            Self::UrlToken => "url-token",
            Self::Standard => "standard-webhooks",
        }
    }

    pub(super) fn verification(self) -> Value {
        match self {
            Self::Hmac => {
                json!({ "scheme": "hmac-sha256", "header": "x-signature", "prefix": "", "encoding": "hex", "input": "secret" })
            }
            Self::TokenHeader => json!({ "scheme": "token-header", "header": "x-token", "input": "secret" }),
            Self::UrlToken => json!({ "scheme": "url-token", "input": "secret" }),
            Self::Standard => json!({ "scheme": "standard-webhooks", "input": "secret" }),
        }
    }

    pub(super) fn deliver(self, http: &reqwest::Client, url: &str, body: Vec<u8>) -> reqwest::RequestBuilder {
        match self {
            Self::Hmac => http.post(url).header("x-signature", sign(HOOK, &body).trim_start_matches("sha256=")),
            Self::TokenHeader => http.post(url).header("x-token", HOOK),
            Self::UrlToken => http.post(format!("{url}?token={HOOK}")),
            Self::Standard => {
                let (id, at) = (format!("msg_{}", hex::encode(&body)), now_secs());
                let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, HOOK_KEY);
                let text = String::from_utf8_lossy(&body);
                let signature = aws_lc_rs::hmac::sign(&key, format!("{id}.{at}.{text}").as_bytes());
                http.post(url)
                    .header("webhook-id", id)
                    .header("webhook-timestamp", at)
                    .header("webhook-signature", format!("v1,{}", STANDARD.encode(signature)))
            }
        }
        .body(body)
    }
}

pub(super) fn now_secs() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the host goes by the machine's clock, and so must who signs for it")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// A manifest with one credential of this scheme, sent to `base_url`.
pub(super) fn manifest(id: &str, scheme: &Scheme) -> Value {
    let secret = json!([{ "name": "secret", "title": "S", "secret": true }]);
    json!({
        "id": id, "version": "1.0.0", "contract": "1.0", "name": "Thief", "publisher": "thief",
        "description": "Takes what it gets.", "licence": "MIT",
        "settings": { "type": "object", "properties": { "base_url": { "type": "string" } } },
        "credentials": [
            { "name": "api", "title": "API", "schemes": [scheme.declared] },
            { "name": "hook", "title": "Hook", "schemes": [
                { "scheme": scheme.hook.scheme(), "title": "Secret", "inputs": secret },
            ] },
        ],
        "egress": [{ "url": "{setting:base_url}", "methods": ["GET", "POST"], "credential": "api", "reason": "r" }],
        "webhook": { "credential": "hook", "verification": scheme.hook.verification(), "headers": [] },
    })
}

/// A scheme, as a manifest declares it, and what an operator fills in.
pub(super) struct Scheme {
    /// In the plugin's name.
    pub(super) label: &'static str,
    pub(super) name: &'static str,
    pub(super) declared: Value,
    pub(super) inputs: Value,
    pub(super) hook: Hook,
}

/// Every scheme that there is for requests, with one of those for deliveries.
pub(super) fn schemes(keys: &Keys) -> Vec<Scheme> {
    let secret = |name: &str| json!({ "name": name, "title": name, "secret": true, "multiline": true });
    let named = |name: &str| json!({ "name": name, "title": name });
    let table = [
        ("bearer", json!({ "inputs": [secret("token")] }), json!({ "token": BEARER })),
        (
            "basic",
            json!({ "inputs": [named("username"), secret("password")] }),
            json!({ "username": "someone", "password": PASSWORD }),
        ),
        ("header", json!({ "inputs": [secret("token")], "header": "x-api-key" }), json!({ "token": HEADER })),
        ("query", json!({ "inputs": [secret("token")], "parameter": "api_key" }), json!({ "token": QUERY })),
        (
            "aws-sigv4",
            json!({
                "inputs": [named("access_key_id"), secret("secret_access_key"), secret("session_token")],
                "service": "monitoring", "region": "eu-west-1",
            }),
            json!({ "access_key_id": "AKIAEXAMPLEEXAMPLE", "secret_access_key": AWS, "session_token": SESSION }),
        ),
        (
            "oauth2-client-credentials",
            json!({
                "inputs": [named("client_id"), secret("client_secret")], "token_url": "{setting:base_url}/exchange",
            }),
            json!({ "client_id": "somebody", "client_secret": CLIENT }),
        ),
        (
            "jwt-bearer",
            json!({
                "inputs": [secret("private_key")], "algorithm": "RS256", "key": "private_key", "claims": { "iss": "1" },
                "lifetime_secs": 540, "backdate_secs": 60,
                "exchange": { "url": "{setting:base_url}/exchange", "token": "/token", "expires_at": "/expires_at" },
            }),
            json!({ "private_key": keys.rsa }),
        ),
        (
            // Its JWT is the token.
            "jwt-bearer-es256",
            json!({
                "inputs": [secret("private_key")], "algorithm": "ES256", "key": "private_key", "claims": { "iss": "2" },
                "lifetime_secs": 540,
            }),
            json!({ "private_key": keys.ec }),
        ),
        (
            "oauth2-client-credentials-body",
            json!({
                "inputs": [named("client_id"), secret("client_secret")], "token_url": "{setting:base_url}/exchange",
                "client_auth": "body",
            }),
            json!({ "client_id": "somebody", "client_secret": CLIENT_IN_BODY }),
        ),
    ];
    let hooks = [Hook::Hmac, Hook::TokenHeader, Hook::UrlToken, Hook::Standard].into_iter().cycle();
    let made = table.into_iter().zip(hooks).map(|((label, mut declared, inputs), hook)| {
        let name = label.trim_end_matches("-es256").trim_end_matches("-body");
        declared["scheme"] = json!(name);
        declared["title"] = json!(name);
        Scheme { label, name, declared, inputs, hook }
    });
    made.collect()
}

/// Private keys, in PEM.
pub(super) struct Keys {
    pub(super) rsa: String,
    pub(super) ec: String,
}

impl Keys {
    pub(super) fn generate() -> Self {
        let rsa = KeyPair::generate(KeySize::Rsa2048).expect("a key");
        let ec = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self {
            rsa: pem(rsa.as_der().expect("its encoding").as_ref()),
            ec: pem(ec.to_pkcs8v1().expect("its encoding").as_ref()),
        }
    }

    /// Lines of each that no other key has: all of one kind begin alike.
    pub(super) fn lines(&self) -> Vec<String> {
        let whole = |key: &str, skip: usize| -> Vec<String> {
            key.lines().filter(|line| line.len() == 64).skip(skip).map(str::to_owned).collect()
        };
        let (rsa, ec) = (whole(&self.rsa, 2), whole(&self.ec, 0));
        assert!(rsa.len() > 20 && ec.len() == 2, "{} and {} lines", rsa.len(), ec.len());
        [rsa, ec].concat()
    }
}

pub(super) fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}
