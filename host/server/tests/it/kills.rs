//! D1, D2: killed at random moments, the host loses no accepted delivery and applies none twice. `cargo xtask crash`
//! kills more often and more cruelly; here the read model is compared with that of a host that nobody killed.

use crate::harness::{Client, Host, Recorded, Start, deliver, recorded};
use crate::replay::{play, read_model};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// How often the host is killed.
const KILLS: u32 = 40;

async fn first_start(dir: &Path) -> (Host, Client) {
    let host = Start::on(dir).start();
    let secret = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &secret).await;
    (host, client)
}

/// Send one after the other until the host is gone; the ids that were accepted.
pub(crate) async fn send_until_dead(
    client: Client,
    connection: String,
    secret: String,
    queue: Vec<Recorded>,
) -> Vec<String> {
    let mut accepted = Vec::new();
    for one in queue {
        match deliver(&client.http, &client.url, &connection, &secret, &one).send().await {
            Ok(answer) if answer.status() == 202 => accepted.push(one.id),
            Ok(answer) => panic!("{}: {}", one.id, answer.status()),
            Err(_) => break,
        }
    }
    accepted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_d2_forty_kills_lose_nothing_and_double_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let examples = recorded();

    let (host, client) = first_start(&data).await;
    let (connection, secret) = client.connect_github("acme").await;
    host.kill();

    let mut accepted: BTreeSet<String> = BTreeSet::new();
    let mut sent = 0_usize;
    // A fixed sequence: a run that fails can be repeated.
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for kill in 0..KILLS {
        let host = Start::on(&data).start();
        let client = client.moved_to(&host);
        // Every round goes on through the examples under new ids, so that each of them is being worked on at some kill.
        let queue: Vec<Recorded> = (0..examples.len())
            .map(|i| {
                let one = &examples[(sent + i) % examples.len()];
                Recorded { id: format!("{}-{kill}", one.id), ..one.clone() }
            })
            .collect();
        let sender = tokio::spawn(send_until_dead(client, connection.id.clone(), secret.clone(), queue));
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        tokio::time::sleep(Duration::from_millis(random % 120)).await;
        host.kill();
        let round = sender.await.expect("the sender ends");
        sent += round.len();
        accepted.extend(round);
    }
    assert!(accepted.len() > KILLS as usize, "only {} deliveries were accepted", accepted.len());

    let host = Start::on(&data).start();
    let client = client.moved_to(&host);
    client.settled().await;
    let log = client.all("/api/v1/deliveries").await;
    let mut logged: Vec<&str> = log.iter().filter_map(|delivery| delivery["delivery_id"].as_str()).collect();
    let entries = logged.len();
    logged.sort_unstable();
    logged.dedup();
    assert_eq!(entries, logged.len(), "a delivery is in the log twice");
    let lost: Vec<&String> = accepted.iter().filter(|id| logged.binary_search(&id.as_str()).is_err()).collect();
    assert!(lost.is_empty(), "accepted and lost: {lost:?}");
    for delivery in &log {
        let state = delivery["state"].as_str().expect("a state");
        assert!(state == "done" || state == "ignored", "{delivery}");
    }

    // Every example was worked on around some kill: had any been lost in part, or applied wrongly, this host would
    // differ from one that was never killed.
    let played = |one: &Recorded| accepted.iter().any(|id| id.rsplit_once('-').is_some_and(|(id, _)| id == one.id));
    let missing: Vec<Recorded> = examples.iter().filter(|one| !played(one)).cloned().collect();
    assert!(missing.len() < examples.len() / 2, "only {} examples were played", examples.len() - missing.len());
    play(&client, &connection.id, &secret, &missing).await;
    let killed = read_model(&client, &connection.id).await;
    assert!(!killed.contains("/api/v1/runs: 0"), "{killed}");
    drop(host);
    let fresh = Fresh::start(dir.path()).await;
    play(&fresh.client, &fresh.connection, &fresh.secret, &examples).await;
    let calm = read_model(&fresh.client, &fresh.connection).await;
    assert_eq!(crate::replay::without_ids(&killed), crate::replay::without_ids(&calm));
}

/// A host that nobody kills.
struct Fresh {
    client: Client,
    connection: String,
    secret: String,
    _host: Host,
}

impl Fresh {
    async fn start(dir: &Path) -> Fresh {
        let (host, client) = first_start(&dir.join("fresh")).await;
        let (connection, secret) = client.connect_github("acme").await;
        Fresh { client, connection: connection.id, secret, _host: host }
    }
}
