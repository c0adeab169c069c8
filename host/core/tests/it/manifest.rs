//! What a manifest may say about signing in and about deliveries.

use opssight_core::plugins::Manifest;
use opssight_core::plugins::manifest::CredentialScheme;
use serde_json::{Value, json};

fn manifest(more: Value) -> Result<Manifest, serde_json::Error> {
    let mut manifest = json!({
        "id": "example", "version": "1.0.0", "contract": "1.0", "name": "Example", "publisher": "acme",
        "description": "d", "licence": "MIT",
    });
    manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(manifest)
}

fn input(name: &str) -> Value {
    json!({ "name": name, "title": name, "secret": true })
}

/// A manifest with one credential, given in one way.
fn signing(mut scheme: Value, inputs: &[&str]) -> Manifest {
    scheme["title"] = json!("t");
    scheme["inputs"] = inputs.iter().map(|name| input(name)).collect();
    manifest(json!({ "credentials": [{ "name": "api", "title": "API", "schemes": [scheme] }] })).unwrap()
}

fn told(manifest: &Manifest) -> Vec<String> {
    manifest.problems().into_iter().map(|problem| problem.at).collect()
}

#[test]
fn every_scheme_can_be_declared_in_few_words() {
    let jwt = |more: Value| {
        let mut scheme = json!({
            "scheme": "jwt-bearer", "algorithm": "ES256", "key": "key", "claims": { "iss": "{team}" }, "lifetime_secs": 3000,
        });
        scheme.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        scheme
    };
    let cases: [(&str, Value, &[&str]); 9] = [
        ("bearer", json!({ "scheme": "bearer" }), &["token"]),
        ("basic", json!({ "scheme": "basic" }), &["username", "password"]),
        ("header", json!({ "scheme": "header", "header": "X-Api-Key", "value": "token {token}" }), &["token"]),
        ("query", json!({ "scheme": "query", "parameter": "api_key" }), &["token"]),
        (
            "aws-sigv4",
            json!({ "scheme": "aws-sigv4", "service": "monitoring", "region": "{setting:region}" }),
            &["access_key_id", "secret_access_key", "session_token"],
        ),
        (
            "oauth2-client-credentials",
            json!({ "scheme": "oauth2-client-credentials", "token_url": "https://id.example/token", "client_auth": "body" }),
            &["client_id", "client_secret"],
        ),
        ("jwt-bearer", jwt(json!({ "kid": "{key_id}" })), &["key", "team", "key_id"]),
        ("jwt-bearer", jwt(json!({ "exchange": { "url": "https://a", "by": "form" } })), &["key", "team"]),
        // As it was before there were other ways to exchange.
        (
            "jwt-bearer",
            jwt(json!({ "exchange": { "url": "https://a", "token": "/t", "expires_at": "/e" } })),
            &["key", "team"],
        ),
    ];
    for (name, scheme, inputs) in cases {
        let manifest = signing(scheme, inputs);
        assert_eq!(manifest.problems(), [], "{name}");
        let scheme = &manifest.credentials[0].schemes[0];
        assert_eq!((scheme.name(), scheme.title(), scheme.inputs().len()), (name, "t", inputs.len()));
        assert!(!scheme.is_for_deliveries());
        // Long-lived keys of AWS come without a session token.
        let may_be_missing = scheme.inputs().iter().filter(|input| scheme.may_stay_empty(input));
        let may_be_missing: Vec<&str> = may_be_missing.map(|input| input.name.as_str()).collect();
        assert_eq!(may_be_missing, if name == "aws-sigv4" { vec!["session_token"] } else { vec![] });
        // What is written can be read again.
        let again: CredentialScheme = serde_json::from_value(serde_json::to_value(scheme).unwrap()).unwrap();
        assert_eq!(&again, scheme);
    }
}

#[test]
fn a_scheme_that_cannot_work_is_told() {
    let cases: [(Value, &[&str], &str); 10] = [
        (
            json!({ "scheme": "query", "parameter": "p", "value": "{token" }),
            &["token"],
            "credentials[0].schemes[0].value",
        ),
        (json!({ "scheme": "bearer" }), &["tokn"], "credentials[0].schemes[0].inputs"),
        (json!({ "scheme": "basic" }), &["username"], "credentials[0].schemes[0].inputs"),
        (json!({ "scheme": "header", "header": "two words" }), &["token"], "credentials[0].schemes[0].header"),
        (json!({ "scheme": "header", "header": "Host" }), &["token"], "credentials[0].schemes[0].header"),
        (json!({ "scheme": "header", "header": "proxy-x" }), &["token"], "credentials[0].schemes[0].header"),
        (json!({ "scheme": "query", "parameter": "" }), &["token"], "credentials[0].schemes[0].parameter"),
        (
            json!({ "scheme": "aws-sigv4", "service": "s", "region": "r" }),
            &["access_key_id"],
            "credentials[0].schemes[0].secret_key",
        ),
        (
            json!({ "scheme": "jwt-bearer", "algorithm": "none", "key": "key", "claims": {}, "lifetime_secs": 1 }),
            &["key"],
            "credentials[0].schemes[0].algorithm",
        ),
        (
            json!({ "scheme": "jwt-bearer", "algorithm": "RS256", "key": "key", "claims": {}, "lifetime_secs": 60, "backdate_secs": 60 }),
            &["key"],
            "credentials[0].schemes[0].lifetime_secs",
        ),
    ];
    for (scheme, inputs, at) in cases {
        assert_eq!(told(&signing(scheme.clone(), inputs)), [at], "{scheme}");
    }
}

/// A manifest that verifies deliveries, with a credential given in one way.
fn verifying(scheme: &str, verification: Value) -> Value {
    let schemes = json!([{ "scheme": scheme, "title": "Secret", "inputs": [input("secret")] }]);
    json!({
        "credentials": [{ "name": "hook", "title": "Secret", "schemes": schemes }],
        "webhook": { "credential": "hook", "headers": [], "verification": verification },
    })
}

#[test]
fn a_verification_needs_its_own_kind_of_secret_and_signs_what_it_checks() {
    let slack = |signs: &str, timestamp: Value| {
        json!({ "scheme": "hmac-sha256", "header": "x-slack-signature", "prefix": "v0=", "encoding": "hex",
            "input": "secret", "signs": signs, "timestamp": timestamp })
    };
    let header = json!({ "header": "x-slack-request-timestamp" });
    let gitlab = json!({ "scheme": "token-header", "header": "x-gitlab-token", "input": "secret" });
    let standard = json!({ "scheme": "standard-webhooks", "input": "secret" });
    let other_input = json!({ "scheme": "url-token", "input": "other" });
    let cases: [(&str, Value, &[&str]); 9] = [
        ("hmac-sha256", slack("v0:{timestamp}:{body}", header.clone()), &[]),
        ("hmac-sha256", slack("{body}", header.clone()), &["webhook.verification.timestamp"]),
        ("hmac-sha256", slack("{timestamp}.{body}", Value::Null), &["webhook.verification.timestamp"]),
        ("hmac-sha256", slack("v0:{timestamp}", header), &["webhook.verification.signs"]),
        ("token-header", gitlab.clone(), &[]),
        ("hmac-sha256", gitlab, &["webhook.credential"]),
        ("standard-webhooks", standard, &[]),
        ("url-token", json!({ "scheme": "url-token", "input": "secret" }), &[]),
        ("url-token", other_input, &["webhook.verification.input"]),
    ];
    for (scheme, verification, problems) in cases {
        let manifest = manifest(verifying(scheme, verification.clone())).unwrap();
        assert_eq!(told(&manifest), problems, "{verification}");
    }
}

#[test]
fn a_secret_for_deliveries_signs_no_requests() {
    let mut more = verifying("url-token", json!({ "scheme": "url-token", "input": "secret" }));
    more["egress"] = json!([{ "url": "https://a", "methods": ["GET"], "credential": "hook", "reason": "r" }]);
    assert_eq!(told(&manifest(more).unwrap()), ["egress[0].credential"]);
}

#[test]
fn standard_webhooks_name_their_deliveries() {
    let verification = json!({ "scheme": "standard-webhooks", "input": "secret" });
    let mut webhook = manifest(verifying("standard-webhooks", verification)).unwrap().webhook.unwrap();
    assert_eq!(webhook.delivery_id_header(), Some("webhook-id"));
    webhook.delivery_id = Some("x-id".into());
    assert_eq!(webhook.delivery_id_header(), Some("x-id"));
}

#[test]
fn what_is_wrong_is_told_without_what_hides_in_it() {
    // Wrong in itself, and quoted where it is also named.
    let hidden = json!({ "scheme": "url-token", "input": "se\u{200b}cret\u{1b}[2J" });
    let manifest = manifest(verifying("url-token", hidden)).unwrap();
    let told: Vec<String> = manifest.problems().iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|problem| problem.contains("has no input \"secret[2J\"")), "{told:?}");
    let hides = |c: char| c.is_control() || c == '\u{200b}';
    assert!(!told.concat().chars().any(hides), "{told:?}");
}
