//! Several processes on one PostgreSQL, each with a part of the work.

use crate::harness::{Client, Host, Recorded, deliver, recorded};
use crate::lifecycle::guest::{Does, package};
use crate::postgres::{database, on};
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::RwLock;

/// Where a cluster's processes find what they share.
struct Place {
    data: PathBuf,
    database: PgConnectOptions,
    plugins: Option<PathBuf>,
}

impl Place {
    fn start(&self, role: &str) -> Host {
        let start = on(&self.data, &self.database)
            .env("OPSSIGHT_SERVER__ROLES", &format!("{:?}", role.split(',').collect::<Vec<_>>()))
            .env("OPSSIGHT_SERVER__LEAVE_SECS", "1");
        match &self.plugins {
            Some(plugins) => start.with_plugins(plugins).start(),
            None => start.start(),
        }
    }
}

async fn place(dir: &Path, name: &str) -> Place {
    Place { data: dir.join("data"), database: database(name).await, plugins: None }
}

async fn answer(client: &Client, method: reqwest::Method, path: &str) -> (u16, Value) {
    let answer = client.request(method, path).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_process_does_its_part_and_says_who_does_the_others() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = place(dir.path(), "roles").await;
    let api = place.start("api");
    let client = Client::sign_in(&api, &api.admin_secret.clone().expect("a first start shows the secret")).await;
    let (connection, secret) = client.connect_github("acme").await;
    let ingest = place.start("ingest");
    let one = &recorded()[0];
    let hook = format!("/hooks/{}", connection.id);

    let (status, told) = answer(&client, reqwest::Method::POST, &hook).await;
    assert_eq!((status, told["title"].as_str().is_some()), (421, true), "{told}");
    assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("`ingest`")), "{told}");
    let sent = deliver(&client.http, &ingest.url, &connection.id, &secret, one).send().await.expect("an answer");
    assert_eq!(sent.status(), 202);
    let waits = client.get("/api/v1/deliveries").await;
    assert_eq!(waits["items"][0]["state"], "pending", "nobody works on it yet: {waits}");

    let worker = place.start("worker,metrics");
    client.settled().await;
    let done = client.get("/api/v1/deliveries").await;
    assert!(matches!(done["items"][0]["state"].as_str(), Some("done" | "ignored")), "{done}");

    for (host, does) in [(&api, "api"), (&ingest, "ingest"), (&worker, "worker, metrics")] {
        let ready = client.moved_to(host).get("/readyz").await.to_string();
        assert!(ready.contains(&format!("does {does}\"")), "{ready}");
        // Whoever collects figures needs them of each.
        let figures = client.moved_to(host).request(reqwest::Method::GET, "/metrics").send().await.expect("an answer");
        assert_eq!(figures.status(), 200, "{does}");
    }
    for host in [&ingest, &worker] {
        for path in ["/", "/api/v1/connections", "/api/v1/me"] {
            let (status, told) = answer(&client.moved_to(host), reqwest::Method::GET, path).await;
            assert_eq!(status, 421, "{path}: {told}");
            assert!(told["detail"].as_str().is_some_and(|detail| detail.contains("`api`")), "{told}");
        }
    }
    let (status, told) = answer(&client.moved_to(&worker), reqwest::Method::POST, &hook).await;
    assert_eq!(status, 421, "{told}");
}

/// Sends deliveries as a load balancer does: to a process that says that it is ready.
async fn balance(
    client: Client,
    hosts: Arc<RwLock<Vec<String>>>,
    to: (String, String),
    until: Arc<AtomicBool>,
) -> usize {
    let examples = recorded();
    let mut sent = 0;
    while !until.load(Ordering::SeqCst) {
        let hosts = hosts.read().await.clone();
        let at = &hosts[sent % hosts.len()];
        let ready = client.http.get(format!("{at}/readyz")).send().await;
        if !ready.is_ok_and(|ready| ready.status().is_success()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        let one = &examples[sent % examples.len()];
        let one = Recorded { id: format!("{}-{sent}", one.id), ..one.clone() };
        let answer = deliver(&client.http, at, &to.0, &to.1, &one).send().await;
        let answer = answer.unwrap_or_else(|error| panic!("delivery {sent}: {error}"));
        assert_eq!(answer.status(), 202, "delivery {sent}");
        sent += 1;
    }
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_nothing_doubles_nothing_and_refuses_nobody() {
    let dir = tempfile::tempdir().expect("a folder");
    let place = Arc::new(place(dir.path(), "rolling").await);
    let mut api = place.start("api");
    let client = Client::sign_in(&api, &api.admin_secret.clone().expect("a first start shows the secret")).await;
    let (connection, secret) = client.connect_github("acme").await;
    let mut ingest = vec![place.start("ingest"), place.start("ingest")];
    let mut workers = vec![place.start("worker"), place.start("worker,metrics")];
    let urls = Arc::new(RwLock::new(ingest.iter().map(|host| host.url.clone()).collect::<Vec<_>>()));
    let until = Arc::new(AtomicBool::new(false));
    let to = (connection.id.clone(), secret);
    let stream = tokio::spawn(balance(client.moved_to(&api), Arc::clone(&urls), to, Arc::clone(&until)));

    let end = async |host: Host| tokio::task::spawn_blocking(move || host.terminate()).await.expect("it ends");
    for _ in 0..2 {
        let before = ingest.remove(0);
        let next = place.start("ingest");
        urls.write().await.push(next.url.clone());
        ingest.push(next);
        let url = before.url.clone();
        assert_eq!(end(before).await, 0);
        urls.write().await.retain(|known| *known != url);
    }
    for _ in 0..2 {
        let before = workers.remove(0);
        workers.push(place.start("worker,metrics"));
        assert_eq!(end(before).await, 0);
    }
    let before = std::mem::replace(&mut api, place.start("api"));
    assert_eq!(end(before).await, 0);
    until.store(true, Ordering::SeqCst);
    let sent = stream.await.expect("the sender ends");

    let client = client.moved_to(&api);
    client.settled().await;
    let log = client.all("/api/v1/deliveries").await;
    assert_eq!(log.len(), sent, "deliveries were lost or doubled");
    assert!(sent > 50, "only {sent} deliveries were sent");
    for delivery in &log {
        assert!(matches!(delivery["state"].as_str(), Some("done" | "ignored")), "{delivery}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_installed_in_one_process_runs_in_another_that_was_there_before() {
    let dir = tempfile::tempdir().expect("a folder");
    let none = dir.path().join("none");
    std::fs::create_dir_all(&none).expect("a folder");
    let place = Place { plugins: Some(none), ..place(dir.path(), "installs").await };
    let api = place.start("api,ingest");
    let client = Client::sign_in(&api, &api.admin_secret.clone().expect("a first start shows the secret")).await;
    let worker = place.start("worker");
    assert_eq!(client.install(&package("1.0.0", 1, Does::Say), true).await.0, 201);
    let (connection, secret) = client.connect_example("demo").await;
    for (n, version) in ["1.0.0", "1.1.0"].into_iter().enumerate() {
        if n > 0 {
            let (status, told) = client.install(&package(version, 1, Does::Say), false).await;
            assert_eq!(told["approval"], "active", "{status} {told}");
        }
        let one = Recorded { event: "push".to_owned(), id: format!("d-{n}"), body: b"{}".to_vec() };
        let sent = deliver(&client.http, &api.url, &connection, &secret, &one).send().await.expect("an answer");
        assert_eq!(sent.status(), 202);
        client.all_settled().await;
        let log = client.get("/api/v1/deliveries?limit=1").await;
        assert_eq!(log["items"][0]["note"], format!("by {version}"), "{log}\n{}", worker.log());
    }
    // And what is revoked in one is called by none.
    let reason = serde_json::json!({ "reason": "bad" });
    let (status, told) = client.plugin("POST", "/example/revoke", reason).await;
    assert!((200..300).contains(&status), "{status} {told}");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !worker.log().contains("taken out of service") {
        assert!(Instant::now() < deadline, "the worker goes on with it:\n{}", worker.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn what_no_process_can_do_is_refused_before_it_starts() {
    let dir = tempfile::tempdir().expect("a folder");
    let told = |role: &str| {
        let ended = Command::new(env!("CARGO_BIN_EXE_opssight"))
            .args(["serve", "--listen", "127.0.0.1:0", "--role", role, "--data"])
            .arg(dir.path().join("data"))
            .output()
            .expect("it runs");
        assert!(!ended.status.success(), "{role} is taken");
        String::from_utf8_lossy(&ended.stderr).into_owned()
    };
    assert!(told("api").contains("store.url"), "{}", told("api"));
    let unknown = told("alerts");
    assert!(unknown.contains("alerts") && unknown.contains("ingest") && unknown.contains("worker"), "{unknown}");
    assert!(!dir.path().join("data").exists(), "something was begun");
}
