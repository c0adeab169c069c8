//! The component as it is shipped, on the real runtime: the same items as natively, and the host's part of each request.

use crate::examples;
use crate::github::run;
use crate::parsing::show;
use opssight_plugin::{Delivery, Item, Webhook};
use opssight_plugin_github::GitHub;
use opssight_testkit::plugins::{FailureClass, PageRequest, Plugins, RawItem};
use opssight_testkit::{Response, TestHost, build_plugin, tokio};
use serde_json::{Value, json};

/// The plugin with a token, and an upstream that is yet to be told what to answer.
pub(crate) async fn github() -> TestHost {
    let package = build_plugin("opssight-plugin-github").unwrap();
    TestHost::new(&package).await.unwrap().credential("api", "bearer", &[("token", "c4n4ry-c4n4ry")])
}

/// Items that came out of the sandbox, as they would look natively.
pub(crate) fn items_of(items: &[RawItem]) -> Vec<Item> {
    let item = |raw: &RawItem| Item {
        id: raw.id.clone(),
        kind: raw.kind.clone(),
        at: raw.at.millis(),
        title: raw.title.clone(),
        url: raw.url.clone(),
        attrs: raw.attrs.clone(),
        payload: raw.payload.clone(),
    };
    items.iter().map(item).collect()
}

/// The testkit's clock stands still at this moment, and the guest's clock is the host's.
fn now() -> i64 {
    1_767_225_600_000
}

fn page() -> PageRequest {
    PageRequest { cursor: None, limit: 1000 }
}

#[tokio::test]
async fn the_component_imports_nothing_that_a_plugin_may_not_have_and_exports_its_four_kinds() {
    let host = github().await;
    let (runtime, target) = host.runtime();
    let installed = runtime.find(&target.plugin).unwrap();
    assert_eq!(installed.manifest.problems(), []);
    let mut exports = installed.exports.clone();
    exports.sort();
    assert_eq!(exports, ["actions", "health", "source", "webhook"]);
    for import in &installed.imports {
        assert!(
            !import.contains("filesystem") && !import.contains("sockets") && !import.contains("reveal"),
            "{import}"
        );
    }
}

#[tokio::test]
async fn every_handled_example_becomes_in_the_sandbox_what_it_becomes_natively() {
    let host = github().await;
    let mut compared = 0;
    for example in examples::all() {
        let body = serde_json::to_vec(&example.payload).unwrap();
        let headers = vec![("x-github-event".to_owned(), example.event.clone())];
        // The testkit's clock stands still at this moment.
        let received_at = 1_767_225_600_000;
        let natively = GitHub::receive(Delivery { headers, body: body.clone(), received_at }).unwrap();
        if natively.items.is_empty() && compared > 0 {
            continue;
        }
        let sandboxed = host.receive(&[("x-github-event", &example.event)], body).await.unwrap();
        let (native, sandbox): (Vec<Value>, Vec<Value>) =
            (natively.items.iter().map(show).collect(), items_of(&sandboxed.items).iter().map(show).collect());
        assert_eq!(native, sandbox, "{} {}", example.event, example.action());
        assert_eq!(natively.note, sandboxed.note);
        compared += 1;
    }
    assert!(compared > 60, "{compared}");
}

#[tokio::test]
async fn pages_are_followed_etags_remembered_and_the_hosts_credential_attached() {
    let entries: Vec<Value> = (0..150).map(|n| run(n, now() - 60_000, "success")).collect();
    let host = github().await.settings(json!({ "repositories": ["o/r"] })).handler(move |request| {
        assert_eq!(request.headers["authorization"], "Bearer c4n4ry-c4n4ry");
        assert_eq!(request.headers["user-agent"], "opssight");
        if request.headers.get("if-none-match").is_some_and(|etag| etag == "\"v1\"") {
            return Response::new(304, &[], "");
        }
        let body = |entries: &[Value]| json!({ "total_count": 150, "workflow_runs": entries }).to_string();
        if request.path.contains("&page=2") {
            return Response::new(200, &[], body(&entries[100..]));
        }
        let next = format!("<{{base_url}}{}&page=2>; rel=\"next\"", request.path);
        Response::new(200, &[("link", &next), ("etag", "\"v1\"")], body(&entries[..100]))
    });
    let batch = host.pull("runs", None, page()).await.unwrap();
    assert_eq!((batch.items.len(), batch.next), (150, None));
    assert!(host.state().contains_key("runs/o/r"));
    let batch = host.pull("runs", batch.checkpoint.as_deref(), page()).await.unwrap();
    assert!(batch.items.is_empty());
    assert_eq!(host.requests().len(), 3);
    let history = host.pull("run-history", None, page()).await.unwrap();
    assert_eq!(history.items.len(), 150);
}

#[tokio::test]
async fn a_limit_reaches_the_host_with_its_patience() {
    let host = github().await.settings(json!({ "repositories": ["o/r"] })).handler(|_| {
        Response::new(429, &[("retry-after", "7")], r#"{"message": "You have exceeded a secondary rate limit"}"#)
    });
    let error = host.pull("changes", None, page()).await.unwrap_err();
    assert_eq!((error.class, error.retry_after_ms), (FailureClass::RateLimited, Some(7_000)), "{error}");
}

#[tokio::test]
async fn an_action_posts_and_answers_with_the_run() {
    let host = github().await.exchange("POST", "/repos/o/r/actions/runs/7/cancel", 202, &[], "{}").exchange(
        "GET",
        "/repos/o/r/actions/runs/7",
        200,
        &[],
        run(7, now(), "cancelled").to_string(),
    );
    let outcome = host.act("cancel", json!({ "service": "o/r", "run_id": "7" })).await.unwrap();
    assert_eq!(outcome.output, r#"{"run_id":"7"}"#);
    assert_eq!(outcome.items[0].id, "7/1");
    let requests = host.requests();
    assert_eq!((requests.len(), requests[0].body.len()), (2, 0));
}

#[tokio::test]
async fn a_delivery_is_believed_only_with_githubs_signature() {
    let host = github().await.credential("webhook", "hmac-sha256", &[("secret", "It's a Secret to Everybody")]);
    // GitHub's own example, from "Validating webhook deliveries".
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    host.verify(&[("X-Hub-Signature-256", signature)], b"Hello, World!").unwrap();
    host.verify(&[("X-Hub-Signature-256", signature)], b"Hello, World?").unwrap_err();
    host.verify(&[], b"Hello, World!").unwrap_err();
}
