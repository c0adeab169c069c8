//! Events on their way out.

use super::broker::Broker;
use super::read;
use crate::harness::{Client, Host, Recorded, Start, deliver, recorded};
use opssight_backends::kafka::rdkafka::message::{Message, OwnedMessage};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const TOPIC: &str = "opssight.events";

fn on(data: &Path, broker: &Broker) -> Start {
    Start::on(data)
        .env("OPSSIGHT_BUS__URL", &format!("kafka://{}", broker.address()))
        .env("OPSSIGHT_BUS__TIMEOUT_SECS", "2")
        .env("OPSSIGHT_BUS__REPLICAS", "1")
}

/// What readiness says of a part.
async fn detail(client: &Client, part: &str) -> String {
    let answer = client.http.get(format!("{}/readyz", client.url)).send().await.expect("an answer");
    assert!(answer.status().is_success(), "the host works on whatever Kafka does: {}", answer.status());
    let health: Value = answer.json().await.expect("JSON");
    assert!(!health.to_string().contains("127.0.0.1"), "anybody may read it: {health}");
    let checks = health["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["name"].as_str().is_some_and(|name| name.starts_with(part)));
    check.unwrap_or_else(|| panic!("{health}"))["detail"].as_str().expect("a detail").to_owned()
}

/// Events that are in the log.
async fn logged(client: &Client) -> usize {
    let said = detail(client, "store").await;
    said.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("{said}"))
}

async fn until(client: &Client, host: &Host, what: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let said = detail(client, "events to").await;
        if said.contains(what) {
            return;
        }
        assert!(Instant::now() < deadline, "not `{what}` but `{said}`: {}", host.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What Prometheus reads, once this is in it: figures are some seconds old.
pub(super) async fn figures(client: &Client, expected: &str) {
    // The broker of the tests takes up to half a minute for each member that joins a group.
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let answer = client.request(reqwest::Method::GET, "/metrics").send().await.expect("an answer");
        let figures = answer.text().await.expect("text");
        if figures.contains(expected) {
            return;
        }
        assert!(Instant::now() < deadline, "not {expected}: {figures}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn accepted(client: &Client, connection: &str, secret: &str, some: &[Recorded]) {
    for one in some {
        let answer = deliver(&client.http, &client.url, connection, secret, one).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 202, "{}", one.id);
    }
    client.settled().await;
}

/// The place in the log.
fn seq(message: &OwnedMessage) -> usize {
    let event: Value = serde_json::from_slice(message.payload().expect("a body")).expect("JSON");
    event["id"].as_str().expect("an id").parse().expect("a number")
}

#[derive(Default)]
struct Seen {
    all: BTreeSet<usize>,
    newest: HashMap<String, usize>,
    twice: usize,
}

impl Seen {
    /// Those of a key come in order, as far as they are seen for the first time.
    fn take(&mut self, messages: &[OwnedMessage]) {
        for message in messages {
            let seq = seq(message);
            if !self.all.insert(seq) {
                self.twice += 1;
                continue;
            }
            let key = String::from_utf8_lossy(message.key().expect("a key")).into_owned();
            let before = self.newest.insert(key, seq).unwrap_or(0);
            assert!(before < seq, "{seq} was overtaken by {before}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_a_broker_that_is_killed_and_started_again_misses_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let mut broker = Broker::start();
    let host = on(&data, &broker).start();
    let admin = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &admin).await;
    let (connection, secret) = client.connect_github("acme").await;
    let examples = recorded();
    let mut parts = examples.chunks(examples.len().div_ceil(4));
    let mut next = || parts.next().expect("a part");
    let mut seen = Seen::default();

    accepted(&client, &connection.id, &secret, next()).await;
    let first = logged(&client).await;
    until(&client, &host, &format!("{first} since")).await;
    seen.take(&read(&broker.address(), TOPIC, first));
    assert_eq!((seen.all.len(), seen.twice), (first, 0));
    // Away: everything else goes on, and it is said.
    broker.kill();
    accepted(&client, &connection.id, &secret, next()).await;
    assert!(logged(&client).await > first, "something happened meanwhile");
    until(&client, &host, "away: tried again").await;
    assert!(host.log().contains("no broker answers"), "the reason is in the log: {}", host.log());
    // Killed while it is away, as well.
    host.kill();
    let host = on(&data, &broker).start();
    let client = client.moved_to(&host);
    accepted(&client, &connection.id, &secret, next()).await;
    until(&client, &host, "away: tried again").await;
    broker.start_again();
    accepted(&client, &connection.id, &secret, next()).await;
    let all = logged(&client).await;
    until(&client, &host, "since").await;
    seen.take(&read(&broker.address(), TOPIC, all - first));
    assert_eq!(seen.all, (1..=all).collect(), "a gap");
    let log = host.log();
    let said = log.matches("it does not work for now").count();
    assert!((1..=8).contains(&said), "it is said when it begins, not all the time ({said} times): {log}");
    figures(&client, "opssight_bus_up{link=\"events to opssight.events\"} 1").await;
    figures(&client, "opssight_bus_waiting_events{link=\"events to opssight.events\"} 0").await;
    figures(&client, "opssight_bus_up{link=\"metrics\"} 1").await;
    // The guide's command: from the first event on, under the same ids.
    assert_eq!(host.terminate(), 0);
    let replay = Command::new(env!("CARGO_BIN_EXE_opssight"))
        .args(["events", "replay", "--to", "kafka", "--from-seq", "1", "--data"])
        .arg(&data)
        .env("OPSSIGHT_BUS__URL", format!("kafka://{}", broker.address()))
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&replay.stdout).into_owned() + &String::from_utf8_lossy(&replay.stderr);
    assert!(replay.status.success() && said.contains(&format!("hands on {all} events again")), "{said}");
    let host = on(&data, &broker).start();
    let client = client.moved_to(&host);
    until(&client, &host, &format!("{all} since")).await;
    let again: BTreeSet<usize> = read(&broker.address(), TOPIC, 2 * all - first).iter().map(seq).collect();
    assert_eq!(again, (1..=all).collect());
}

#[tokio::test]
async fn a_password_for_kafka_is_shown_to_nobody() {
    let shown = Command::new(env!("CARGO_BIN_EXE_opssight"))
        .args(["config", "show"])
        .env("OPSSIGHT_BUS__URL", "kafka://broker:9092")
        .env("OPSSIGHT_BUS__SASL", "scram-sha-512")
        .env("OPSSIGHT_BUS__USERNAME", "opssight")
        .env("OPSSIGHT_BUS__PASSWORD", "s3cret-s3cret")
        .output()
        .expect("the binary runs");
    let text = String::from_utf8_lossy(&shown.stdout).into_owned() + &String::from_utf8_lossy(&shown.stderr);
    assert!(shown.status.success() && text.contains("***") && !text.contains("s3cret"), "{text}");
}
