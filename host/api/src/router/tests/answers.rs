//! What answers look like: problems, tags, headers, pages.

use crate::testing::{World, json, problem, text};
use axum::body::Body;
use axum::http::Request;

#[tokio::test]
async fn unknown_places_and_methods_are_problems() {
    let world = World::new();
    let (status, told) = problem(world.get("/api/v1/nothing").await).await;
    assert_eq!((status, told["detail"].as_str()), (404, Some("there is no endpoint `/api/v1/nothing`")));
    let response = world.send(Request::put("/api/v1/version").body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["allow"], "GET,HEAD");
    let (status, told) = problem(response).await;
    assert_eq!(
        (status, told["detail"].as_str()),
        (405, Some("/api/v1/version does not take PUT; see the header Allow"))
    );
    assert_eq!(problem(world.send(Request::post("/nothing").body(Body::empty()).unwrap()).await).await.0, 404);
    assert_eq!(problem(world.get("/api/v1/runs/%ff").await).await.0, 400);
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let world = World::new();
    for (path, at) in [
        ("/api/v1/runs?limit=0", "/limit"),
        ("/api/v1/runs?cursor=x", "/cursor"),
        ("/api/v1/runs?state=asleep", "/state"),
        ("/api/v1/runs?since=yesterday", "/since"),
        ("/api/v1/changes?state=x", "/state"),
        ("/api/v1/pipelines?days=91", "/days"),
        ("/api/v1/delivery/metrics?from=2020-01-01T00:00:00Z", "/from"),
        ("/api/v1/delivery/evidence?metric=x&service=a&environment=b", "/metric"),
    ] {
        let (status, told) = problem(world.get(path).await).await;
        assert_eq!((status, told["fields"][0]["at"].as_str()), (400, Some(at)), "{told}");
    }
    let (status, told) = problem(world.get("/api/v1/runs?colour=red").await).await;
    assert!(status == 400 && told["detail"].as_str().unwrap().contains("expected one of `connection`"), "{told}");
}

#[tokio::test]
async fn failures_of_ours_tell_nothing_of_our_inside() {
    let world = World::new();
    let response = world.get("/api/v1/deliveries").await;
    assert_eq!(response.headers()["retry-after"], "1");
    let (status, told) = problem(response).await;
    assert_eq!((status, told["detail"].as_str()), (503, Some("failed to list the deliveries")));
    let (status, told) = problem(world.get("/api/v1/plugins/broken").await).await;
    assert_eq!((status, told["type"].as_str()), (500, Some("https://opssight.dev/problems/internal")));
    assert!(!told.to_string().contains("detail-of-the-panic"), "{told}");
}

#[tokio::test]
async fn a_body_that_is_no_json_or_too_large_is_refused() {
    let world = World::new();
    let bearer = format!("Bearer {}", world.token().await);
    let post = |kind: &str, body: String| {
        let request =
            Request::post("/api/v1/connections").header("authorization", &bearer).header("content-type", kind);
        world.send(request.body(Body::from(body)).unwrap())
    };
    assert_eq!(problem(post("application/json", "{".to_owned()).await).await.0, 400);
    assert_eq!(problem(post("text/plain", "{}".to_owned()).await).await.0, 415);
    assert_eq!(problem(post("application/json", format!("\"{}\"", "x".repeat(2 << 20))).await).await.0, 413);
    let (status, told) = problem(post("application/json", r#"{"name":"","plugin":"gitlab"}"#.to_owned()).await).await;
    assert_eq!((status, told["fields"][0]["at"].as_str()), (400, Some("/plugin")), "{told}");
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let world = World::new();
    let bearer = format!("Bearer {}", world.token().await);
    let get = |tag: Option<String>| {
        let request = Request::get("/api/v1/connections/github-1").header("authorization", &bearer);
        let request = tag.into_iter().fold(request, |request, tag| request.header("if-none-match", tag));
        world.send(request.body(Body::empty()).unwrap())
    };
    let first = get(None).await;
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    assert!(tag.starts_with("W/\"7."), "{tag}");
    assert_eq!(first.headers()["cache-control"], "private, no-cache");
    let again = get(Some(tag.clone())).await;
    assert_eq!((again.status().as_u16(), again.headers()["etag"].to_str().unwrap()), (304, tag.as_str()));
    assert_eq!(text(again).await, "");

    let patch = |tag: String| {
        let request = Request::patch("/api/v1/connections/github-1")
            .header("authorization", &bearer)
            .header("content-type", "application/json")
            .header("if-match", tag);
        world.send(request.body(Body::from(r#"{"name":"Other"}"#)).unwrap())
    };
    assert_eq!(json(patch(tag.clone()).await).await["name"], "Other");
    let (status, told) = problem(patch(tag.clone()).await).await;
    assert_eq!((status, told["type"].as_str()), (412, Some("https://opssight.dev/problems/precondition-failed")));
    assert_eq!(get(Some(tag)).await.status(), 200);
}

#[tokio::test]
async fn secrets_are_not_shown() {
    let world = World::new();
    let shown = json(world.get("/api/v1/connections").await).await;
    let connection = &shown["items"][0];
    assert_eq!(connection["credentials"]["hook"]["secrets"][0], "secret");
    assert_eq!(connection["hook_path"], "/hooks/github-1");
    assert!(!shown.to_string().contains("the-webhook-secret"));
}

#[tokio::test]
async fn a_failing_check_is_an_answer_and_a_failing_part_is_not_ready() {
    let world = World::new();
    let bearer = format!("Bearer {}", world.token().await);
    let check = Request::post("/api/v1/connections/github-1/check").header("authorization", bearer);
    let said = json(world.send(check.body(Body::empty()).unwrap()).await).await;
    assert_eq!((said["health"].as_str(), said["fault"].as_str()), (Some("failing"), Some("upstream")));
    assert_eq!(json(world.get("/api/v1/overview").await).await["failed_deliveries"], 2);

    assert_eq!(json(world.get("/readyz").await).await["status"], "ok");
    *world.stubs.failing.lock().unwrap() = true;
    let response = world.get("/readyz").await;
    assert_eq!(response.status(), 503);
    assert_eq!(json(response).await["checks"][1]["detail"], "stands still");
    assert_eq!(world.get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn answers_are_packed_and_carry_their_policy() {
    let world = World::new();
    let bearer = format!("Bearer {}", world.token().await);
    let request = Request::get("/openapi.json").header("authorization", bearer).header("accept-encoding", "gzip");
    let response = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(response.headers()["content-security-policy"], "default-src 'none'; frame-ancestors 'none'");
    assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    assert_eq!(response.headers()["x-request-id"].len(), 20);
    let page = world.send(Request::get("/").body(Body::empty()).unwrap()).await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
}
