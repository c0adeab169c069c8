//! The live stream: what is applied is told, and a listener that was away is told what it missed.

use crate::harness::{Client, Start, recorded};
use crate::replay::play;
use futures::StreamExt;
use std::time::Duration;

/// Ids and types of the first `count` events of the stream.
async fn events(client: &Client, after: Option<&str>, count: usize) -> Vec<(String, String)> {
    let mut request = client.request(reqwest::Method::GET, "/api/v1/live");
    if let Some(after) = after {
        request = request.header("last-event-id", after);
    }
    let mut stream = request.send().await.expect("the stream").bytes_stream();
    let (mut text, mut seen) = (String::new(), Vec::new());
    let read = async {
        while seen.len() < count {
            text += &String::from_utf8_lossy(&stream.next().await.expect("more").expect("bytes"));
            while let Some(end) = text.find("\n\n") {
                let block: String = text.drain(..end + 2).collect();
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if let (Some(id), Some(data)) = (field("id:"), field("data:")) {
                    let event: serde_json::Value = serde_json::from_str(data).expect("JSON");
                    if let Some(kind) = event["type"].as_str() {
                        seen.push((id.to_owned(), kind.to_owned()));
                    }
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), read).await.expect("the events come");
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_comes_back_misses_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let host = Start::on(&data).start();
    let client = Client::sign_in(&host, &host.admin_secret.clone().expect("a secret")).await;
    let (connection, secret) = client.connect_github("acme").await;
    let runs: Vec<_> = recorded().into_iter().filter(|one| one.event.starts_with("workflow_")).collect();
    play(&client, &connection.id, &secret, &runs).await;

    let all = events(&client, Some("0"), 8).await;
    assert!(all.iter().any(|(_, kind)| kind.starts_with("dev.cdevents.pipelinerun.")), "{all:?}");
    let mut places: Vec<i64> = all.iter().map(|(id, _)| id.parse().expect("a number")).collect();
    assert!(places.is_sorted());
    places.dedup();
    assert_eq!(places.len(), all.len(), "a place was used twice");

    // Away for a restart, then on from the third event.
    host.kill();
    let host = Start::on(&data).start();
    let client = client.moved_to(&host);
    let (third, rest) = (all[2].0.clone(), all[3..].to_vec());
    assert_eq!(events(&client, Some(&third), rest.len()).await, rest);
}
