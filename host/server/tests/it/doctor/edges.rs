//! What stands beside a host: Redis, Kafka, the store of the metrics, Vault.

use super::doubles::{redis, web};
use super::{House, SECRET};
use crate::redis::{Redis, free_port};
use crate::s3::{BUCKET, KEY, S3, SECRET as S3_SECRET};
use crate::secrets::{ask_vault, vault};
use serde_json::json;
use std::io::Write;

#[test]
fn a_redis_is_found_to_be_well_or_what_is_wrong_with_it() {
    let server = Redis::start();
    let on = |address: String| House::new().with("CACHE__URL", address);
    let found = on(server.address("r1ght-r1ght")).doctor();
    found.nothing_is_failing();
    assert!(found.is("ok", "redis").contains("Redis 7"), "{}", found.all);
    assert_eq!(found.is("ok", "redis clock"), "the same time as here");

    let wrong = on(server.address(SECRET));
    wrong.is_refused_as_found("redis", "the user or the password is wrong; correct them in cache.url");
    // A start goes on without one that is away.
    let found = on(format!("redis://:{SECRET}@127.0.0.1:{}", free_port())).doctor();
    assert!(found.is("failing", "redis").contains("nobody answers there"), "{}", found.all);
    assert!(found.fix("redis").contains("a host starts all the same"), "{}", found.all);

    let mut inline = std::net::TcpStream::connect(("127.0.0.1", server.port)).expect("it answers");
    inline.write_all(b"AUTH r1ght-r1ght\r\nCONFIG SET maxmemory 104857600\r\n").expect("said");
    let mut answer = [0; 10];
    std::io::Read::read_exact(&mut inline, &mut answer).expect("an answer");
    assert_eq!(&answer, b"+OK\r\n+OK\r\n");
    let found = on(server.address("r1ght-r1ght")).doctor();
    assert!(found.is("warning", "redis memory").contains("100.0 MiB are full"), "{}", found.all);
    assert!(found.fix("redis memory").contains("allkeys-lru"), "{}", found.all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_too_old_or_lives_in_another_time_is_found() {
    let on = |port: u16| House::new().with("CACHE__URL", format!("redis://127.0.0.1:{port}"));
    on(redis("5.0.14", 0).await).is_refused_as_found("redis", "it is version 5.0.14; OpsSight needs Redis 6 or later");
    let found = on(redis("7.0.15", 3600).await).doctor();
    assert_eq!(found.code, 0, "only Redis goes by its clock: {}", found.all);
    assert!(found.is("warning", "redis clock").contains("ahead of this machine's"), "{}", found.all);
    assert!(found.is("ok", "redis").contains("7.0.15"));
}

#[cfg(feature = "kafka")]
async fn make(topic: &str, partitions: i32) {
    use opssight_backends::kafka::rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
    use opssight_backends::kafka::rdkafka::client::DefaultClientContext;
    use opssight_backends::kafka::rdkafka::config::ClientConfig;
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", crate::kafka::broker());
    let admin: AdminClient<DefaultClientContext> = config.create().expect("a client");
    let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let made = admin.create_topics([&topic], &AdminOptions::new()).await.expect("an answer");
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}

#[cfg(feature = "kafka")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_that_are_not_there_are_named_and_not_made() {
    use crate::kafka::{broker, name};
    let (events, inlet) = (name("doctor.events"), name("doctor.ci"));
    let on = |create: &str, address: &str| {
        House::new()
            .with("BUS__URL", format!("kafka://{address}"))
            .with("BUS__TOPIC", events.as_str())
            .with("BUS__TIMEOUT_SECS", "5")
            .with("BUS__CREATE_TOPICS", create)
            .with("BUS__INLETS", format!("[{{ topic = \"{inlet}\", connection = \"github-0\" }}]"))
    };
    let check = |topic: &str| format!("kafka {topic}");
    let found = on("true", &broker()).doctor();
    found.nothing_is_failing();
    for topic in [events.clone(), inlet.clone(), format!("{inlet}.dlq")] {
        assert!(found.is("ok", &check(&topic)).contains("the host makes it"), "{}", found.all);
    }
    // Looking made none of them.
    let found = on("false", &broker()).doctor();
    for topic in [&events, &inlet] {
        let detail = found.is("failing", &check(topic));
        assert!(detail.contains("kafka-topics.sh") && detail.contains(topic.as_str()), "{detail}");
    }
    make(&events, 3).await;
    assert_eq!(on("true", &broker()).doctor().is("ok", &check(&events)), "3 partitions");
    let found = on("true", &format!("127.0.0.1:{}", free_port())).doctor();
    assert!(found.is("failing", "kafka").contains("no broker answers at"), "{}", found.all);
    let found = on("true", &broker()).with("BUS__TLS", "true").doctor();
    assert!(found.is("failing", "kafka").contains("bus.tls"), "{}", found.all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "`cargo xtask test` says where its server is")]
async fn a_store_of_metrics_is_found_to_be_well_or_what_is_wrong_with_it() {
    let on = |address: &str| House::new().with("METRICS__URL", address);
    let real = std::env::var("OPSSIGHT_TEST_VICTORIA").expect("OPSSIGHT_TEST_VICTORIA is not set");
    let found = on(&real).doctor();
    found.nothing_is_failing();
    assert!(found.is("ok", "metrics").contains("takes points and answers"), "{}", found.all);

    let found = on(&format!("http://ops:{SECRET}@127.0.0.1:{}", free_port())).doctor();
    assert!(found.is("failing", "metrics").contains("nobody answers there; is it running"), "{}", found.all);
    let refuses = web(401, "no").await;
    let found = on(&format!("http://ops:{SECRET}@127.0.0.1:{refuses}")).doctor();
    assert!(
        found.is("failing", "metrics").contains("correct what stands before the `@` in metrics.url"),
        "{}",
        found.all
    );
    let found = on(&format!("influxdb+http://{SECRET}@127.0.0.1:{refuses}/acme/ops")).doctor();
    assert!(found.is("failing", "metrics").contains("it does not let us in"), "{}", found.all);
    let found = on(&format!("http://127.0.0.1:{}", web(404, "no receiver here").await)).doctor();
    let detail = found.is("failing", "metrics");
    assert!(detail.contains("see the end of metrics.url") && detail.contains("no receiver here"), "{detail}");
}

/// With the token in the environment.
fn on_vault(address: &str, key: Option<&str>, token: &str) -> House {
    let mut house = House::new().with("SECRETS__VAULT__ADDRESS", format!("http://{address}"));
    if let Some(key) = key {
        house = house.with("SECRETS__KEY", format!("vault+http://{address}/{key}"));
    }
    house.envs.push(("VAULT_TOKEN".to_owned(), token.to_owned()));
    house
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_is_found_to_be_well_or_what_is_wrong_with_it() {
    let ((address, token), mount) = (vault(), format!("transit-doctor{}", std::process::id()));
    ask_vault(&format!("sys/mounts/{mount}"), json!({ "type": "transit" })).await;
    ask_vault(&format!("{mount}/keys/opssight"), json!({})).await;
    let key = format!("{mount}/opssight");

    let house = on_vault(&address, Some(&key), &token).started_once();
    let found = house.doctor();
    found.nothing_is_failing();
    assert!(found.is("ok", "vault").contains("unsealed; the token does not end"), "{}", found.all);
    assert!(found.is("ok", "vault key").contains(&format!("{key}, version 1")), "{}", found.all);
    assert_eq!(found.is("ok", "master keys"), "open what is sealed in the store");
    assert!(!found.all.contains(&token));

    let found = on_vault(&address, Some(&format!("{mount}/another")), &token).doctor();
    assert!(found.is("failing", "vault key").contains("there is nothing there"), "{}", found.all);
    assert!(found.fix("vault key").contains("vault write -f transit/keys/NAME"), "{}", found.all);
    let found = on_vault(&address, Some(&format!("{mount}/another")), &token).doctor();
    assert!(found.is("failing", "vault key").contains("there is nothing there"), "looking made no key");

    let house = on_vault(&address, Some(&key), SECRET);
    let found = house.doctor();
    assert!(found.is("failing", "vault").contains("permission denied; is the token still valid"), "{}", found.all);
    assert!(house.refused().contains("permission denied; is the token still valid"));

    let nobody = format!("127.0.0.1:{}", free_port());
    let house = on_vault(&nobody, Some(&key), SECRET);
    let found = house.doctor();
    assert!(found.is("failing", "vault").contains("nobody answers there"), "{}", found.all);
    assert!(house.refused().contains("nobody answers there"));
    let sealed = web(200, r#"{"initialized":true,"sealed":true,"version":"1.19.0"}"#).await;
    let found = on_vault(&format!("127.0.0.1:{sealed}"), None, SECRET).doctor();
    assert!(found.is("failing", "vault").contains("it is sealed; unseal it"), "{}", found.all);
    let page = web(200, "<html>").await;
    let found = on_vault(&format!("127.0.0.1:{page}"), None, SECRET).doctor();
    assert!(found.is("failing", "vault").contains("is no Vault"), "{}", found.all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_packages_that_hosts_share_can_be_reached_or_it_is_said_why_not() {
    let mut s3 = S3::start().await;
    let port = s3.port;
    let on = |bucket: &str, secret: &str| {
        let url = format!("s3://{bucket}/prod?region=eu-central-1&endpoint=http://127.0.0.1:{port}");
        let mut house = House::new().with("BLOBS__URL", url);
        house.envs.extend(
            [("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", secret)]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        house
    };
    let before = s3.files().len();
    let found = on(BUCKET, S3_SECRET).doctor();
    found.nothing_is_failing();
    assert!(found.is("ok", "blobs").contains(BUCKET), "{}", found.all);
    assert_eq!(s3.files().len(), before, "looking left something there");
    for (house, why) in
        [(on(BUCKET, SECRET), "AWS_SECRET_ACCESS_KEY"), (on("another-bucket", S3_SECRET), "another-bucket")]
    {
        let found = house.doctor();
        assert!(found.is("failing", "blobs").contains(why), "{}", found.all);
        // A start also writes there, and says so.
        let refused = house.refused();
        assert!(refused.contains(why), "{refused}");
    }
    s3.stop().await;
    let found = on(BUCKET, S3_SECRET).doctor();
    found.is("failing", "blobs");
    assert!(found.fix("blobs").contains("a host starts all the same"), "{}", found.all);
}
