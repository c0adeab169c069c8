//! The life of a plugin over HTTP.

use crate::testing::{World, digest, json, package, problem};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

const WASM: &str = "application/wasm";
const JSON: &str = "application/json";

impl World {
    async fn install(&self, package: &[u8], query: &str) -> (u16, Value) {
        let response = self.ask("POST", &format!("/api/v1/plugins{query}"), WASM, package.to_vec()).await;
        (response.status().as_u16(), json(response).await)
    }

    /// A change; what it answers.
    async fn change(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let response = self.ask(method, &format!("/api/v1/plugins{path}"), JSON, body.to_string()).await;
        let status = response.status().as_u16();
        if status == 204 {
            return (status, Value::Null);
        }
        (status, json(response).await)
    }

    /// Version 1.0.0 of "example" runs; its digest.
    async fn with_example(&self) -> String {
        let bytes = package("example", "1.0.0", 1);
        let (status, told) = self.install(&bytes, &format!("?consent={}", digest(&bytes))).await;
        assert_eq!((status, told["approval"].as_str()), (201, Some("active")), "{told}");
        digest(&bytes)
    }
}

#[tokio::test]
async fn a_new_plugin_is_shown_before_it_is_agreed_to() {
    let world = World::new();
    let bytes = package("example", "1.0.0", 1);
    let shown = json(world.ask("POST", "/api/v1/plugins/inspect", WASM, bytes.clone()).await).await;
    assert_json_snapshot!("inspection", shown);
    let response = world.ask("POST", "/api/v1/plugins", WASM, bytes).await;
    let (status, told) = problem(response).await;
    assert_eq!((status, told["code"].as_str()), (409, Some("consent-needed")));
    assert_eq!(told["inspection"], shown);
    world.with_example().await;
    let shown = json(world.get("/api/v1/plugins/example").await).await;
    assert_json_snapshot!("plugin", shown);
    assert_eq!(json(world.get("/api/v1/plugins").await).await["items"], json!([shown]));
}

#[tokio::test]
async fn an_update_that_wants_more_waits_and_is_approved_or_rejected() {
    let world = World::new();
    let first = world.with_example().await;
    assert_eq!(world.install(&package("example", "1.0.0", 1), "").await.0, 200);
    let wider = package("example", "1.1.0", 2);
    let (status, told) = world.install(&wider, "").await;
    assert_eq!((status, told["approval"].as_str()), (202, Some("waiting")));
    assert_eq!(told["inspection"]["update"]["added"][0]["key"], "send GET https://1.example");
    let of = |digest: &str| json!({ "digest": digest });
    let (status, told) = world.change("POST", "/example/approve", of(&first)).await;
    assert_eq!((status, told["code"].as_str()), (409, Some("not-now")), "{told}");
    let (status, told) = world.change("POST", "/example/approve", of("sha256:0")).await;
    assert_eq!((status, told["code"].as_str()), (404, Some("no-such-version")));
    let (status, told) = world.change("POST", "/example/reject", of(&digest(&wider))).await;
    assert_eq!((status, &told["waiting"]), (200, &Value::Null));
    let widest = package("example", "1.2.0", 3);
    world.install(&widest, "").await;
    let shown = json(world.get("/api/v1/plugins/example").await).await;
    assert_eq!(shown["waiting"], json!({ "version": "1.2.0", "digest": digest(&widest) }));
    let (status, told) = world.change("POST", "/example/approve", of(&digest(&widest))).await;
    assert_eq!((status, told["version"].as_str()), (200, Some("1.2.0")));
    let (status, told) = world.change("POST", "/example/rollback", json!({ "reason": "too wide" })).await;
    assert_eq!((status, told["version"].as_str()), (200, Some("1.0.0")));
    let versions = json(world.get("/api/v1/plugins/example/versions").await).await;
    assert_json_snapshot!("version", versions["items"][0]);
    let page = json(world.get("/api/v1/plugins/example/events?limit=2").await).await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = json(world.get(&format!("/api/v1/plugins/example/events?cursor={cursor}")).await).await;
    let whats = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|event| event["what"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(whats(&page), ["rolled-back", "approved"]);
    assert_eq!(whats(&rest), ["waiting", "rejected", "waiting", "installed"]);
}

#[tokio::test]
async fn a_shadow_is_begun_promoted_and_dropped() {
    let world = World::new();
    world.with_example().await;
    let newer = package("example", "1.1.0", 1);
    let (status, told) = world.install(&newer, "?shadow_calls=5&shadow_differences=1").await;
    assert_eq!((status, told["approval"].as_str()), (202, Some("shadow")));
    let shown = json(world.get("/api/v1/plugins/example").await).await;
    assert_eq!((shown["shadow"]["calls"].as_u64(), shown["shadow"]["differences"].as_u64()), (Some(5), Some(1)));
    let (status, told) = world.change("POST", "/example/drop", json!({ "digest": "sha256:0" })).await;
    assert_eq!((status, told["code"].as_str()), (409, Some("not-now")), "another version was meant");
    let drop = json!({ "digest": digest(&newer), "reason": "no" });
    let (status, told) = world.change("POST", "/example/drop", drop.clone()).await;
    assert_eq!((status, &told["shadow"]), (200, &Value::Null));
    let (status, told) = world.change("POST", "/example/drop", drop).await;
    assert_eq!((status, told["code"].as_str()), (409, Some("not-now")));
    let rule = json!({ "digest": digest(&newer), "calls": 7 });
    assert_eq!(world.change("POST", "/example/shadow", rule).await.1["shadow"]["calls"], 7);
    let (status, told) = world.change("POST", "/example/promote", json!({ "digest": digest(&newer) })).await;
    assert_eq!((status, told["version"].as_str()), (200, Some("1.1.0")));
    let (status, told) = world.change("POST", "/example/shadow", json!({ "digest": "x", "calls": 0 })).await;
    assert_eq!((status, told["fields"][0]["at"].as_str()), (400, Some("/calls")));
    assert_eq!(world.install(&newer, "?shadow_differences=1").await.0, 400);
}

#[tokio::test]
async fn the_kill_switch_names_what_it_stopped_and_is_lifted_by_name() {
    let world = World::new();
    let running = world.with_example().await;
    let body = json!({ "digest": running, "reason": "it mines coins" });
    let (status, told) = world.change("POST", "/example/revoke", body).await;
    assert!(status == 200 && told["interrupted"].as_u64() >= Some(3), "{told}");
    assert_eq!(json(world.get("/api/v1/plugins/example").await).await["state"], "stopped");
    let (status, told) = world.install(&package("example", "1.0.0", 1), &format!("?consent={running}")).await;
    assert_eq!((status, told["code"].as_str()), (409, Some("revoked")));
    let key = format!("ed25519:{}", "b".repeat(64));
    let new = json!({ "target": { "key": key }, "reason": "stolen" });
    assert_eq!(world.change("POST", "/revocations", new).await.0, 200);
    let listed = json(world.get("/api/v1/plugins/revocations").await).await;
    assert_eq!(listed["items"][0]["target"], json!({ "digest": running }));
    assert_eq!(
        (&listed["items"][1]["target"], &listed["items"][1]["reason"]),
        (&json!({ "key": key }), &json!("stolen"))
    );
    let two = json!({ "plugin": "a", "digest": running });
    for bad in [json!({}), json!({ "key": "x" }), json!({ "digest": "sha256:9f2b" }), two] {
        let (status, told) = world.change("POST", "/revocations", json!({ "target": bad, "reason": "r" })).await;
        assert_eq!((status, told["fields"][0]["at"].as_str()), (400, Some("/target")), "{told}");
    }
    let lift = format!("/revocations?digest={running}");
    assert_eq!(world.change("DELETE", &lift, json!({})).await.0, 204);
    assert_eq!(world.change("DELETE", &lift, json!({})).await.0, 409);
    assert_eq!(world.change("POST", "/other/revoke", json!({ "reason": "r" })).await.0, 404);
}

#[tokio::test]
async fn it_is_switched_off_and_on_and_uninstalled() {
    let world = World::new();
    world.with_example().await;
    let (status, told) = world.change("POST", "/example/disable", json!({})).await;
    assert_eq!((status, told["enabled"].as_bool()), (200, Some(false)));
    assert_eq!(world.change("POST", "/example/enable", json!({})).await.1["enabled"], true);
    let (status, told) = world.change("DELETE", "/example", json!({})).await;
    assert_eq!(status, 400, "{told}");
    assert_eq!(world.change("DELETE", "/example?data=keep", json!({})).await.0, 204);
    let (status, told) = world.change("DELETE", "/example?data=keep", json!({})).await;
    assert_eq!((status, told["code"].as_str()), (404, Some("not-installed")));
    // What happened stays on record.
    assert_eq!(json(world.get("/api/v1/plugins/example/events").await).await["items"].as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn keys_of_publishers_are_shown_changed_and_forgotten() {
    let world = World::new();
    world.with_example().await;
    let key = |digit: &str| format!("ed25519:{}", digit.repeat(64));
    let put = async |name: &str, key: String| {
        world.change("PUT", &format!("/publishers/{name}"), json!({ "key": key })).await
    };
    assert_eq!(put("acme", key("B")).await.0, 204);
    let listed = json(world.get("/api/v1/plugins/publishers").await).await;
    let listed: Vec<(&str, &str, String)> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap();
            (text("publisher"), text("how"), text("key").to_owned())
        })
        .collect();
    assert_eq!(listed, [("acme", "pinned", key("b")), ("listed", "listed", key("c"))]);
    let (status, told) = put("acme", "secret".to_owned()).await;
    assert_eq!((status, told["fields"][0]["at"].as_str()), (400, Some("/key")));
    assert_eq!(put("listed", key("a")).await.1["code"], "not-now");
    assert_eq!(world.change("DELETE", "/publishers/acme", json!({})).await.0, 204);
}

#[tokio::test]
async fn a_package_comes_from_the_catalogue_by_name() {
    let world = World::new();
    let found = json(world.get("/api/v1/catalogue?query=example").await).await;
    assert_eq!(
        (&found["items"][0]["id"], &found["problems"][0]),
        (&json!("example"), &json!("reach the attic: it is dark"))
    );
    let versions = json(world.get("/api/v1/catalogue/example").await).await;
    assert_eq!(versions["items"], json!([{ "version": "1.0.0", "place": "the shelf" }]));
    let (status, told) = problem(world.get("/api/v1/catalogue/other").await).await;
    assert_eq!((status, told["code"].as_str()), (404, Some("not-in-catalogue")));
    let named = json!({ "id": "example", "version": "1.0.0" });
    let (status, shown) = world.change("POST", "/inspect", named.clone()).await;
    assert_eq!(status, 200, "{shown}");
    let consent = format!("?consent={}", shown["digest"].as_str().unwrap());
    assert_eq!(world.change("POST", &consent, named).await.0, 201);
    let versions = json(world.get("/api/v1/plugins/example/versions").await).await;
    assert_eq!(versions["items"][0]["source"], "the shelf/example:1.0.0");
}

#[tokio::test]
async fn what_is_no_package_is_refused_by_name() {
    let world = World::new();
    let response = world.ask("POST", "/api/v1/plugins/inspect", WASM, "\0asm").await;
    let (status, told) = problem(response).await;
    assert_eq!((status, told["code"].as_str()), (400, Some("malformed")));
    assert_eq!(problem(world.ask("POST", "/api/v1/plugins", "text/plain", "x").await).await.0, 415);
    let response = world.ask("POST", "/api/v1/plugins", WASM, vec![b' '; (32 << 20) + 1]).await;
    let (status, told) = problem(response).await;
    assert_eq!((status, told["code"].as_str()), (413, Some("too-large")));
    let mut unsigned: Value = serde_json::from_slice(&package("example", "1.0.0", 1)).unwrap();
    unsigned["seal"] = Value::Null;
    let (status, told) = world.install(unsigned.to_string().as_bytes(), "").await;
    assert_eq!((status, told["code"].as_str()), (400, Some("unsigned")), "{told}");
    // Everything else of the API takes no such bodies.
    let large = "x".repeat(2 << 20);
    assert_eq!(world.change("POST", "/example/approve", json!({ "digest": large })).await.0, 413);
}

#[tokio::test]
async fn a_connection_withholds_only_what_its_plugin_can_do() {
    let world = World::new();
    let patch = |withheld: Value| {
        let body = json!({ "grants": { "withheld": withheld } }).to_string();
        world.ask("PATCH", "/api/v1/connections/github-1", JSON, body)
    };
    for (key, why) in [("use mail", "nothing that the plugin can do"), ("see header x-event", "cannot be withheld")] {
        let (status, told) = problem(patch(json!([key])).await).await;
        assert_eq!((status, told["fields"][0]["at"].as_str()), (422, Some("/grants/withheld")), "{told}");
        let said = told["fields"][0]["problem"].as_str().unwrap();
        assert!(said.contains(key) && said.contains(why), "{said}");
    }
    assert_eq!(json(patch(json!(["use state"])).await).await["grants"]["withheld"], json!(["use state"]));
}
