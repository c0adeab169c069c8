//! Messages on their way in.

use super::{broker, name, read};
use crate::harness::{Client, Start, recorded};
use opssight_backends::kafka::rdkafka::config::ClientConfig;
use opssight_backends::kafka::rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use opssight_backends::kafka::rdkafka::producer::{FutureProducer, FutureRecord};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

/// Who writes into the topic.
struct Sender {
    producer: FutureProducer,
    topic: String,
}

impl Sender {
    fn to(topic: &str) -> Self {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", broker()).set("message.timeout.ms", "20000");
        Self { producer: config.create().expect("a producer"), topic: topic.to_owned() }
    }

    /// All into one partition, so that each stands behind the one before.
    async fn send(&self, headers: &[(&str, &str)], body: &[u8]) {
        let headers = headers
            .iter()
            .fold(OwnedHeaders::new(), |all, (key, value)| all.insert(Header { key, value: Some(*value) }));
        let record = FutureRecord::to(&self.topic).key("one").partition(0).payload(body).headers(headers);
        self.producer.send(record, Duration::from_secs(20)).await.expect("the broker takes it");
    }
}

fn on(data: &Path, topic: &str, nobody: &str, connection: &str) -> Start {
    let inlets = format!(
        "[{{topic = \"{topic}\", connection = \"{connection}\"}}, {{topic = \"{nobody}\", connection = \"con_nobody\"}}]"
    );
    Start::on(data)
        .env("OPSSIGHT_BUS__URL", &format!("kafka://{}", broker()))
        .env("OPSSIGHT_BUS__PUBLISH", "false")
        .env("OPSSIGHT_BUS__REPLICAS", "1")
        .env("OPSSIGHT_BUS__INLETS", &inlets)
        .env("OPSSIGHT_HOOKS__BODY_LIMIT", "100000")
}

fn header(message: &OwnedMessage, wanted: &str) -> String {
    let headers = message.headers().expect("headers");
    let found = headers.iter().find(|header| header.key == wanted);
    String::from_utf8(found.expect("the header").value.expect("a value").to_vec()).expect("text")
}

/// The ids in the delivery log, once there are so many.
async fn ids(client: &Client, count: usize, log: impl Fn() -> String) -> BTreeSet<String> {
    // The broker of the tests takes up to half a minute for each member that joins a group.
    let deadline = Instant::now() + Duration::from_secs(150);
    loop {
        let rows = client.all("/api/v1/deliveries").await;
        let ids: BTreeSet<String> =
            rows.iter().map(|row| row["delivery_id"].as_str().expect("an id").to_owned()).collect();
        assert_eq!(ids.len(), rows.len(), "a delivery is in the log twice");
        if ids.len() >= count {
            return ids;
        }
        assert!(Instant::now() < deadline, "{} of {count}: {}", ids.len(), log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_messages_are_deliveries_once_and_what_cannot_be_taken_is_put_aside() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let (topic, nobody) = (name("ci"), name("nobody"));
    let first = Start::on(&data).start();
    let admin = first.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&first, &admin).await;
    let (connection, _) = client.connect_github("acme").await;
    assert_eq!(first.terminate(), 0);

    let host = on(&data, &topic, &nobody, &connection.id).start();
    let client = client.moved_to(&host);
    let sender = Sender::to(&topic);
    let mut expected = BTreeSet::new();
    let some: Vec<_> = recorded().into_iter().filter(|one| one.body.len() < 90_000).take(40).collect();
    for one in &some {
        let headers = [("X-GitHub-Event", one.event.as_str()), ("X-GitHub-Delivery", one.id.as_str())];
        sender.send(&headers, &one.body).await;
        expected.insert(one.id.clone());
        // Every fourth twice, as a sender does that did not hear the answer.
        if expected.len() % 4 == 0 {
            sender.send(&headers, &one.body).await;
        }
    }
    // What nobody can take, and good ones behind it.
    let event = [("X-GitHub-Event", some[0].event.as_str())];
    let cloud = [("content-type", "application/cloudevents+json"), event[0]];
    sender.send(&cloud, b"{\"specversion\":").await;
    sender.send(&event, b"").await;
    sender.send(&event, &vec![b' '; 100_001]).await;
    let body = String::from_utf8(some[0].body.clone()).expect("text");
    let structured =
        format!("{{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"/ci\",\"type\":\"t\",\"data\":{body}}}");
    sender.send(&cloud, structured.as_bytes()).await;
    sender.send(&cloud, structured.as_bytes()).await;
    expected.insert("ce:/ci 7".to_owned());
    Sender::to(&nobody).send(&event, b"{}").await;

    assert_eq!(ids(&client, expected.len(), || host.log()).await, expected);
    client.settled().await;
    for row in client.all("/api/v1/deliveries").await {
        assert!(matches!(row["state"].as_str(), Some("done" | "ignored")), "{row}");
    }
    let aside = read(&broker(), &format!("{topic}.dlq"), 3);
    let codes: BTreeSet<String> = aside.iter().map(|message| header(message, "opssight-code")).collect();
    assert_eq!(codes, BTreeSet::from(["body-too-large", "no-body", "unreadable"].map(str::to_owned)));
    for message in &aside {
        assert_eq!(
            (header(message, "opssight-topic"), header(message, "X-GitHub-Event")),
            (topic.clone(), some[0].event.clone())
        );
        assert!(!header(message, "opssight-reason").is_empty() && message.key() == Some(&b"one"[..]));
        let expected = match header(message, "opssight-code").as_str() {
            "unreadable" => 15,
            "body-too-large" => 100_001,
            _ => 0,
        };
        assert_eq!(message.payload().unwrap_or_default().len(), expected, "it is kept as it was");
    }
    let aside = read(&broker(), &format!("{nobody}.dlq"), 1);
    assert_eq!(header(&aside[0], "opssight-code"), "unknown-connection");

    // Killed, and started again: what came before does not come again, what came meanwhile does.
    host.kill();
    sender.send(&event, body.as_bytes()).await;
    let host = on(&data, &topic, &nobody, &connection.id).start();
    let client = client.moved_to(&host);
    let all = ids(&client, expected.len() + 1, || host.log()).await;
    let new: Vec<&String> = all.difference(&expected).collect();
    assert!(matches!(new.as_slice(), [id] if id.starts_with(&format!("kafka:{topic}/0/"))), "{new:?}");
    assert_eq!(host.terminate(), 0);
}

/// What the guide says of reading a topic again: another group, and where it begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_is_read_again_by_another_group_and_what_is_known_is_not_taken_twice() {
    let dir = tempfile::tempdir().expect("a folder");
    let topic = name("again");
    let sender = Sender::to(&topic);
    let connected = async |data: &Path| {
        let host = Start::on(data).start();
        let admin = host.admin_secret.clone().expect("a first start shows the secret");
        let client = Client::sign_in(&host, &admin).await;
        let (connection, _) = client.connect_github("acme").await;
        assert_eq!(host.terminate(), 0);
        (client, connection.id)
    };
    let inlet = |data: &Path, connection: &str, more: &str| {
        let inlets = format!("[{{topic = \"{topic}\", connection = \"{connection}\"{more}}}]");
        on(data, &topic, "unused", connection).env("OPSSIGHT_BUS__INLETS", &inlets)
    };
    let one = recorded().into_iter().find(|one| one.body.len() < 90_000).expect("a small one");
    let (data, lost) = (dir.path().join("data"), dir.path().join("lost"));
    let (client, connection) = connected(&data).await;
    let host = inlet(&data, &connection, "").start();
    let client = client.moved_to(&host);
    let mut expected = BTreeSet::new();
    for n in 0..6 {
        let id = format!("delivery-{n}");
        sender.send(&[("X-GitHub-Event", one.event.as_str()), ("X-GitHub-Delivery", &id)], &one.body).await;
        expected.insert(id);
    }
    assert_eq!(ids(&client, 6, || host.log()).await, expected);
    assert_eq!(host.terminate(), 0);

    // A host that still knows them all takes what is new alone; what it read is in the figures.
    let host = inlet(&data, &connection, &format!(", group = \"again.{topic}\", start = \"offset:2\"")).start();
    let client = client.moved_to(&host);
    let read_again = format!("opssight_bus_messages_total{{link=\"deliveries from {topic}\"}} 4");
    super::outgoing::figures(&client, &read_again).await;
    assert_eq!(ids(&client, 6, || host.log()).await, expected);
    assert_eq!(host.terminate(), 0);

    // One that lost its store has those from there on.
    let (client, connection) = connected(&lost).await;
    let host = inlet(&lost, &connection, &format!(", group = \"lost.{topic}\", start = \"offset:4\"")).start();
    let client = client.moved_to(&host);
    let expected = BTreeSet::from(["delivery-4", "delivery-5"].map(str::to_owned));
    assert_eq!(ids(&client, 2, || host.log()).await, expected);
    assert_eq!(host.terminate(), 0);
}
