use super::Rules;
use http::Method;
use opssight_core::plugins::Manifest;
use serde_json::json;
use url::Url;

fn rules() -> Rules {
    let manifest: Manifest = serde_json::from_value(json!({
        "id": "probe", "version": "0.1.0", "contract": "1.0", "name": "Probe", "publisher": "us", "description": "d",
        "licence": "Apache-2.0",
        "settings": { "type": "object" },
        "credentials": [{ "name": "api", "title": "API", "schemes": [{ "scheme": "bearer", "title": "t", "inputs": [] }] }],
        "egress": [
            { "url": "{setting:base_url}", "methods": ["GET", "post", "CONNECT"], "credential": "api", "reason": "r" },
            { "url": "https://files.example.test:8443/repos/acme/", "methods": ["GET"], "reason": "r" },
            { "url": "{setting:missing}", "methods": ["GET"], "reason": "r" },
        ],
    }))
    .unwrap();
    Rules::new(&manifest, &json!({ "base_url": "https://API.Example.test/" }))
}

#[test]
fn only_what_the_manifest_lists_is_allowed() {
    let cases = [
        ("GET", "https://api.example.test/anything?x=1", true),
        ("POST", "https://api.example.test:443/", true),
        ("DELETE", "https://api.example.test/", false),
        ("CONNECT", "https://api.example.test/", false),
        ("GET", "http://api.example.test/", false),
        ("GET", "https://api.example.test:444/", false),
        ("GET", "https://api.example.test.evil.test/", false),
        ("GET", "https://evil.test/api.example.test", false),
        ("GET", "https://user@api.example.test/", false),
        ("GET", "https://api.example.test@evil.test/", false),
        ("GET", "https://api.example.test\\@evil.test/", true),
        ("GET", "https://files.example.test:8443/repos/acme", true),
        ("GET", "https://files.example.test:8443/repos/acme/x", true),
        ("GET", "https://files.example.test:8443/repos/acmeevil", false),
        ("GET", "https://files.example.test:8443/repos/acme/../other", false),
        ("GET", "https://files.example.test:8443/repos/acme/%2e%2e/other", false),
        ("GET", "https://files.example.test:8443/repos/acme/..%2fother", false),
        ("GET", "https://files.example.test:8443/repos/acme/..%5Cother", false),
        ("GET", "https://files.example.test/repos/acme/x", false),
    ];
    let rules = rules();
    for (method, url, allowed) in cases {
        let parsed = Url::parse(url).unwrap();
        let verdict = rules.vet(&Method::from_bytes(method.as_bytes()).unwrap(), &parsed);
        assert_eq!(verdict.is_ok(), allowed, "{method} {url}: {verdict:?}");
    }
}

#[test]
fn a_credential_goes_only_to_the_origin_of_its_rule() {
    let rules = rules();
    let there = |url: &str| rules.sends_there("api", &Url::parse(url).unwrap());
    assert!(there("https://api.example.test/app/installations/1/access_tokens"));
    assert!(!there("https://files.example.test:8443/repos/acme/x"));
    assert!(!there("http://api.example.test/"));
}

#[test]
fn a_refusal_says_which_setting_is_missing() {
    let url = Url::parse("https://nowhere.test/").unwrap();
    let why = rules().vet(&Method::GET, &url).unwrap_err();
    assert!(why.contains("setting:missing is not set"), "{why}");
}
