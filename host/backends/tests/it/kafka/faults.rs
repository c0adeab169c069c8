//! On a cluster that fails as it is told.

use super::reader::{check, read};
use super::{drain, happen, options, relay, topic};
use crate::ports::{self, at};
use opssight_backends::kafka::rdkafka::mocking::MockCluster;
use opssight_backends::kafka::rdkafka::producer::DefaultProducerContext;
use opssight_backends::kafka::rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use opssight_backends::kafka::{KafkaOptions, KafkaSink};
use opssight_core::events::{Event, EventSink, Handed, RelayError, Step};
use serde_json::json;
use std::time::{Duration, Instant};

/// One broker.
fn cluster() -> (MockCluster<'static, DefaultProducerContext>, KafkaOptions) {
    let cluster = MockCluster::new(1).unwrap();
    let options = KafkaOptions { patience: Duration::from_secs(2), ..options(&cluster.bootstrap_servers()) };
    (cluster, options)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_was_away_gets_everything_once_it_is_back() {
    let (cluster, options) = cluster();
    let (ports, topic) = (ports::sqlite().await, topic("away"));
    cluster.create_topic(&topic.name, 3, 1).unwrap();
    let relay = relay(&ports, options.clone(), &topic);
    happen(&ports, "a", 50).await;
    assert_eq!(drain(&relay).await, 100);
    for round in 0..2 {
        cluster.broker_down(1).unwrap();
        happen(&ports, &format!("b{round}-"), 50).await;
        let begun = Instant::now();
        let mut turn = None;
        for _ in 0..2 {
            match relay.step(&mut turn).await {
                Err(RelayError::Sink { error, .. }) => assert!(error.0.contains("no broker answers"), "{error}"),
                other => panic!("{other:?}"),
            }
            assert_eq!(turn, None, "another process may try");
        }
        assert!(begun.elapsed() < Duration::from_secs(15), "it does not hang: {:?}", begun.elapsed());
        assert_eq!(ports.relays.waiting("kafka").await.unwrap(), 100);
        cluster.broker_up(1).unwrap();
        assert_eq!(drain(&relay).await, 100);
    }
    check(&read(&options.brokers, &topic.name, 300), 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_of_the_cluster_are_outlived_or_said() {
    let (cluster, options) = cluster();
    let (ports, topic) = (ports::sqlite().await, topic("errors"));
    cluster.create_topic(&topic.name, 3, 1).unwrap();
    let relay = relay(&ports, options.clone(), &topic);
    happen(&ports, "a", 50).await;
    // What passes is outlived without a word.
    let passing = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    ];
    cluster.request_errors(RDKafkaApiKey::Produce, &passing);
    assert_eq!(drain(&relay).await, 100);
    // What does not is said, and nothing is skipped.
    happen(&ports, "b", 50).await;
    let lasting = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 3];
    cluster.request_errors(RDKafkaApiKey::Produce, &lasting);
    let Err(RelayError::Sink { error, .. }) = relay.step(&mut None).await else { panic!("it was refused") };
    assert!(error.0.contains("the user is not allowed to"), "{error}");
    cluster.clear_request_errors(RDKafkaApiKey::Produce);
    drain(&relay).await;
    check(&read(&options.brokers, &topic.name, 200), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_comes_too_late_costs_a_repetition_and_no_order() {
    let (cluster, options) = cluster();
    let (ports, topic) = (ports::sqlite().await, topic("late"));
    cluster.create_topic(&topic.name, 3, 1).unwrap();
    let relay = relay(&ports, options.clone(), &topic);
    happen(&ports, "a", 20).await;
    assert_eq!(drain(&relay).await, 40);
    happen(&ports, "b", 30).await;
    // The broker has them; that it has them is heard by nobody.
    cluster.broker_round_trip_time(1, Duration::from_secs(4)).unwrap();
    assert!(matches!(relay.step(&mut None).await, Err(RelayError::Sink { .. })));
    cluster.broker_round_trip_time(1, Duration::ZERO).unwrap();
    let mut turn = None;
    let deadline = Instant::now() + Duration::from_secs(20);
    while !matches!(relay.step(&mut turn).await, Ok(Step::Idle)) {
        assert!(Instant::now() < deadline, "it does not come back");
    }
    check(&read(&options.brokers, &topic.name, 100), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_large_an_event_may_be_is_for_the_topic_to_say() {
    let (cluster, options) = cluster();
    let topic = topic("large");
    cluster.create_topic(&topic.name, 3, 1).unwrap();
    let sink = KafkaSink::new(options, topic, String::new());
    let event = Event {
        seq: 1,
        kind: "dev.opssight.test.0.1.0".to_owned(),
        connection: "c".into(),
        subject: "run_1".to_owned(),
        at: at(0),
        // More than the client library's own limit.
        data: json!({"title": "x".repeat(1_500_000)}),
    };
    assert_eq!(sink.hand_over(&[event]).await, Handed { kept: 1, failed: None });
}
