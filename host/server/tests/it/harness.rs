//! The host as its users meet it: the real binary, a real port, a real folder, the real plugin.

use opssight_api_types::connections::Connection;
use opssight_api_types::identity::Session;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The plugin folder that every test host loads, built once.
static PLUGINS: LazyLock<PathBuf> = LazyLock::new(|| {
    let package = opssight_testkit::build_plugin("opssight-plugin-github").expect("the GitHub plugin builds");
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    std::fs::create_dir_all(&dir).expect("a folder for the plugin");
    let path = dir.join("github.wasm");
    if std::fs::read(&path).is_ok_and(|known| known == package) {
        return dir;
    }
    // Tests run in several processes: write beside and rename.
    let beside = dir.join(format!("github.{}.new", std::process::id()));
    std::fs::write(&beside, &package).expect("the package is written");
    std::fs::rename(&beside, &path).expect("the package is in place");
    dir
});

/// The folder with the plugin package.
pub(crate) fn plugins() -> &'static Path {
    &PLUGINS
}

/// A running host. Dropping it kills it.
pub(crate) struct Host {
    child: Child,
    pub(crate) url: String,
    pub(crate) admin_secret: Option<String>,
    dir: PathBuf,
}

/// How a host is started.
pub(crate) struct Start {
    dir: PathBuf,
    envs: Vec<(String, String)>,
    plugins: PathBuf,
    dev: bool,
}

impl Start {
    pub(crate) fn on(dir: &Path) -> Self {
        let start = Self { dir: dir.to_owned(), envs: Vec::new(), plugins: plugins().to_owned(), dev: true };
        // The recorded deliveries are years old: by default a restart would purge what they said.
        start.env("OPSSIGHT_RETENTION__RUNS_DAYS", "36500").env("OPSSIGHT_RETENTION__DELIVERY_DAYS", "36500")
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.envs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Packages from another folder than the usual one.
    pub(crate) fn plugins(mut self, folder: &Path) -> Self {
        self.plugins = folder.to_owned();
        self
    }

    /// With another plugin folder, as operators run it: nothing unsigned.
    pub(crate) fn with_plugins(mut self, plugins: &Path) -> Self {
        (self.plugins, self.dev) = (plugins.to_owned(), false);
        self
    }

    pub(crate) fn start(self) -> Host {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.dir.with_extension("log"))
            .expect("a log file");
        let mut child = Command::new(env!("CARGO_BIN_EXE_opssight"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(&self.dir)
            .arg("--plugins")
            .arg(&self.plugins)
            // The plugin of the working tree is signed by nobody.
            .args(self.dev.then_some("--dev"))
            .envs(self.envs)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut admin_secret = None;
        let url = loop {
            let Some(line) = lines.next() else {
                let log = std::fs::read_to_string(self.dir.with_extension("log")).unwrap_or_default();
                panic!("the host ended before it was ready:\n{log}");
            };
            let line = line.expect("text");
            if let Some(secret) = line.strip_prefix("Admin secret (shown once): ") {
                admin_secret = Some(secret.to_owned());
            }
            if let Some(url) = line.strip_prefix("OpsSight is ready at ") {
                break url.to_owned();
            }
        };
        Host { child, url, admin_secret, dir: self.dir }
    }
}

impl Host {
    /// The end that no program can prepare for.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("its end");
    }

    /// The end that a program can prepare for; its exit code.
    pub(crate) fn terminate(mut self) -> i32 {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        self.child.wait().expect("its end").code().expect("an exit code")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.with_extension("log")).unwrap_or_default()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that is signed in.
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) token: String,
}

impl Client {
    pub(crate) async fn sign_in(host: &Host, secret: &str) -> Client {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().expect("a client");
        let session: Session = http
            .post(format!("{}/api/v1/sessions", host.url))
            .json(&json!({ "secret": secret, "label": "test" }))
            .send()
            .await
            .expect("an answer")
            .error_for_status()
            .expect("signed in")
            .json()
            .await
            .expect("a session");
        Client { http, url: host.url.clone(), token: session.token }
    }

    /// The same session after a restart on another port.
    pub(crate) fn moved_to(&self, host: &Host) -> Client {
        Client { http: self.http.clone(), url: host.url.clone(), token: self.token.clone() }
    }

    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.request(reqwest::Method::GET, path).send().await.expect("an answer");
        let status = answer.status();
        let value: Value = answer.json().await.expect("JSON");
        assert!(status.is_success(), "GET {path}: {status} {value}");
        value
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.request(reqwest::Method::POST, path).json(body).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    /// Anything that is asked of a plugin, with JSON.
    pub(crate) async fn plugin(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let method = method.parse().expect("a method");
        let request = self.request(method, &format!("/api/v1/plugins{path}")).json(&body);
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    /// All rows of a list.
    pub(crate) async fn all(&self, path: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor = String::new();
        loop {
            let mark = if path.contains('?') { '&' } else { '?' };
            let page = self.get(&format!("{path}{mark}limit=200{cursor}")).await;
            rows.extend(page["items"].as_array().expect("items").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
    }

    /// A GitHub connection whose feeds lead nowhere: its address is a closed port of this machine.
    pub(crate) async fn connect_github(&self, name: &str) -> (Connection, String) {
        let new = json!({
            "name": name,
            "plugin": "github",
            "settings": { "base_url": "http://127.0.0.1:9" },
            "credentials": { "api": { "scheme": "bearer", "inputs": { "token": "a-token-for-tests" } } },
            "grants": { "networks": ["127.0.0.0/8"], "insecure_http": true },
        });
        let (status, value) = self.post("/api/v1/connections", &new).await;
        assert_eq!(status, 201, "{value}");
        let connection: Connection = serde_json::from_value(value).expect("a connection");
        let secret = connection.webhook_secret.clone().expect("a new webhook secret");
        (connection, secret)
    }

    /// Wait until no delivery waits or is worked on. What a host that died worked on is taken back and waits again, so
    /// that it has to be seen twice.
    pub(crate) async fn settled(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut quiet = 0;
        while quiet < 4 {
            let state = ["pending", "processing"][quiet % 2];
            let page = self.get(&format!("/api/v1/deliveries?state={state}&limit=1")).await;
            if page["items"].as_array().is_some_and(Vec::is_empty) {
                quiet += 1;
                continue;
            }
            quiet = 0;
            assert!(Instant::now() < deadline, "deliveries still {state}: {page}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A recorded delivery.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    pub(crate) event: String,
    pub(crate) id: String,
    pub(crate) body: Vec<u8>,
}

/// Every example of npm's `@octokit/webhooks-examples`, in its order, each with an id of its own.
pub(crate) fn recorded() -> Vec<Recorded> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../node_modules/@octokit/webhooks-examples/api.github.com/index.json");
    let text = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run `npm ci` first (`cargo xtask test` does)", path.display()));
    let index: Vec<Value> = serde_json::from_slice(&text).expect("JSON");
    let mut recorded = Vec::new();
    for event in &index {
        for (i, example) in event["examples"].as_array().expect("examples").iter().enumerate() {
            let name = event["name"].as_str().expect("a name");
            recorded.push(Recorded {
                event: name.to_owned(),
                id: format!("{name}-{i}"),
                body: serde_json::to_vec(example).expect("JSON"),
            });
        }
    }
    recorded
}

/// GitHub's signature of a body.
pub(crate) fn sign(secret: &str, body: &[u8]) -> String {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    format!("sha256={}", hex::encode(aws_lc_rs::hmac::sign(&key, body)))
}

/// Deliver as GitHub does.
pub(crate) fn deliver(
    http: &reqwest::Client,
    url: &str,
    connection: &str,
    secret: &str,
    recorded: &Recorded,
) -> reqwest::RequestBuilder {
    http.post(format!("{url}/hooks/{connection}"))
        .header("content-type", "application/json")
        .header("x-github-event", &recorded.event)
        .header("x-github-delivery", &recorded.id)
        .header("x-hub-signature-256", sign(secret, &recorded.body))
        .body(recorded.body.clone())
}
