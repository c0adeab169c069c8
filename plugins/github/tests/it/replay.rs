//! Recorded calls of the shipped component, made again offline.

use crate::examples;
use crate::github::run;
use crate::sandbox::github;
use opssight_testkit::plugins::PageRequest;
use opssight_testkit::{CassetteMode, Response, TestHost, build_plugin, replays, tokio};
use serde_json::{Value, json};

fn page() -> PageRequest {
    PageRequest { cursor: None, limit: 1000 }
}

/// Everything of the document but what the machine decides.
fn without_usage(document: &str) -> Value {
    let mut document: Value = serde_json::from_str(document).unwrap();
    document.as_object_mut().unwrap().remove("usage");
    document
}

#[tokio::test]
async fn a_delivery_is_the_same_again_byte_for_byte() {
    let folder = tempfile();
    let host = github().await;
    let example = examples::of("workflow_run").into_iter().next().unwrap();
    let body = serde_json::to_vec(&example.payload).unwrap();
    let host = host.cassette(folder.join("delivery.json"), CassetteMode::Record).unwrap();
    let reception = host.receive(&[("x-github-event", "workflow_run")], body).await.unwrap();
    assert!(!reception.items.is_empty());
    let record = host.records().remove(0);
    let (runtime, _) = host.runtime();
    let package = build_plugin("opssight-plugin-github").unwrap();
    let replayed = runtime.replay(&record, opssight_testkit::Subject::Package(&package)).await.unwrap();
    assert_eq!(replayed.in_words(), Vec::<String>::new());
    let (then, now) = (record.document(), replayed.record.document());
    assert_eq!(without_usage(&then), without_usage(&now));
    assert_eq!(replays(&package, &folder).unwrap(), 1);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_pull_over_several_pages_is_the_same_again_without_github() {
    let folder = tempfile();
    let path = folder.join("runs.json");
    let entries: Vec<Value> = (0..150).map(|n| run(n, 1_767_225_540_000, "success")).collect();
    let host = github().await.settings(json!({ "repositories": ["o/r"] })).handler(move |request| {
        let body = |entries: &[Value]| json!({ "total_count": 150, "workflow_runs": entries }).to_string();
        if request.path.contains("&page=2") {
            return Response::new(200, &[], body(&entries[100..]));
        }
        let next = format!("<{{base_url}}{}&page=2>; rel=\"next\"", request.path);
        Response::new(200, &[("link", &next), ("etag", "\"v1\"")], body(&entries[..100]))
    });
    let host = host.cassette(&path, CassetteMode::Record).unwrap();
    let live = host.pull("runs", None, page()).await.unwrap();
    assert_eq!((live.items.len(), host.requests().len()), (150, 2));
    drop(host);
    let document = std::fs::read_to_string(&path).unwrap();
    assert!(!document.contains("c4n4ry"), "a secret is on the cassette");
    let package = build_plugin("opssight-plugin-github").unwrap();
    let offline = TestHost::new(&package).await.unwrap().cassette(&path, CassetteMode::Replay).unwrap();
    let again = offline.pull("runs", None, page()).await.unwrap();
    assert_eq!((&again.items, &again.checkpoint), (&live.items, &live.checkpoint));
    assert!(offline.state().contains_key("runs/o/r"));
    assert!(offline.requests().is_empty());
    assert_eq!(replays(&package, &folder).unwrap(), 1);
    std::fs::remove_dir_all(folder).unwrap();
}

/// A folder of this test's own.
fn tempfile() -> std::path::PathBuf {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let folder =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("replay-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
