//! The hook endpoint.

use crate::app::{ApiConfig, Doors};
use crate::testing::{World, json, problem};
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use opssight_core::plugins::Grants;
use std::num::NonZeroU32;

async fn deliver(world: &World, to: &str, headers: &[(&str, &str)], body: Body) -> Response {
    let request = Request::post(format!("/hooks/{to}"));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    world.send(request.body(body).unwrap()).await
}

const GOOD: [(&str, &str); 4] =
    [("X-Signature", "good"), ("X-Delivery", "d-1"), ("X-Event", "push"), ("Authorization", "Bearer secret")];

#[tokio::test]
async fn a_genuine_delivery_is_accepted_once_with_the_headers_that_its_plugin_may_see() {
    let world = World::new();
    let response = deliver(&world, "github-1", &GOOD, Body::from("{\"a\":1}")).await;
    assert_eq!(response.status(), 202);
    assert_eq!(json(response).await, serde_json::json!({ "id": "dlv_d-1", "duplicate": false }));
    let again = deliver(&world, "github-1", &GOOD, Body::from("{\"a\":1}")).await;
    assert_eq!(again.status(), 202);
    assert_eq!(json(again).await["duplicate"], true);
    let accepted = world.stubs.accepted.lock().unwrap();
    assert_eq!(accepted.len(), 1);
    assert_eq!(accepted[0].headers, [("x-event".to_owned(), "push".to_owned())]);
    assert_eq!(accepted[0].body, b"{\"a\":1}");
}

#[tokio::test]
async fn each_bad_delivery_gets_its_own_answer_and_is_noted_where_it_belongs() {
    let world = World::with(ApiConfig { body_limit: 10, ..ApiConfig::default() });
    let check = async |to: &str, headers: &[(&str, &str)], body: Body, status: u16, code: &str, noted: usize| {
        let (got, told) = problem(deliver(&world, to, headers, body).await).await;
        assert_eq!((got, told["code"].as_str()), (status, Some(code)), "{told}");
        assert_eq!(world.stubs.rejected.lock().unwrap().len(), noted, "{code}");
    };
    let small = || Body::from("{}");
    check("github-2", &GOOD, small(), 404, "unknown-connection", 0).await;
    check("github-1", &[("x-signature", "bad")], small(), 401, "signature-mismatch", 1).await;
    check("github-1", &[], small(), 401, "signature-missing", 2).await;
    check("github-1", &[("content-length", "11")], Body::from("12345678901"), 413, "body-too-large", 3).await;
    let chunks = ["123456", "78901"].map(Ok::<_, std::convert::Infallible>);
    check("github-1", &GOOD, Body::from_stream(futures::stream::iter(chunks)), 413, "body-too-large", 4).await;
    world.stubs.connection.lock().unwrap().enabled = false;
    check("github-1", &GOOD, small(), 409, "connection-disabled", 4).await;
    let withheld = Grants { withheld: ["receive deliveries".to_owned()].into(), ..Grants::default() };
    {
        let mut connection = world.stubs.connection.lock().unwrap();
        (connection.enabled, connection.grants) = (true, withheld.into());
    }
    check("github-1", &GOOD, small(), 409, "deliveries-withheld", 4).await;
    assert!(world.stubs.accepted.lock().unwrap().is_empty());
    assert_eq!(world.stubs.rejected.lock().unwrap()[2].size, 11);
}

#[tokio::test]
async fn who_sends_too_often_is_told_when_to_come_again() {
    let one = NonZeroU32::MIN;
    let world = World::with(ApiConfig { hook_rate_per_second: one, hook_burst: one, ..ApiConfig::default() });
    assert_eq!(deliver(&world, "github-1", &GOOD, Body::empty()).await.status(), 202);
    let response = deliver(&world, "github-1", &GOOD, Body::empty()).await;
    assert_eq!(response.headers()["retry-after"], "1");
    assert_eq!(problem(response).await.0, 429);
}

#[tokio::test]
async fn what_another_process_does_is_misdirected_here() {
    for (api, hooks) in [(true, true), (true, false), (false, true), (false, false)] {
        let world = World::with(ApiConfig { doors: Doors { api, hooks }, ..ApiConfig::default() });
        let at = format!("api {api}, hooks {hooks}");
        let sent = deliver(&world, "github-1", &GOOD, Body::from("{}")).await;
        assert_eq!(sent.status(), if hooks { 202 } else { 421 }, "{at}");
        for path in ["/", "/api/v1/connections", "/api/v1/me", "/nowhere"] {
            let answer = world.send(Request::get(path).body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status() == 421, !api, "{at}: {path} {}", answer.status());
        }
        for (path, status) in [("/healthz", 200), ("/api/v1/version", 200), ("/metrics", 401)] {
            let answer = world.send(Request::get(path).body(Body::empty()).unwrap()).await;
            assert_eq!(answer.status(), status, "{at}: {path}");
        }
        if !hooks {
            let (_, told) = problem(deliver(&world, "github-1", &GOOD, Body::from("{}")).await).await;
            assert!(told["detail"].as_str().unwrap().contains("`ingest`"), "{told}");
        }
    }
}
