//! Recorded calls and packages.

use crate::testing::{World, json, problem, text};

#[tokio::test]
async fn recorded_calls_are_listed_and_shown() {
    let world = World::new();
    let list = json(world.get("/api/v1/plugins/github/calls?outcome=failed&limit=10").await).await;
    let call = &list["items"][0];
    assert_eq!((call["id"].as_str(), call["outcome"].as_str()), (Some("call_1"), Some("failed")), "{list}");
    assert_eq!((call["error"]["class"].as_str(), call["error"]["fault"].as_str()), (Some("trap"), Some("plugin")));
    for path in ["/api/v1/plugins/github/calls/call_1", "/api/v1/plugins/-/calls/call_1"] {
        let response = world.get(path).await;
        assert_eq!(response.headers()["content-type"], "application/json");
        let record = json(response).await;
        assert_eq!((record["format"].as_str(), record["kind"].as_str()), (Some("opssight.call/1"), Some("webhook")));
    }
    for path in ["/api/v1/plugins/other/calls/call_1", "/api/v1/plugins/github/calls/call_2"] {
        assert_eq!(problem(world.get(path).await).await.0, 404, "{path}");
    }
    assert_eq!(problem(world.get("/api/v1/plugins/github/calls?outcome=odd").await).await.0, 400);
}

#[tokio::test]
async fn a_package_is_handed_out_by_its_digest() {
    let world = World::new();
    let digest = format!("sha256:{}", "0".repeat(64));
    world.app.installs.packages.put(&digest, b"\0asm").await.unwrap();
    let response = world.get(&format!("/api/v1/plugins/github/package/sha256:{}", "0".repeat(64))).await;
    assert_eq!(response.headers()["content-type"], "application/wasm");
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"github.wasm\"");
    assert_eq!(text(response).await, "\0asm");
    for digest in [format!("sha256:{}", "1".repeat(64)), "sha256:..%2f..%2fkey".to_owned(), "md5:00".to_owned()] {
        assert_eq!(problem(world.get(&format!("/api/v1/plugins/github/package/{digest}")).await).await.0, 404);
    }
}
