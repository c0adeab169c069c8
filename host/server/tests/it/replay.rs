//! The same deliveries twice, or in another order, end in the same read model.

use crate::harness::{Client, Host, Recorded, Start, deliver, recorded};
use futures::StreamExt;
use std::path::Path;

/// What every list of the API says, without what names this host's connection or the time of arrival.
pub(crate) async fn read_model(client: &Client, connection: &str) -> String {
    let mut text = String::new();
    for path in ["/api/v1/runs", "/api/v1/deployments", "/api/v1/changes"] {
        let mut rows: Vec<String> = Vec::new();
        for row in client.all(path).await {
            let mut row = row.to_string();
            if path == "/api/v1/runs" {
                let id = serde_json::from_str::<serde_json::Value>(&row).expect("JSON")["id"].clone();
                let detail = client.get(&format!("/api/v1/runs/{}", id.as_str().expect("an id"))).await;
                row += &format!(" {} {} {}", detail["jobs"], detail["critical_path"], detail["failure"]);
            }
            rows.push(row.replace(connection, "<connection>"));
        }
        // Ids follow from the connection's; what they stand for is in the row.
        rows.sort();
        text += &format!("{path}: {}\n{}\n", rows.len(), rows.join("\n"));
    }
    text
}

/// Send them all, eight at a time, and wait until they are processed.
pub(crate) async fn play(client: &Client, connection: &str, secret: &str, deliveries: &[Recorded]) {
    let sent = futures::stream::iter(deliveries)
        .map(|one| async move {
            let answer = deliver(&client.http, &client.url, connection, secret, one).send().await.expect("an answer");
            assert_eq!(answer.status(), 202, "{}", one.id);
        })
        .buffer_unordered(8);
    sent.collect::<Vec<()>>().await;
    client.settled().await;
}

async fn started(dir: &Path) -> (Host, Client) {
    let host = Start::on(dir).start();
    let secret = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &secret).await;
    (host, client)
}

/// A fixed shuffle: the same every time, and far from sorted.
fn shuffled(deliveries: &[Recorded]) -> Vec<Recorded> {
    let mut order: Vec<(u64, Recorded)> = deliveries
        .iter()
        .enumerate()
        .map(|(i, one)| ((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(17), one.clone()))
        .collect();
    order.sort_by_key(|(key, _)| *key);
    order.into_iter().map(|(_, one)| one).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twice_and_shuffled_end_in_the_same_read_model() {
    let dir = tempfile::tempdir().expect("a folder");
    let deliveries = recorded();
    let (host, client) = started(&dir.path().join("one")).await;
    let (connection, secret) = client.connect_github("acme").await;
    play(&client, &connection.id, &secret, &deliveries).await;
    let once = read_model(&client, &connection.id).await;
    assert!(once.contains("/api/v1/runs: "), "{once}");
    assert!(!once.contains("/api/v1/runs: 0"), "no run was read: {once}");

    // The same ids again: refused as duplicates. Other ids for the same bodies: applied, and nothing changes.
    play(&client, &connection.id, &secret, &deliveries).await;
    let again: Vec<Recorded> =
        deliveries.iter().map(|one| Recorded { id: format!("{}-again", one.id), ..one.clone() }).collect();
    play(&client, &connection.id, &secret, &again).await;
    assert_eq!(read_model(&client, &connection.id).await, once);
    assert_eq!(host.terminate(), 0);

    let (_host, client) = started(&dir.path().join("two")).await;
    let (connection, secret) = client.connect_github("acme").await;
    play(&client, &connection.id, &secret, &shuffled(&deliveries)).await;
    let other = read_model(&client, &connection.id).await;
    assert_eq!(without_ids(&other), without_ids(&once));
}

/// Ids follow from the connection's id, which is random: two hosts agree on everything but them.
pub(crate) fn without_ids(text: &str) -> String {
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            let mut out = String::new();
            let mut rest = line;
            while let Some((before, after)) = ["run_", "job_", "dep_", "chg_"]
                .iter()
                .filter_map(|prefix| rest.find(&format!("\"{prefix}")).map(|at| (at, *prefix)))
                .min()
                .map(|(at, prefix)| rest.split_at(at + 1 + prefix.len()))
            {
                out += before;
                rest = after.trim_start_matches(|c: char| c.is_ascii_hexdigit());
            }
            out + rest
        })
        .collect();
    lines.sort();
    lines.join("\n")
}
