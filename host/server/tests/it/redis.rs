//! The whole host beside a Redis: several hosts with one limit, a Redis that goes away and comes back, and one that
//! cannot be used.

use crate::harness::{Client, Host, Recorded, Start, deliver, recorded};
use crate::postgres::{database, on};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const RATE: f64 = 5.0;
const BURST: usize = 20;
/// As long as an empty bucket takes to be full, and a little more.
const REFILLED: Duration = Duration::from_millis(4_300);

/// A Redis of the test's own.
pub(crate) struct Redis {
    child: Child,
    pub(crate) port: u16,
    folder: tempfile::TempDir,
}

impl Redis {
    pub(crate) fn start() -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().expect("a folder");
        let child = spawn(port, folder.path());
        Self { child, port, folder }
    }

    pub(crate) fn address(&self, password: &str) -> String {
        format!("redis://:{password}@127.0.0.1:{}/0", self.port)
    }

    fn kill(&mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("its end");
    }

    fn restart(&mut self) {
        self.child = spawn(self.port, self.folder.path());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|bound| bound.local_addr()).expect("a port").port()
}

fn spawn(port: u16, folder: &Path) -> Child {
    let child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--requirepass", "r1ght-r1ght"])
        .arg("--dir")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server starts: `cargo xtask test` installs it");
    let deadline = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        assert!(Instant::now() < deadline, "redis-server does not answer");
        std::thread::sleep(Duration::from_millis(20));
    }
    child
}

/// Two hosts, and somebody who sends to both.
struct Hosts {
    clients: [Client; 2],
    connection: String,
    secret: String,
    example: Recorded,
    sent: std::cell::Cell<usize>,
}

impl Hosts {
    /// Send so many to each at once; how many each accepted, and how long it took.
    async fn send(&self, each: usize) -> ([usize; 2], Duration) {
        let begun = Instant::now();
        let mut all = Vec::new();
        for n in 0..each * 2 {
            let sent = self.sent.replace(self.sent.get() + 1);
            let one = Recorded { id: format!("delivery-{sent}"), ..self.example.clone() };
            let client = &self.clients[n % 2];
            let request = deliver(&client.http, &client.url, &self.connection, &self.secret, &one);
            all.push(async move {
                let answer = request.send().await.expect("an answer");
                let status = answer.status().as_u16();
                assert!(status != 429 || answer.headers().contains_key("retry-after"), "it says when to come again");
                assert!(matches!(status, 202 | 429), "{status}");
                (n % 2, status == 202)
            });
        }
        let mut accepted = [0, 0];
        for (host, was) in futures::future::join_all(all).await {
            accepted[host] += usize::from(was);
        }
        (accepted, begun.elapsed())
    }

    async fn until_gauge(&self, value: &str, hosts: &[Host]) {
        let deadline = Instant::now() + Duration::from_secs(20);
        for client in &self.clients {
            loop {
                let metrics = client.request(reqwest::Method::GET, "/metrics").send().await.expect("an answer");
                let metrics = metrics.text().await.expect("text");
                if metrics.lines().any(|line| line == format!("opssight_redis_up {value}")) {
                    break;
                }
                assert!(Instant::now() < deadline, "opssight_redis_up is not {value}: {}", hosts[0].log());
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    async fn readiness(&self) -> Vec<String> {
        let mut said = Vec::new();
        for client in &self.clients {
            let health = client.get("/readyz").await;
            let checks = health["checks"].as_array().expect("checks");
            let redis = checks.iter().find(|check| check["name"] == "redis").expect("a check of Redis");
            assert_eq!(redis["status"], "ok", "it never keeps a host from its work");
            said.push(redis["detail"].as_str().expect("text").to_owned());
        }
        said
    }
}

fn most(passed: Duration) -> usize {
    BURST + (RATE * passed.as_secs_f64()).ceil() as usize
}

async fn two_hosts(data: &Path, redis: &Redis) -> (Hosts, Vec<Host>) {
    let database = database("redis").await;
    let start = || {
        on(data, &database)
            .env("OPSSIGHT_CACHE__URL", &redis.address("r1ght-r1ght"))
            // What is counted here must not depend on how busy the machine is.
            .env("OPSSIGHT_CACHE__WAIT_MS", "2000")
            .env("OPSSIGHT_HOOKS__RATE_PER_SECOND", "5")
            .env("OPSSIGHT_HOOKS__BURST", "20")
            .start()
    };
    let first = start();
    let secret = first.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&first, &secret).await;
    let (connection, secret) = client.connect_github("acme").await;
    let second = start();
    let example = recorded().into_iter().find(|one| one.event == "push").expect("a push");
    let clients = [client.moved_to(&first), client.moved_to(&second)];
    let hosts = Hosts { clients, connection: connection.id, secret, example, sent: std::cell::Cell::new(0) };
    (hosts, vec![first, second])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hosts_share_one_limit_and_each_keeps_its_own_while_redis_is_away() {
    let (dir, mut redis) = (tempfile::tempdir().expect("a folder"), Redis::start());
    let (hosts, running) = two_hosts(&dir.path().join("data"), &redis).await;
    assert_eq!(hosts.readiness().await, ["in use"; 2]);

    let ([one, other], passed) = hosts.send(30).await;
    assert!((BURST..=most(passed)).contains(&(one + other)), "{one} and {other} in {passed:?}");

    // Redis is killed while deliveries come: each of them is answered as ever.
    tokio::time::sleep(REFILLED).await;
    let killed = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        redis.kill();
    };
    let (_, ()) = tokio::join!(hosts.send(10), killed);
    hosts.until_gauge("0", &running).await;
    assert_eq!(hosts.readiness().await, ["away: this host has limits of its own"; 2]);
    tokio::time::sleep(REFILLED).await;
    let (apart, passed) = hosts.send(30).await;
    for accepted in apart {
        assert!((BURST..=most(passed)).contains(&accepted), "each by its own rule: {apart:?} in {passed:?}");
    }

    redis.restart();
    hosts.until_gauge("1", &running).await;
    assert_eq!(hosts.readiness().await, ["in use"; 2]);
    tokio::time::sleep(REFILLED).await;
    let ([one, other], passed) = hosts.send(30).await;
    assert!((BURST..=most(passed)).contains(&(one + other)), "{one} and {other} in {passed:?}");

    // Both write to one log: each of them says it once.
    let log = running[0].log();
    assert_eq!(log.matches("Redis is away").count(), 2, "{log}");
    assert_eq!(log.matches("Redis is back").count(), 2, "{log}");
    assert!(!log.contains("r1ght"), "{log}");
    hosts.clients[0].settled().await;
    let kept = hosts.clients[0].all("/api/v1/deliveries").await;
    assert!(kept.iter().all(|delivery| matches!(delivery["state"].as_str(), Some("done" | "ignored"))));
}

#[test]
fn a_redis_that_cannot_be_used_stops_the_start_and_one_that_is_away_does_not() {
    let (dir, redis) = (tempfile::tempdir().expect("a folder"), Redis::start());
    let data = dir.path().join("data");
    let run = |address: &str, arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_opssight"))
            .args(arguments)
            .env("OPSSIGHT_CACHE__URL", address)
            .output()
            .expect("the binary runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(!said.contains("wr0ng"), "{said}");
        (output.status.success(), said)
    };
    let folder = data.to_string_lossy().into_owned();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data", folder.as_str()];
    let (started, said) = run(&redis.address("wr0ng-wr0ng"), &serve);
    assert!(!started && said.contains("the user or the password is wrong; correct them in cache.url"), "{said}");
    let (started, said) = run("memcached://:wr0ng-wr0ng@127.0.0.1", &serve);
    assert!(!started && said.contains("cache.url: must look like redis://"), "{said}");
    let (_, shown) = run(&redis.address("wr0ng-wr0ng"), &["config", "show"]);
    assert!(shown.contains("redis://:***@127.0.0.1"), "{shown}");

    let away = format!("redis://:wr0ng-wr0ng@127.0.0.1:{}", free_port());
    let host = Start::on(&data).env("OPSSIGHT_CACHE__URL", &away).start();
    let log = host.log();
    assert!(log.contains("Redis is away") && log.contains("nobody answers there") && !log.contains("wr0ng"), "{log}");
    assert_eq!(host.terminate(), 0);
}
