//! Over TLS, and with a name and a password: what works, and what an operator reads where it does not.

use super::broker::Broker;
use super::door::{Door, Vouched};
use super::sasl::User;
use super::taker::Taker;
use super::{drain, happen, options, relay, topic};
use crate::ports;
use opssight_backends::kafka::{
    InletStart, KafkaLogin, KafkaOptions, KafkaSink, KafkaTls, KafkaTopic, TopicCheckup, check_up,
};
use opssight_core::events::EventSink;
use std::time::Duration;

const PASSWORD: &str = "s3cret-s3cret";

fn impatient(brokers: &str) -> KafkaOptions {
    KafkaOptions { patience: Duration::from_secs(3), ..options(brokers) }
}

fn over_tls(brokers: &str, vouched: Option<&Vouched>) -> KafkaOptions {
    KafkaOptions { tls: Some(KafkaTls { ca_file: vouched.map(Vouched::ca_file) }), ..impatient(brokers) }
}

fn signing_in(options: KafkaOptions, mechanism: &'static str, name: &str, password: &str) -> KafkaOptions {
    let login = KafkaLogin { mechanism, username: name.to_owned(), password: password.to_owned().into() };
    KafkaOptions { login: Some(login), ..options }
}

/// Whoever looks hears the same as whoever works.
async fn refused(options: &KafkaOptions, says: &[&str]) {
    let topic = topic("refused");
    let sink = KafkaSink::new(options.clone(), topic.clone(), String::new());
    let (looked, worked) = tokio::join!(check_up(options, std::slice::from_ref(&topic)), sink.look());
    for said in [looked.unwrap_err().to_string(), worked.unwrap_err().to_string()] {
        for says in says {
            assert!(said.contains(says), "not `{says}`: {said}");
        }
        assert!(!said.contains(PASSWORD) && !said.contains("ssl.ca.location"), "{said}");
    }
}

/// Events go out, and come in again.
async fn works(options: &KafkaOptions) {
    let options = KafkaOptions { patience: Duration::from_secs(10), ..options.clone() };
    let (ports, topic) = (ports::sqlite().await, KafkaTopic { partitions: 1, ..topic("works") });
    happen(&ports, "r", 5).await;
    let relay = relay(&ports, options.clone(), &topic);
    assert_eq!(drain(&relay).await, 10);
    assert_eq!(check_up(&options, std::slice::from_ref(&topic)).await.unwrap(), [TopicCheckup::Found(1)]);
    let taker = Taker::start(&ports, &options, &topic, "c", InletStart::Oldest).await;
    taker.took(&ports, 10).await;
    taker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_spoken_with_a_broker_that_an_authority_of_ones_own_vouches_for() {
    let vouched = Vouched::for_host("127.0.0.1");
    let door = Door::open(Some(&vouched), &[]).await;
    works(&over_tls(&door.address(), Some(&vouched))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_that_cannot_be_spoken_says_why() {
    let (vouched, other) = (Vouched::for_host("127.0.0.1"), Vouched::for_host("127.0.0.1"));
    let door = Door::open(Some(&vouched), &[]).await;
    let address = door.address();
    refused(&over_tls(&address, None), &["its certificate is not believed; bus.ca_file names the authority"]).await;
    let other_file = other.ca_file().display().to_string();
    refused(&over_tls(&address, Some(&other)), &["its certificate is not believed", &other_file]).await;
    refused(&impatient(&address), &["no broker answers", "without TLS (bus.tls)"]).await;
    let elsewhere = Vouched::for_host("kafka.example.com");
    let door = Door::open(Some(&elsewhere), &[]).await;
    refused(
        &over_tls(&door.address(), Some(&elsewhere)),
        &["its certificate is not believed", "for the host names in bus.url"],
    )
    .await;
    let plain = Broker::start();
    refused(&over_tls(&plain.address(), Some(&vouched)), &["does it speak TLS there, as bus.tls says"]).await;
    let mut no_file = over_tls(&address, None);
    no_file.tls = Some(KafkaTls { ca_file: Some("/no/such/file.pem".into()) });
    refused(&no_file, &["read the authorities to trust from /no/such/file.pem", "correct bus.ca_file"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_signs_in_by_each_mechanism_with_and_without_tls() {
    let users = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"].map(|mechanism| User {
        mechanism,
        name: "ada",
        password: PASSWORD,
    });
    let vouched = Vouched::for_host("127.0.0.1");
    let secured = Door::open(Some(&vouched), &users).await;
    let each = users.each_ref().map(async |User { mechanism, .. }| {
        let sure = over_tls(&secured.address(), Some(&vouched));
        works(&signing_in(sure.clone(), mechanism, "ada", PASSWORD)).await;
        refused(&signing_in(sure.clone(), mechanism, "ada", "wrong"), &["bus.password"]).await;
        refused(&signing_in(sure, mechanism, "eve", PASSWORD), &["bus.username"]).await;
    });
    futures::future::join_all(each).await;
    let open = Door::open(None, &users[..1]).await;
    works(&signing_in(options(&open.address()), "PLAIN", "ada", PASSWORD)).await;
    refused(
        &signing_in(impatient(&open.address()), "SCRAM-SHA-512", "ada", PASSWORD),
        &["it offers PLAIN, and not what bus.sasl says"],
    )
    .await;
    refused(&impatient(&open.address()), &["no broker answers", "and password (bus.sasl)"]).await;
}

/// The broker of the tests knows SCRAM and keeps no users: what it says to a stranger is a real broker's word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_does_not_know_the_user_is_understood() {
    let broker = Broker::start_that_asks_who();
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
        let stranger = signing_in(impatient(&broker.address()), mechanism, "ada", PASSWORD);
        refused(&stranger, &["bus.username, bus.password"]).await;
    }
    let plain = signing_in(impatient(&broker.address()), "PLAIN", "ada", PASSWORD);
    refused(&plain, &["it does not offer what bus.sasl says"]).await;
}
