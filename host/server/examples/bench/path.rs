//! What a delivery costs on its whole way: POST, signature, durable inbox, plugin, read model, event, live stream.

use crate::Figures;
use crate::host::Host;
use crate::recorded::{self, Recorded};
use futures::StreamExt;
use opssight_core::id::{ConnectionId, RunId};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Deliveries of one throughput round.
const MANY: u64 = 4000;
/// Requests under way at once.
const AT_ONCE: usize = 32;
/// Length of the steady stream, and its rate.
const STEADY: u64 = 1000;
const PER_SECOND: u64 = 50;

/// A client that is signed in, and its connection.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    token: String,
    pub(crate) connection: String,
    secret: String,
}

pub(crate) fn measure(figures: &mut Figures, package: &[u8]) {
    let dir = tempfile::tempdir().expect("a folder");
    let plugins = dir.path().join("plugins");
    std::fs::create_dir_all(&plugins).expect("a folder");
    std::fs::write(plugins.join("github.wasm"), package).expect("the package");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let example = Arc::new(recorded::examples("workflow_run").swap_remove(0));
    runtime.block_on(async {
        println!("start ...");
        start(figures, dir.path(), &plugins).await;
        println!("whole path, sandboxed ...");
        let sandbox = throughput("sandbox", dir.path(), &plugins, &example).await;
        sandbox.put(figures, "");
        if crate::host::postgres().is_some() {
            println!("whole path, on PostgreSQL ...");
            on_postgres(figures, dir.path(), &plugins, &example).await;
            figures.put("postgres_over_sqlite", figures.get("deliveries_per_s_postgres") / sandbox.rate);
            figures.put("servers_over_sqlite", figures.get("deliveries_per_s_servers_1_worker") / sandbox.rate);
        }
        println!("whole path, native ...");
        let native = throughput("native", dir.path(), &plugins, &example).await;
        native.put(figures, "_no_sandbox");
        figures.put("sandbox_cpu_over_no_sandbox", sandbox.cpu / native.cpu);
        println!("hook to live at {PER_SECOND}/s ...");
        steady(figures, dir.path(), &plugins, &example).await;
    });
}

/// Cold process, warm cache; and what it holds when idle.
async fn start(figures: &mut Figures, dir: &Path, plugins: &Path) {
    let data = dir.join("start");
    let host = Host::start("sandbox", &data, plugins);
    Client::of(&host).await;
    drop(host);
    let mut least = f64::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        let host = Host::start("sandbox", &data, plugins);
        least = least.min(begun.elapsed().as_secs_f64() * 1000.0);
        drop(host);
    }
    figures.put("warm_start_ms", least);
    let host = Host::start("sandbox", &data, plugins);
    tokio::time::sleep(Duration::from_secs(3)).await;
    figures.put("idle_rss_mib", host.rss_mib());
}

/// What one round of deliveries gave.
struct Round {
    /// Deliveries a second, from the first POST until all are applied.
    rate: f64,
    /// CPU of all hosts for each, microseconds.
    cpu: f64,
    /// The slowest answers but one in a hundred, milliseconds, while as much is sent as is taken.
    p99: f64,
}

impl Round {
    fn put(&self, figures: &mut Figures, of: &str) {
        figures.put(&format!("deliveries_per_s{of}"), self.rate);
        figures.put(&format!("cpu_us_per_delivery{of}"), self.cpu);
        figures.put(&format!("accepted_p99_ms{of}"), self.p99);
    }
}

async fn throughput(kind: &str, dir: &Path, plugins: &Path, example: &Arc<Recorded>) -> Round {
    let host = Host::start(kind, &dir.join(kind), plugins);
    let client = Client::of(&host).await;
    round(&[&host], &[client], example, 1_000_000).await
}

/// One host, then another one beside it on the same database, then one that takes deliveries for one and two others that
/// work on them, with a Redis and a broker beside the database.
async fn on_postgres(figures: &mut Figures, dir: &Path, plugins: &Path, example: &Arc<Recorded>) {
    let data = dir.join("postgres");
    let host = Host::start("postgres", &data, plugins);
    let client = Client::of(&host).await;
    let one = round(&[&host], std::slice::from_ref(&client), example, 1_000_000).await;
    one.put(figures, "_postgres");
    let other = Host::start("postgres", &data, plugins);
    let at = |host: &Host| Client { url: host.url.clone(), ..client.clone() };
    let two = round(&[&host, &other], &[client.clone(), at(&other)], example, 2_000_000).await;
    two.put(figures, "_postgres_two_hosts");
    drop((host, other));
    println!("whole path, on PostgreSQL, Redis and Kafka ...");
    let door = Host::start("servers:api,ingest", &data, plugins);
    let worker = Host::start("servers:worker", &data, plugins);
    let one = round(&[&door, &worker], &[at(&door)], example, 3_000_000).await;
    one.put(figures, "_servers_1_worker");
    let second = Host::start("servers:worker", &data, plugins);
    let two = round(&[&door, &worker, &second], &[at(&door)], example, 4_000_000).await;
    two.put(figures, "_servers_2_workers");
}

/// The clients take turns.
async fn round(hosts: &[&Host], clients: &[Client], example: &Arc<Recorded>, ids: u64) -> Round {
    let request = |i: u64| {
        let client = &clients[usize::try_from(i).expect("small") % clients.len()];
        client.request(example, ids + i)
    };
    // Bodies and signatures are made before the clock runs.
    send((0..200).map(|i| request(500_000 + i)).collect()).await;
    clients[0].settled().await;
    let requests: Vec<_> = (0..MANY).map(request).collect();
    let used = || hosts.iter().map(|host| host.cpu_ns()).sum::<u64>();
    let (begun, cpu) = (Instant::now(), used());
    let mut waits = send(requests).await;
    clients[0].settled().await;
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let (many, cpu) = (MANY as f64, (used() - cpu) as f64);
    waits.sort_unstable();
    let p99 = waits[waits.len() * 99 / 100].as_secs_f64() * 1000.0;
    Round { rate: many / begun.elapsed().as_secs_f64(), cpu: cpu / 1000.0 / many, p99 }
}

/// How long each waited for its answer.
async fn send(requests: Vec<reqwest::RequestBuilder>) -> Vec<Duration> {
    let one = async |request: reqwest::RequestBuilder| {
        let begun = Instant::now();
        let status = request.send().await.expect("an answer").status();
        assert!(status == 202, "{status}");
        begun.elapsed()
    };
    futures::stream::iter(requests).map(one).buffer_unordered(AT_ONCE).collect().await
}

async fn steady(figures: &mut Figures, dir: &Path, plugins: &Path, example: &Arc<Recorded>) {
    let host = Host::start("sandbox", &dir.join("steady"), plugins);
    let client = Client::of(&host).await;
    let stream = client.get("/api/v1/live").send().await.expect("the stream");
    let listener = tokio::spawn(async move {
        let mut seen: HashMap<String, Instant> = HashMap::new();
        let (mut stream, mut text) = (stream.bytes_stream(), String::new());
        while let Some(Ok(chunk)) = stream.next().await {
            let now = Instant::now();
            text.push_str(&String::from_utf8_lossy(&chunk));
            while let Some(end) = text.find("\n\n") {
                let block: String = text.drain(..end + 2).collect();
                if let Some(subject) = subject_of(&block) {
                    seen.entry(subject).or_insert(now);
                }
            }
            if seen.len() as u64 == STEADY {
                break;
            }
        }
        seen
    });
    let connection = ConnectionId::from(client.connection.as_str());
    let attempt = example.payload["workflow_run"]["run_attempt"].as_u64().map_or(1, |n| u32::try_from(n).unwrap_or(1));
    let mut sent: HashMap<String, Instant> = HashMap::new();
    let mut tick = tokio::time::interval(Duration::from_millis(1000 / PER_SECOND));
    for i in 0..STEADY {
        let request = client.request(example, 5_000_000 + i);
        tick.tick().await;
        let run = RunId::of(&connection, &(5_000_000 + i).to_string(), attempt);
        sent.insert(run.to_string(), Instant::now());
        tokio::spawn(request.send());
    }
    let seen = tokio::time::timeout(Duration::from_secs(30), listener).await.expect("all events").expect("joined");
    let mut waits: Vec<f64> =
        seen.iter().map(|(run, at)| at.duration_since(sent[run]).as_secs_f64() * 1000.0).collect();
    waits.sort_by(f64::total_cmp);
    figures.put("hook_to_live_p50_ms", waits[waits.len() / 2]);
    figures.put("hook_to_live_p99_ms", waits[waits.len() * 99 / 100]);
}

/// The run that a block of the stream is about.
fn subject_of(block: &str) -> Option<String> {
    let data = block.lines().find_map(|line| line.strip_prefix("data:"))?;
    let event: Value = serde_json::from_str(data.trim()).ok()?;
    let subject = event["subject"].as_str()?;
    subject.starts_with("run_").then(|| subject.to_owned())
}

impl Client {
    pub(crate) async fn of(host: &Host) -> Client {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let session: Value = http
            .post(format!("{}/api/v1/sessions", host.url))
            .json(&json!({ "secret": host.secret }))
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("a session");
        let token = session["token"].as_str().expect("a token").to_owned();
        let new = json!({
            "name": "bench", "plugin": "github",
            "settings": { "base_url": "http://127.0.0.1:9" },
            "credentials": { "api": { "scheme": "bearer", "inputs": { "token": "bench" } } },
            "grants": { "networks": ["127.0.0.0/8"], "insecure_http": true },
        });
        let url = host.url.clone();
        Client { http, url, token, connection: String::new(), secret: String::new() }.connected(&new).await
    }

    /// Another connection of the same host, to a plugin that needs nothing.
    pub(crate) async fn beside(&self, plugin: &str) -> Client {
        let (http, url, token) = (self.http.clone(), self.url.clone(), self.token.clone());
        let client = Client { http, url, token, connection: String::new(), secret: String::new() };
        client.connected(&json!({ "name": plugin, "plugin": plugin, "settings": {}, "credentials": {} })).await
    }

    async fn connected(mut self, new: &Value) -> Client {
        let made: Value = self
            .http
            .post(format!("{}/api/v1/connections", self.url))
            .bearer_auth(&self.token)
            .json(new)
            .send()
            .await
            .expect("an answer")
            .json()
            .await
            .expect("a connection");
        let text = |field: &str| made[field].as_str().expect("the answer has the field").to_owned();
        self.connection = text("id");
        self.secret = text("webhook_secret");
        self
    }

    pub(crate) fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    pub(crate) fn request(&self, example: &Recorded, id: u64) -> reqwest::RequestBuilder {
        let body = example.body(id);
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, self.secret.as_bytes());
        self.http
            .post(format!("{}/hooks/{}", self.url, self.connection))
            .header("x-github-event", &example.event)
            .header("x-github-delivery", format!("bench-{id}"))
            .header("x-hub-signature-256", format!("sha256={}", hex::encode(aws_lc_rs::hmac::sign(&key, &body))))
            .body(body)
    }

    async fn settled(&self) {
        loop {
            let mut waiting = 0;
            for state in ["pending", "processing"] {
                let page: Value = self
                    .get(&format!("/api/v1/deliveries?state={state}&limit=1"))
                    .send()
                    .await
                    .expect("an answer")
                    .json()
                    .await
                    .expect("a page");
                waiting += page["items"].as_array().expect("items").len();
            }
            if waiting == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
