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
        let (rate, cpu) = throughput("sandbox", dir.path(), &plugins, &example).await;
        figures.put("deliveries_per_s", rate);
        figures.put("cpu_us_per_delivery", cpu);
        if crate::host::postgres().is_some() {
            println!("whole path, on PostgreSQL ...");
            on_postgres(figures, dir.path(), &plugins, &example).await;
            figures.put("postgres_over_sqlite", figures.get("deliveries_per_s_postgres") / rate);
        }
        println!("whole path, native ...");
        let (native_rate, native_cpu) = throughput("native", dir.path(), &plugins, &example).await;
        figures.put("deliveries_per_s_no_sandbox", native_rate);
        figures.put("cpu_us_per_delivery_no_sandbox", native_cpu);
        figures.put("sandbox_cpu_over_no_sandbox", cpu / native_cpu);
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

async fn throughput(kind: &str, dir: &Path, plugins: &Path, example: &Arc<Recorded>) -> (f64, f64) {
    let host = Host::start(kind, &dir.join(kind), plugins);
    let client = Client::of(&host).await;
    round(&[&host], &[client], example, 1_000_000).await
}

/// One host, and then another one beside it on the same database.
async fn on_postgres(figures: &mut Figures, dir: &Path, plugins: &Path, example: &Arc<Recorded>) {
    let data = dir.join("postgres");
    let host = Host::start("postgres", &data, plugins);
    let client = Client::of(&host).await;
    let (rate, cpu) = round(&[&host], std::slice::from_ref(&client), example, 1_000_000).await;
    figures.put("deliveries_per_s_postgres", rate);
    figures.put("cpu_us_per_delivery_postgres", cpu);
    let other = Host::start("postgres", &data, plugins);
    let beside = Client { url: other.url.clone(), ..client.clone() };
    let (rate, _) = round(&[&host, &other], &[client, beside], example, 2_000_000).await;
    figures.put("deliveries_per_s_postgres_two_hosts", rate);
}

/// Deliveries a second, and the CPU of all hosts for each, when the clients take turns.
async fn round(hosts: &[&Host], clients: &[Client], example: &Arc<Recorded>, ids: u64) -> (f64, f64) {
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
    send(requests).await;
    clients[0].settled().await;
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let (many, cpu) = (MANY as f64, (used() - cpu) as f64);
    (many / begun.elapsed().as_secs_f64(), cpu / 1000.0 / many)
}

async fn send(requests: Vec<reqwest::RequestBuilder>) {
    let mut sent = futures::stream::iter(requests).map(reqwest::RequestBuilder::send).buffer_unordered(AT_ONCE);
    while let Some(answer) = sent.next().await {
        let status = answer.expect("an answer").status();
        assert!(status == 202, "{status}");
    }
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
