//! On a real broker.

use super::reader::{check, read};
use super::{Mortal, broker, drain, happen, options, relay, topic};
use crate::ports;
use opssight_backends::kafka::{KafkaLogin, KafkaOptions, KafkaSink, KafkaTls, KafkaTopic};
use opssight_core::events::{Again, BATCH, EventSink, Relay, RelayError, Relays, Step};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// CloudEvents 1.0, section "Context Attributes", and its JSON format.
fn is_cloud_event(event: &Value) {
    let text = |name: &str| event[name].as_str().unwrap_or_else(|| panic!("no {name} in {event}"));
    assert_eq!(text("specversion"), "1.0");
    for name in ["id", "source", "type", "subject", "datacontenttype", "partitionkey", "sequence"] {
        assert!(!text(name).is_empty());
    }
    for name in event.as_object().unwrap().keys() {
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) && name.len() <= 20, "{name}");
    }
    assert!(text("source").parse::<url::Url>().is_ok(), "{event}");
    assert!(text("time").ends_with('Z') && text("time").contains('T'), "{event}");
    assert!(text("type").starts_with("dev.cdevents.") || text("type").starts_with("dev.opssight."));
    assert!(event["data"].is_object());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_arrive_as_cloud_events_and_those_of_a_key_in_order() {
    let (ports, topic) = (ports::sqlite().await, topic("order"));
    happen(&ports, "r", 400).await;
    let relay = relay(&ports, options(&broker()), &topic);
    relay.sink.look().await.unwrap();
    assert_eq!(drain(&relay).await, 800);
    let found = read(&broker(), &topic.name, 800);
    assert_eq!(check(&found, 800), 0, "nothing failed, so nothing is there twice");
    for one in &found {
        is_cloud_event(&one.event);
        assert_eq!(one.content_type, "application/cloudevents+json; charset=UTF-8");
        assert_eq!(one.event["subject"], one.key.as_str());
        assert_eq!(one.event["source"], "https://ops.example.com/connections/c");
    }
    assert!(found.iter().map(|one| one.partition).max() > Some(0), "keys are spread");
    // Again, from somewhere: the same events under the same ids.
    assert_eq!(ports.relays.rewind("kafka", Again::Seq(701)).await.unwrap().events, 100);
    assert_eq!(drain(&relay).await, 100);
    let found = read(&broker(), &topic.name, 800);
    assert_eq!(check(&found, 800), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_a_relay_that_is_killed_before_it_keeps_its_place_repeats_a_batch_and_loses_nothing() {
    let (ports, topic) = (ports::sqlite().await, topic("killed"));
    happen(&ports, "r", 600).await;
    let relays: Arc<dyn Relays> = Arc::new(Mortal { relays: Arc::clone(&ports.relays), deaths: AtomicU32::new(2) });
    let mut killed = 0;
    loop {
        // Each time another process.
        let relay = Relay { relays: Arc::clone(&relays), ..relay(&ports, options(&broker()), &topic) };
        let mut turn = None;
        let end = loop {
            match relay.step(&mut turn).await {
                Ok(Step::Relayed(_)) => {}
                end => break end,
            }
        };
        match end {
            Ok(step) => {
                assert_eq!(step, Step::Idle);
                break;
            }
            Err(RelayError::Store(_)) => killed += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(killed, 2);
    let found = read(&broker(), &topic.name, 1200);
    assert_eq!(check(&found, 1200), 1000, "the batch of each that was killed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_that_take_the_turn_from_each_other_leave_no_gap_and_change_no_order() {
    let (ports, topic) = (ports::sqlite().await, topic("two"));
    happen(&ports, "a", 200).await;
    // On SQLite whoever asks gets the turn: each of the two is cut off again and again in the middle of a batch.
    let (one, other) = (relay(&ports, options(&broker()), &topic), relay(&ports, options(&broker()), &topic));
    let more = async {
        for n in 0..5 {
            happen(&ports, &format!("b{n}-"), 40).await;
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    };
    let restless = async |relay: &Relay| {
        let (mut relayed, mut lost) = (0, 0);
        for _ in 0..30 {
            // A turn that is forgotten is asked for anew.
            match relay.step(&mut None).await.unwrap() {
                Step::Relayed(events) => relayed += events,
                Step::Lost => lost += 1,
                Step::Idle | Step::Elsewhere => {}
            }
        }
        (relayed, lost)
    };
    let ((), one_did, other_did) = tokio::join!(more, restless(&one), restless(&other));
    let relayed = one_did.0 + other_did.0 + drain(&one).await;
    assert_eq!(relayed, 800, "the place moved over each event once");
    let lost = one_did.1 + other_did.1;
    let found = read(&broker(), &topic.name, 800);
    let twice = check(&found, 800);
    // Whoever lost the turn had sent a batch, which the next one sent as well.
    assert!((lost..=lost * BATCH as usize).contains(&twice), "{twice} in {lost} batches");
    assert_eq!(ports.relays.waiting("kafka").await.unwrap(), 0);
}

async fn refused(options: KafkaOptions, topic: KafkaTopic) -> String {
    KafkaSink::new(options, topic, String::new()).look().await.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_is_said_with_how_to_mend_it() {
    let broker = broker();
    let impatient = |brokers: &str| KafkaOptions { patience: Duration::from_secs(4), ..options(brokers) };
    let nobody = refused(impatient("127.0.0.1:9"), topic("nobody")).await;
    assert!(nobody.contains("no broker answers at 127.0.0.1:9"), "{nobody}");
    let missing = KafkaTopic { create: false, ..topic("missing") };
    let said = refused(impatient(&broker), missing.clone()).await;
    let command = format!("kafka-topics.sh --bootstrap-server {broker} --create --topic {}", missing.name);
    assert!(said.contains(&command), "{said}");
    let tls = KafkaOptions { tls: Some(KafkaTls::default()), ..impatient(&broker) };
    let said = refused(tls, topic("tls")).await;
    assert!(said.contains("TLS") && said.contains("bus.tls"), "{said}");
    let login = KafkaLogin { mechanism: "PLAIN", username: "ada".to_owned(), password: "s3cret".to_owned().into() };
    let sasl = KafkaOptions { login: Some(login), ..impatient(&broker) };
    let shown = format!("{sasl:?}");
    let said = refused(sasl, topic("sasl")).await;
    assert!(!said.contains("s3cret") && !shown.contains("s3cret"), "{said} {shown}");
}
