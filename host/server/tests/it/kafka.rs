//! Kafka at the edge of the whole host: events on their way out while the broker comes and goes, and messages on their
//! way in.

mod incoming;
mod outgoing;

use opssight_backends::kafka::rdkafka::config::ClientConfig;
use opssight_backends::kafka::rdkafka::consumer::{BaseConsumer, Consumer};
use opssight_backends::kafka::rdkafka::message::{Message, OwnedMessage};
use opssight_backends::kafka::rdkafka::{Offset, TopicPartitionList};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

#[expect(clippy::disallowed_methods, reason = "`cargo xtask test` says where its broker is")]
pub(crate) fn given(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set: `cargo xtask test` starts a broker and sets it; for one test, run `cargo xtask services` \
             beside it and set what that prints"
        )
    })
}

/// The broker that all tests share.
pub(crate) fn broker() -> String {
    given("OPSSIGHT_TEST_KAFKA")
}

/// A broker of a test's own, to be killed. What was in its topics goes with it.
struct Broker {
    program: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Broker {
    fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let mut broker = Self { program: given("OPSSIGHT_TEST_KAFKA_BROKER").into(), port, child: None };
        broker.start_again();
        broker
    }

    fn start_again(&mut self) {
        let address = format!("tcp://{}", self.address());
        let child = Command::new(&self.program)
            .args(["broker", "--listener-url", &address, "--advertised-listener-url", &address])
            .args(["--storage-engine", "memory://tansu/"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the broker starts");
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(Instant::now() < deadline, "the broker does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("SIGKILL");
            child.wait().expect("its end");
        }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A name that no other test has.
pub(crate) fn name(of: &str) -> String {
    let now = std::time::UNIX_EPOCH.elapsed().expect("a time").as_micros();
    format!("{of}.{}.{now}", std::process::id())
}

/// What is in a topic, partition by partition in order; waits until there are so many.
fn read(brokers: &str, topic: &str, at_least: usize) -> Vec<OwnedMessage> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers).set("group.id", "a-reader").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create().expect("a consumer");
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut all = TopicPartitionList::new();
    while all.count() == 0 {
        assert!(Instant::now() < deadline, "there is no topic {topic}");
        let metadata = consumer.fetch_metadata(None, Duration::from_secs(10)).expect("an answer");
        for found in metadata.topics().iter().filter(|found| found.name() == topic) {
            for partition in found.partitions() {
                all.add_partition_offset(topic, partition.id(), Offset::Beginning).expect("a partition");
            }
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    consumer.assign(&all).expect("taken");
    let (mut found, mut quiet) = (Vec::new(), 0);
    while found.len() < at_least || quiet < 3 {
        assert!(Instant::now() < deadline, "{} of {at_least} messages are in {topic}", found.len());
        match consumer.poll(Duration::from_millis(200)) {
            None => quiet += 1,
            Some(message) => {
                quiet = 0;
                let message = message.expect("a message").detach();
                assert_eq!(message.topic(), topic);
                found.push(message);
            }
        }
    }
    found
}
