//! The one way out, from a guest's request to an upstream's answer.

use crate::guests::fetching;
use crate::harness::{House, loopback};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use opssight_core::plugins::{CallError, FailureClass, FaultSource, Grants, Plugins};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

/// What an upstream saw: method, path with query, headers.
pub(crate) type Seen = Arc<Mutex<Vec<(String, String, http::HeaderMap)>>>;

/// An upstream on loopback that answers as told.
pub(crate) async fn upstream(
    answer: impl Fn(&Request) -> Response + Clone + Send + Sync + 'static,
) -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let app = Router::new().fallback(move |request: Request| {
        let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        log.lock().unwrap().push((request.method().to_string(), path, request.headers().clone()));
        let response = answer(&request);
        async move { response }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, seen)
}

pub(crate) fn text(status: u16, body: &'static str) -> Response {
    Response::builder().status(status).body(Body::from(body)).unwrap()
}

/// Its one rule.
pub(crate) fn rule(methods: &[&str]) -> Value {
    json!({ "egress": [{ "url": "{setting:base_url}", "methods": methods, "reason": "to look" }] })
}

/// GET over plain http.
const HTTP: u8 = 0;
const HTTPS: u8 = 1;
const GET: u8 = 0;

async fn denied(house: &House, package: &[u8], base_url: &str, grants: Grants, code: &str) -> CallError {
    house.install(package);
    let error = house.check(json!({ "base_url": base_url }), grants).await.unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.fault, error.class),
        (code, FaultSource::Policy, FailureClass::Config),
        "{error}"
    );
    error
}

#[tokio::test]
async fn an_allowed_request_reaches_the_upstream_as_the_guest_wrote_it() {
    let (address, seen) = upstream(|_| text(200, "hello from upstream")).await;
    let house = House::new();
    house.install(&fetching(GET, HTTP, &address.to_string(), "/repos/a?page=2", rule(&["GET"])));
    let called = house.check(json!({ "base_url": format!("http://{address}") }), loopback()).await.unwrap();
    assert_eq!(called.value.summary, "hello from upstream");
    assert_eq!(called.usage.requests, 1);
    let seen = seen.lock().unwrap();
    assert_eq!((seen[0].0.as_str(), seen[0].1.as_str()), ("GET", "/repos/a?page=2"));
    // A rule without a credential leaves the guest's own header alone.
    assert_eq!(seen[0].2["authorization"], "Bearer from-the-guest");
    let stats = house.host.find(&"probe".into()).unwrap().stats;
    assert_eq!((stats.egress_requests, stats.egress_denied), (1, 0));
}

#[tokio::test]
async fn what_no_rule_covers_is_denied_and_counted() {
    let (address, seen) = upstream(|_| text(200, "")).await;
    let house = House::new();
    let other = format!("http://{address}");
    let package = fetching(GET, HTTP, &address.to_string(), "/", rule(&["GET"]));
    let error = denied(&house, &package, "http://127.0.0.1:1", loopback(), "egress.denied").await;
    assert!(error.message.contains("no rule of the plugin's manifest covers"), "{}", error.message);
    let package = fetching(GET, HTTP, &address.to_string(), "/", rule(&["POST"]));
    let error = denied(&house, &package, &other, loopback(), "egress.denied").await;
    assert!(error.message.contains("allows GET there"), "{}", error.message);
    let package = fetching(GET, HTTP, &address.to_string(), "/", rule(&["GET"]));
    let granted_secure = Grants { insecure_http: false, ..loopback() };
    let error = denied(&house, &package, &other, granted_secure, "egress.denied").await;
    assert!(error.message.contains("plain http was not granted"), "{}", error.message);
    let error = denied(&house, &package, "{}", loopback(), "egress.denied").await;
    assert!(error.message.contains("is not a URL"), "{}", error.message);
    assert!(seen.lock().unwrap().is_empty());
    assert_eq!(house.host.find(&"probe".into()).unwrap().stats.egress_denied, 1);
}

#[tokio::test]
async fn literal_addresses_need_a_grant_in_every_spelling() {
    let house = House::new();
    let spellings = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "169.254.169.254",
        "2852039166",
        "169.254.43518",
        "0.0.0.0",
        "10.0.0.1",
        "168.63.129.16",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[fd00:ec2::254]",
        // A public address is no better: a plugin names its upstream.
        "140.82.121.6",
    ];
    for host in spellings {
        let package = fetching(GET, HTTPS, host, "/latest/meta-data", rule(&["GET"]));
        denied(&house, &package, &format!("https://{host}"), Grants::default(), "egress.address").await;
    }
    // No grant opens the way to a metadata service.
    let everything =
        Grants { networks: vec!["0.0.0.0/0".into(), "::/0".into()], insecure_http: true, ..Grants::default() };
    let package = fetching(GET, HTTP, "169.254.169.254", "/", rule(&["GET"]));
    denied(&house, &package, "http://169.254.169.254", everything, "egress.address").await;
}

#[tokio::test]
async fn names_that_lead_to_special_addresses_are_denied() {
    let (address, seen) = upstream(|_| text(200, "")).await;
    let names: [(&str, &[&str]); 7] = [
        ("loopback.test", &["127.0.0.1"]),
        ("metadata.test", &["169.254.169.254"]),
        ("nat64.test", &["64:ff9b::a9fe:a9fe"]),
        ("mapped.test", &["::ffff:127.0.0.1"]),
        ("sixtofour.test", &["2002:7f00:1::1"]),
        ("mixed.test", &["140.82.121.6", "127.0.0.1"]),
        ("azure.test", &["168.63.129.16"]),
    ];
    let house = House::with_names(&names);
    for (name, _) in names {
        let authority = format!("{name}:{}", address.port());
        let package = fetching(GET, HTTPS, &authority, "/", rule(&["GET"]));
        denied(&house, &package, &format!("https://{authority}"), Grants::default(), "egress.address").await;
    }
    // Granted loopback does not grant the others of a mixed answer, nor plain http to what is public.
    let package = fetching(GET, HTTP, "metadata.test", "/", rule(&["GET"]));
    denied(&house, &package, "http://metadata.test", loopback(), "egress.address").await;
    assert!(seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_granted_network_may_be_reached_by_name() {
    let (address, _) = upstream(|_| text(200, "inside")).await;
    let house = House::with_names(&[("ghe.test", &["127.0.0.1"])]);
    let authority = format!("ghe.test:{}", address.port());
    house.install(&fetching(GET, HTTP, &authority, "/", rule(&["GET"])));
    let base_url = json!({ "base_url": format!("http://{authority}") });
    assert_eq!(house.check(base_url.clone(), loopback()).await.unwrap().value.summary, "inside");
    // Taking the grant away works at once, open connections or not.
    let error = house.check(base_url, Grants { insecure_http: true, ..Grants::default() }).await.unwrap_err();
    assert_eq!(error.code, "egress.address");
}

#[tokio::test]
async fn redirects_are_answers_and_nobody_follows_them() {
    let (address, seen) = upstream(|_| {
        let to = http::header::HeaderValue::from_static("http://169.254.169.254/latest");
        let mut response = text(302, "elsewhere");
        response.headers_mut().insert("location", to);
        response
    })
    .await;
    let house = House::new();
    house.install(&fetching(GET, HTTP, &address.to_string(), "/", rule(&["GET"])));
    let called = house.check(json!({ "base_url": format!("http://{address}") }), loopback()).await.unwrap();
    assert_eq!(called.value.summary, "elsewhere");
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn answers_and_requests_have_a_budget() {
    let (address, _) = upstream(|_| Response::new(Body::from(vec![b'x'; 40 << 10]))).await;
    let house = House::new();
    let base_url = json!({ "base_url": format!("http://{address}") });
    let with = |budget: Value| {
        let mut manifest = rule(&["GET"]);
        manifest["budgets"] = json!({ "health": budget });
        fetching(GET, HTTP, &address.to_string(), "/", manifest)
    };
    house.install(&with(json!({ "response_kib": 32 })));
    let error = house.check(base_url.clone(), loopback()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.class), ("budget.response-bytes", FailureClass::Budget));
    house.install(&with(json!({ "requests": 0 })));
    let error = house.check(base_url, loopback()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.class), ("budget.requests", FailureClass::Budget));
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_the_upstreams_fault() {
    let house = House::new();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    house.install(&fetching(GET, HTTP, &format!("127.0.0.1:{port}"), "/", rule(&["GET"])));
    let error = house.check(json!({ "base_url": format!("http://127.0.0.1:{port}") }), loopback()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.fault), ("upstream.unreachable", FaultSource::Upstream));
    assert!(error.class.is_retryable() && error.message.contains("refused"), "{}", error.message);
    house.install(&fetching(GET, HTTPS, "nowhere.test", "/", rule(&["GET"])));
    let error = house.check(json!({ "base_url": "https://nowhere.test" }), Grants::default()).await.unwrap_err();
    assert!(error.code == "upstream.unreachable" && error.message.contains("looked up"), "{error}");
}

#[tokio::test]
async fn an_upstream_that_stalls_costs_no_more_than_the_wall_budget() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut manifest = rule(&["GET"]);
    manifest["budgets"] = json!({ "health": { "wall_ms": 700 } });
    let house = House::new();
    house.install(&fetching(GET, HTTP, &address.to_string(), "/", manifest));
    let start = std::time::Instant::now();
    let error = house.check(json!({ "base_url": format!("http://{address}") }), loopback()).await.unwrap_err();
    assert!(matches!(error.code.as_str(), "upstream.timeout" | "budget.wall"), "{error}");
    assert!(start.elapsed().as_secs() < 10);
}

#[tokio::test]
async fn a_pause_that_the_upstream_asked_for_is_kept() {
    let (address, seen) = upstream(|_| {
        let mut response = text(429, "slow down");
        response.headers_mut().insert("retry-after", http::HeaderValue::from_static("30"));
        response
    })
    .await;
    let house = House::new();
    house.install(&fetching(GET, HTTP, &address.to_string(), "/", rule(&["GET"])));
    let base_url = json!({ "base_url": format!("http://{address}") });
    assert_eq!(house.check(base_url.clone(), loopback()).await.unwrap().value.summary, "slow down");
    let error = house.check(base_url.clone(), loopback()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.class), ("rate.paused", FailureClass::RateLimited));
    assert_eq!(error.retry_after_ms, Some(30_000));
    assert_eq!(seen.lock().unwrap().len(), 1, "the upstream was left alone");
    house.clock.advance_secs(31);
    house.check(base_url, loopback()).await.unwrap();
    assert_eq!(seen.lock().unwrap().len(), 2);
}
