//! Every way to sign in: what the upstream gets, and that the guest, errors and messages never see it.

use crate::harness::{House, NOW, loopback};
use crate::requests::Ask;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey,
};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use opssight_core::plugins::{CallError, FailureClass, Plugins};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// One request as it came.
#[derive(Clone)]
struct Came {
    path: String,
    query: String,
    headers: http::HeaderMap,
    body: String,
}

impl Came {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn form(&self) -> BTreeMap<String, String> {
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }
}

/// An upstream that sells `token-number-N` at /token for an hour, answers 401 at /revoked, and elsewhere echoes all
/// that it was sent.
struct Shop {
    address: SocketAddr,
    came: Arc<Mutex<Vec<Came>>>,
}

impl Shop {
    async fn open() -> Self {
        let came: Arc<Mutex<Vec<Came>>> = Arc::default();
        let log = Arc::clone(&came);
        let app = Router::new().fallback(move |request: Request| {
            let log = Arc::clone(&log);
            async move {
                let (head, body) = request.into_parts();
                let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
                let came = Came {
                    path: head.uri.path().to_owned(),
                    query: head.uri.query().unwrap_or_default().to_owned(),
                    headers: head.headers,
                    body: String::from_utf8(body.to_vec()).unwrap(),
                };
                log.lock().unwrap().push(came.clone());
                let sold = log.lock().unwrap().iter().filter(|came| came.path == "/token").count();
                match came.path.as_str() {
                    "/token" => {
                        let body = json!({ "access_token": format!("token-number-{sold}"), "expires_in": 3_600 });
                        Response::new(Body::from(body.to_string()))
                    }
                    "/revoked" => Response::builder().status(401).body(Body::empty()).unwrap(),
                    _ => Response::new(Body::from(format!("{} {:?}", came.query, came.headers))),
                }
            }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, came }
    }

    fn came(&self) -> Vec<Came> {
        self.came.lock().unwrap().clone()
    }

    fn sold(&self) -> usize {
        self.came().iter().filter(|came| came.path == "/token").count()
    }

    fn settings(&self) -> Value {
        json!({ "base_url": format!("http://{}", self.address), "region": "eu-central-1" })
    }

    fn ask(&self, path: &str) -> Ask {
        Ask::get(self.address, path)
    }

    async fn look(&self, house: &House) -> Result<String, CallError> {
        house.check(self.settings(), loopback()).await.map(|called| called.value.summary)
    }
}

/// A manifest whose one rule wants the one credential.
fn signed_by(mut scheme: Value, inputs: &[&str]) -> Value {
    scheme["title"] = json!("t");
    let input = |name: &&str| json!({ "name": name, "title": name, "secret": true, "optional": name.ends_with('?') });
    scheme["inputs"] = inputs.iter().map(input).collect();
    let methods = ["GET", "POST"];
    json!({
        "egress": [{ "url": "{setting:base_url}", "methods": methods, "credential": "api", "reason": "to look" }],
        "credentials": [{ "name": "api", "title": "API", "schemes": [scheme] }],
    })
}

const CANARY: &str = "c4n4ry/s3cr3t+v4lue=";

#[tokio::test]
async fn a_password_a_header_and_a_parameter_reach_the_upstream_and_never_the_guest() {
    let joined = STANDARD.encode(format!("ann:{CANARY}"));
    let encoded = "c4n4ry%2Fs3cr3t%2Bv4lue%3D";
    type Case<'a> = (&'a str, Value, &'a [(&'a str, &'a str)], &'a dyn Fn(&Came) -> bool, String);
    let basic: &dyn Fn(&Came) -> bool = &|came| came.header("authorization") == format!("Basic {joined}");
    let header: &dyn Fn(&Came) -> bool =
        &|came| came.header("x-api-key") == format!("token {CANARY}") && came.header("authorization").is_empty();
    let query: &dyn Fn(&Came) -> bool = &|came| came.query == format!("page=2&key={encoded}");
    let cases: [Case<'_>; 3] = [
        ("basic", json!({ "scheme": "basic" }), &[("username", "ann"), ("password", CANARY)], basic, joined.clone()),
        (
            "header",
            json!({ "scheme": "header", "header": "X-Api-Key", "value": "token {token}" }),
            &[("token", CANARY)],
            header,
            CANARY.to_owned(),
        ),
        ("query", json!({ "scheme": "query", "parameter": "key" }), &[("token", CANARY)], query, encoded.to_owned()),
    ];
    for (name, scheme, inputs, fits, derived) in cases {
        let shop = Shop::open().await;
        let house = House::new();
        house.memory.credential("api", name, inputs);
        let names: Vec<&str> = inputs.iter().map(|(name, _)| *name).collect();
        // What the guest writes in its place is not what is sent.
        let ask = shop
            .ask("/look?key=from-the-guest&page=2")
            .header("authorization", "Bearer from-the-guest")
            .header("x-api-key", "from-the-guest");
        house.install(&ask.package(signed_by(scheme, &names)));
        let echo = shop.look(&house).await.unwrap();
        let came = shop.came();
        assert!(fits(&came[0]), "{name}: {} {:?}", came[0].query, came[0].headers);
        assert!(echo.contains("***") && !echo.contains(CANARY) && !echo.contains(&derived), "{name}: {echo}");
    }
}

#[tokio::test]
async fn a_secret_in_the_query_is_in_no_message() {
    let house = House::new();
    house.memory.credential("api", "query", &[("token", CANARY)]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let ask = Ask::get(format!("127.0.0.1:{port}"), "/look");
    house.install(&ask.package(signed_by(json!({ "scheme": "query", "parameter": "key" }), &["token"])));
    let settings = json!({ "base_url": format!("http://127.0.0.1:{port}") });
    let error = house.check(settings, loopback()).await.unwrap_err();
    assert_eq!(error.code, "upstream.unreachable");
    assert!(!error.message.contains("c4n4ry") && !error.message.contains("key="), "{}", error.message);
    let last = house.host.find(&"probe".into()).unwrap().stats.last_error.unwrap();
    assert!(!last.contains("c4n4ry"), "{last}");
}

#[tokio::test]
async fn aws_requests_are_signed_as_they_are_sent() {
    let scheme = json!({ "scheme": "aws-sigv4", "service": "monitoring", "region": "{setting:region}" });
    let mut manifest = signed_by(scheme, &["access_key_id", "secret_access_key", "session_token"]);
    manifest["credentials"][0]["schemes"][0]["inputs"][2]["optional"] = json!(true);
    for session in ["", "session-c4n4ry-token"] {
        let shop = Shop::open().await;
        let house = House::new();
        let inputs = [("access_key_id", "AKIDEXAMPLE"), ("secret_access_key", CANARY), ("session_token", session)];
        house.memory.credential("api", "aws-sigv4", &inputs);
        let ask = shop
            .ask("/a%20b/(c)?z=1&a=x+y")
            .post("Action=ListMetrics")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-amz-target", "GraniteServiceVersion20100801.ListMetrics")
            .header("x-amz-date", "20000101T000000Z")
            .header("x-amz-security-token", "from-the-guest");
        house.install(&ask.package(manifest.clone()));
        let echo = shop.look(&house).await.unwrap();
        let came = shop.came();
        assert_eq!((came[0].path.as_str(), came[0].query.as_str()), ("/a%20b/%28c%29", "a=x%20y&z=1"));
        assert_eq!(came[0].header("x-amz-date"), NOW.to_utc().unwrap().format("%Y%m%dT%H%M%SZ").to_string());
        assert_eq!(came[0].header("x-amz-security-token"), session);
        let authorization = came[0].header("authorization");
        let token = if session.is_empty() { "" } else { ";x-amz-security-token" };
        let names = format!("SignedHeaders=content-type;host;x-amz-date{token};x-amz-target, Signature=");
        let day = NOW.to_utc().unwrap().format("%Y%m%d");
        let scope = format!("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/{day}/eu-central-1/monitoring/aws4_request, ");
        let signature =
            authorization.strip_prefix(&format!("{scope}{names}")).unwrap_or_else(|| panic!("{authorization}"));
        assert_eq!(signature.len(), 64);
        assert!(!echo.contains(signature) && !echo.contains("c4n4ry"), "{echo}");
    }
}

fn oauth(auth: &str) -> Value {
    let scheme = json!({
        "scheme": "oauth2-client-credentials", "token_url": "{setting:base_url}/token", "client_auth": auth,
        "scopes": ["read:all", "metrics"], "parameters": { "audience": "https://api.example.test" },
    });
    signed_by(scheme, &["client_id", "client_secret"])
}

async fn client(auth: &str, path: &str) -> (Shop, House) {
    let (shop, house) = (Shop::open().await, House::new());
    house.memory.credential("api", "oauth2-client-credentials", &[("client_id", "us:er"), ("client_secret", CANARY)]);
    house.install(&shop.ask(path).package(oauth(auth)));
    (shop, house)
}

#[tokio::test]
async fn a_client_buys_a_token_and_uses_it_until_shortly_before_its_end() {
    for auth in ["basic", "body"] {
        let (shop, house) = client(auth, "/look").await;
        for _ in 0..3 {
            let echo = shop.look(&house).await.unwrap();
            assert!(echo.contains("***") && !echo.contains("token-number-1"), "{echo}");
        }
        let came = shop.came();
        let (exchange, form) = (&came[0], came[0].form());
        assert_eq!((exchange.path.as_str(), form["grant_type"].as_str()), ("/token", "client_credentials"));
        assert_eq!(
            (form["scope"].as_str(), form["audience"].as_str()),
            ("read:all metrics", "https://api.example.test")
        );
        if auth == "basic" {
            let joined = STANDARD.encode("us%3Aer:c4n4ry%2Fs3cr3t%2Bv4lue%3D");
            assert_eq!(exchange.header("authorization"), format!("Basic {joined}"));
            assert!(!form.contains_key("client_secret"));
        } else {
            assert_eq!((form["client_id"].as_str(), form["client_secret"].as_str()), ("us:er", CANARY));
            assert_eq!(exchange.header("authorization"), "");
        }
        assert_eq!(came[1].header("authorization"), "Bearer token-number-1");
        assert_eq!(shop.sold(), 1);
        house.clock.advance_secs(3_600 - 299);
        shop.look(&house).await.unwrap();
        assert_eq!(shop.sold(), 2, "five minutes early");
    }
}

#[tokio::test]
async fn clients_that_start_at_once_buy_once_and_buy_anew_what_is_refused() {
    let (shop, house) = client("basic", "/look").await;
    let calls = (0..6).map(|_| shop.look(&house));
    assert!(futures::future::join_all(calls).await.into_iter().all(|outcome| outcome.is_ok()));
    assert_eq!(shop.sold(), 1);
    let (shop, house) = client("basic", "/revoked").await;
    for _ in 0..2 {
        shop.look(&house).await.unwrap();
    }
    assert_eq!(shop.sold(), 2);
}

#[tokio::test]
async fn a_clients_secret_goes_nowhere_else() {
    let (shop, house) = (Shop::open().await, House::new());
    let elsewhere = Shop::open().await;
    house.memory.credential("api", "oauth2-client-credentials", &[("client_id", "id"), ("client_secret", CANARY)]);
    let mut manifest = oauth("body");
    manifest["credentials"][0]["schemes"][0]["token_url"] = json!(format!("http://{}/token", elsewhere.address));
    house.install(&shop.ask("/look").package(manifest));
    let error = shop.look(&house).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.class), ("credential.unusable", FailureClass::Config));
    assert!(elsewhere.came().is_empty() && shop.came().is_empty());
}

/// A key for ES256: its PEM, and its public half.
fn es256() -> (String, Vec<u8>) {
    let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.as_ref()).unwrap();
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref()));
    (pem, key.public_key().as_ref().to_vec())
}

/// Head and claims of a JWT whose signature is good.
fn read(jwt: &str, public: &[u8]) -> (Value, Value) {
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public);
    key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    let (head, claims) = signed.split_once('.').unwrap();
    let json = |part: &str| serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    (json(head), json(claims))
}

#[tokio::test]
async fn a_jwt_can_itself_be_the_token() {
    let scheme = json!({
        "scheme": "jwt-bearer", "algorithm": "ES256", "key": "key", "kid": "{key_id}", "claims": { "iss": "{team}" },
        "lifetime_secs": 3_000,
    });
    let (shop, house) = (Shop::open().await, House::new());
    let (pem, public) = es256();
    house.memory.credential("api", "jwt-bearer", &[("key", &pem), ("key_id", "ABC123DEFG"), ("team", "DEF123GHIJ")]);
    house.install(&shop.ask("/look").package(signed_by(scheme, &["key", "key_id", "team"])));
    let mut jwts = Vec::new();
    for secs in [0, 2_000, 1_000] {
        house.clock.advance_secs(secs);
        let echo = shop.look(&house).await.unwrap();
        let came = shop.came();
        let jwt = came.last().unwrap().header("authorization").strip_prefix("Bearer ").unwrap().to_owned();
        assert!(!echo.contains(&jwt) && echo.contains("***"), "{echo}");
        jwts.push(jwt);
    }
    let (head, claims) = read(&jwts[0], &public);
    assert_eq!((&head["alg"], &head["kid"]), (&json!("ES256"), &json!("ABC123DEFG")));
    let now = NOW.millis() / 1_000;
    assert_eq!(claims, json!({ "iss": "DEF123GHIJ", "iat": now, "exp": now + 3_000 }));
    assert_eq!(jwts[0], jwts[1], "signed once and used again");
    assert_ne!(jwts[1], jwts[2], "until shortly before its end");
    assert_eq!(shop.sold(), 0);
}

#[tokio::test]
async fn a_jwt_buys_a_token_by_form_and_goes_itself_where_the_upstream_wants_that() {
    let scheme = json!({
        "scheme": "jwt-bearer", "algorithm": "ES256", "key": "key", "lifetime_secs": 3_600,
        "claims": { "iss": "{email}", "aud": "{setting:base_url}/token", "scope": "logging.read", "sub": "{user}" },
        "exchange": { "url": "{setting:base_url}/token", "by": "form" },
        "direct": ["{setting:base_url}/app"],
    });
    let mut manifest = signed_by(scheme, &["key", "email", "user"]);
    manifest["credentials"][0]["schemes"][0]["inputs"][2]["optional"] = json!(true);
    let (shop, house) = (Shop::open().await, House::new());
    let (pem, public) = es256();
    house.memory.credential("api", "jwt-bearer", &[("key", &pem), ("email", "robot@project.test")]);
    house.install(&shop.ask("/look").package(manifest.clone()));
    for _ in 0..2 {
        shop.look(&house).await.unwrap();
    }
    let came = shop.came();
    let form = came[0].form();
    assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let (_, claims) = read(&form["assertion"], &public);
    let now = NOW.millis() / 1_000;
    let aud = format!("http://{}/token", shop.address);
    let expect =
        json!({ "iss": "robot@project.test", "aud": aud, "scope": "logging.read", "iat": now, "exp": now + 3_600 });
    assert_eq!(claims, expect, "a claim that is empty is left out");
    assert_eq!(came[1].header("authorization"), "Bearer token-number-1");
    assert_eq!(shop.sold(), 1);
    for (path, jwt) in [("/app/hook/deliveries", true), ("/app", true), ("/apps", false)] {
        house.install(&shop.ask(path).package(manifest.clone()));
        shop.look(&house).await.unwrap();
        let came = shop.came();
        let sent = came.last().unwrap().header("authorization").strip_prefix("Bearer ").unwrap();
        assert_eq!(sent.matches('.').count() == 2, jwt, "{path}: {sent}");
    }
}
