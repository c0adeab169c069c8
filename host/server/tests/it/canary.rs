//! Canaries: credentials whose values are found nowhere, in no spelling, in anything that the host emits: not in what a
//! hostile guest got to see, not in logs, answers, metrics, the database or any other file.
//!
//! The guest asks an upstream that repeats what it was signed in with, in every encoding, and tells everybody.

use crate::harness::{Client, Host, Start, sign};
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opssight_hostile::secrets::found;
use opssight_hostile::{Ends, thief};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BEARER: &str = "c4n4ry-bearer-8841/+secret~value";
const MINTED: &str = "c4n4ry-minted-5512-secret-value";
const PASSWORD: &str = "c4n4ry-password-3307-secret+value";
const HEADER: &str = "c4n4ry-header-7215-secret-value";
const QUERY: &str = "c4n4ry-query-6618-secret-value";
const AWS: &str = "c4n4ry/aws+9023/secret/access/key/val";
const SESSION: &str = "c4n4ry-session-2286-secret+value/x";
const CLIENT: &str = "c4n4ry-client-4471-secret-value";
const HOOK: &str = "c4n4ry-hook-1199-secret-value";

/// The heads of all requests that came.
type Seen = Arc<Mutex<Vec<String>>>;

/// An upstream that repeats in its answer what it was sent, in every spelling.
async fn parrot() -> (String, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address").to_string();
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(repeat(stream, Arc::clone(&log)));
        }
    });
    (address, seen)
}

async fn repeat(mut stream: TcpStream, seen: Seen) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_exact(&mut byte).await.is_err() {
            return;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    seen.lock().expect("unpoisoned").push(head.clone());
    let buys = head.contains("/exchange");
    let body = if buys {
        json!({
            "token": MINTED, "expires_at": "2099-01-01T00:00:00Z",
            "access_token": MINTED, "token_type": "Bearer", "expires_in": 3600,
        })
        .to_string()
    } else {
        echo(&head)
    };
    let authorization = head.lines().find_map(|line| line.strip_prefix("authorization: ")).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 {} OK\r\ncontent-type: application/json\r\nx-echo: {authorization}\r\nx-echo-64: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        if buys { 201 } else { 200 },
        STANDARD.encode(&head),
        body.len()
    );
    drop(stream.write_all(answer.as_bytes()).await);
}

fn echo(head: &str) -> String {
    let percent: String = head.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let base64 = ["", "x", "xy"].map(|before| STANDARD.encode(format!("{before}{head}"))).join(" ");
    let lines: Vec<String> = head.as_bytes().chunks(5).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    let json = json!({ "you": head });
    format!("{head} {percent} {} {base64}\n{}\n{json}", hex::encode(head), lines.join("\n"))
}

/// How a delivery shows where it comes from.
#[derive(Clone, Copy)]
enum Hook {
    Hmac,
    TokenHeader,
    UrlToken,
}

impl Hook {
    fn scheme(self) -> &'static str {
        match self {
            Self::Hmac => "hmac-sha256",
            Self::TokenHeader => "token-header",
            Self::UrlToken => "url-token",
        }
    }

    fn verification(self) -> Value {
        match self {
            Self::Hmac => {
                json!({ "scheme": "hmac-sha256", "header": "x-signature", "prefix": "", "encoding": "hex", "input": "secret" })
            }
            Self::TokenHeader => json!({ "scheme": "token-header", "header": "x-token", "input": "secret" }),
            Self::UrlToken => json!({ "scheme": "url-token", "input": "secret" }),
        }
    }

    fn deliver(self, http: &reqwest::Client, url: &str, body: Vec<u8>) -> reqwest::RequestBuilder {
        match self {
            Self::Hmac => http.post(url).header("x-signature", sign(HOOK, &body).trim_start_matches("sha256=")),
            Self::TokenHeader => http.post(url).header("x-token", HOOK),
            Self::UrlToken => http.post(format!("{url}?token={HOOK}")),
        }
        .body(body)
    }
}

/// A manifest with one credential of this scheme, sent to `base_url`.
fn manifest(id: &str, scheme: &Scheme) -> Value {
    let secret = json!([{ "name": "secret", "title": "S", "secret": true }]);
    json!({
        "id": id, "version": "1.0.0", "contract": "1.0", "name": "Thief", "publisher": "thief",
        "description": "Takes what it gets.", "licence": "MIT",
        "settings": { "type": "object", "properties": { "base_url": { "type": "string" } } },
        "credentials": [
            { "name": "api", "title": "API", "schemes": [scheme.declared] },
            { "name": "hook", "title": "Hook", "schemes": [
                { "scheme": scheme.hook.scheme(), "title": "Secret", "inputs": secret },
            ] },
        ],
        "egress": [{ "url": "{setting:base_url}", "methods": ["GET", "POST"], "credential": "api", "reason": "r" }],
        "webhook": { "credential": "hook", "verification": scheme.hook.verification(), "headers": [] },
    })
}

/// A scheme, as a manifest declares it, and what an operator fills in.
struct Scheme {
    name: &'static str,
    declared: Value,
    inputs: Value,
    hook: Hook,
}

/// Every scheme that there is for requests, with one of those for deliveries.
fn schemes(key: &str) -> Vec<Scheme> {
    let secret = |name: &str| json!({ "name": name, "title": name, "secret": true, "multiline": true });
    let named = |name: &str| json!({ "name": name, "title": name });
    let table = [
        ("bearer", json!({ "inputs": [secret("token")] }), json!({ "token": BEARER })),
        (
            "basic",
            json!({ "inputs": [named("username"), secret("password")] }),
            json!({ "username": "someone", "password": PASSWORD }),
        ),
        ("header", json!({ "inputs": [secret("token")], "header": "x-api-key" }), json!({ "token": HEADER })),
        ("query", json!({ "inputs": [secret("token")], "parameter": "api_key" }), json!({ "token": QUERY })),
        (
            "aws-sigv4",
            json!({
                "inputs": [named("access_key_id"), secret("secret_access_key"), secret("session_token")],
                "service": "monitoring", "region": "eu-west-1",
            }),
            json!({ "access_key_id": "AKIAEXAMPLEEXAMPLE", "secret_access_key": AWS, "session_token": SESSION }),
        ),
        (
            "oauth2-client-credentials",
            json!({
                "inputs": [named("client_id"), secret("client_secret")], "token_url": "{setting:base_url}/exchange",
            }),
            json!({ "client_id": "somebody", "client_secret": CLIENT }),
        ),
        (
            "jwt-bearer",
            json!({
                "inputs": [secret("private_key")], "algorithm": "RS256", "key": "private_key", "claims": { "iss": "1" },
                "lifetime_secs": 540, "backdate_secs": 60,
                "exchange": { "url": "{setting:base_url}/exchange", "token": "/token", "expires_at": "/expires_at" },
            }),
            json!({ "private_key": key }),
        ),
    ];
    let hooks = [Hook::Hmac, Hook::TokenHeader, Hook::UrlToken].into_iter().cycle();
    let made = table.into_iter().zip(hooks).map(|((name, mut declared, inputs), hook)| {
        declared["scheme"] = json!(name);
        declared["title"] = json!(name);
        Scheme { name, declared, inputs, hook }
    });
    made.collect()
}

fn pem() -> String {
    let key = KeyPair::generate(KeySize::Rsa2048).expect("a key");
    let der = key.as_der().expect("its encoding");
    let text = STANDARD.encode(der.as_ref());
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// Everything that must not be found: the secrets, and each line of the key (all keys begin alike).
fn canaries(key: &str) -> Vec<String> {
    let secrets = [BEARER, MINTED, PASSWORD, HEADER, QUERY, AWS, SESSION, CLIENT, HOOK];
    let mut canaries: Vec<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
    canaries.extend(key.lines().filter(|line| line.len() == 64).skip(2).map(str::to_owned));
    canaries
}

struct Theft {
    host: Host,
    client: Client,
    connections: Vec<(String, Hook)>,
    data: PathBuf,
    seen: Seen,
    key: String,
    _dir: tempfile::TempDir,
}

/// A host that logs all it can, with one thief of each sort for each scheme.
async fn theft() -> Theft {
    let (address, seen) = parrot().await;
    let dir = tempfile::tempdir().expect("a folder");
    let (plugins, data) = (dir.path().join("plugins"), dir.path().join("data"));
    std::fs::create_dir_all(&plugins).expect("a folder");
    let key = pem();
    let mut wanted = Vec::new();
    for scheme in schemes(&key) {
        for (how, ends) in [("well", Ends::Well), ("badly", Ends::Badly)] {
            let id = format!("thief-{}-{how}", scheme.name);
            let package = thief(&address, "/me?token={{secret:api}}", ends, &manifest(&id, &scheme));
            std::fs::write(plugins.join(format!("{id}.wasm")), package).expect("a package");
            wanted.push((id, scheme.name, scheme.inputs.clone(), scheme.hook));
        }
    }
    let host = Start::on(&data).plugins(&plugins).env("OPSSIGHT_LOG__FILTER", "trace").start();
    let admin = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &admin).await;
    let mut connections = Vec::new();
    for (id, scheme, inputs, hook) in wanted {
        let new = json!({
            "name": id, "plugin": id,
            "settings": { "base_url": format!("http://{address}") },
            "credentials": {
                "api": { "scheme": scheme, "inputs": inputs },
                "hook": { "scheme": hook.scheme(), "inputs": { "secret": HOOK } },
            },
            "grants": { "networks": ["127.0.0.0/8"], "insecure_http": true },
        });
        let (status, made) = client.post("/api/v1/connections", &new).await;
        assert_eq!(status, 201, "{made}");
        connections.push((made["id"].as_str().expect("an id").to_owned(), hook));
    }
    Theft { host, client, connections, data, seen, key, _dir: dir }
}

impl Theft {
    /// Let the guests do their worst, by delivery, by check and by a delivery that is replayed.
    async fn commit(&self) {
        for (connection, hook) in &self.connections {
            for number in 0..2 {
                let (body, url) = (format!("{{\"n\":{number}}}"), format!("{}/hooks/{connection}", self.host.url));
                let request = hook.deliver(&self.client.http, &url, body.into_bytes());
                assert_eq!(request.send().await.expect("an answer").status(), 202);
            }
            self.client.post(&format!("/api/v1/connections/{connection}/check"), &json!({})).await;
        }
        self.client.settled().await;
        for delivery in self.client.all("/api/v1/deliveries").await {
            let id = delivery["id"].as_str().expect("an id").to_owned();
            self.client.post(&format!("/api/v1/deliveries/{id}/replay"), &json!({})).await;
        }
        self.client.settled().await;
    }

    /// Every answer that the API gives to a reader, by path.
    async fn answers(&self) -> BTreeMap<String, Vec<u8>> {
        let api = self.client.get("/openapi.json").await;
        let mut ids: Vec<String> = self.connections.iter().map(|(id, _)| id.clone()).collect();
        for list in ["/api/v1/deliveries", "/api/v1/plugins"] {
            let rows = self.client.get(list).await["items"].as_array().cloned().unwrap_or_default();
            let named = rows.iter().filter_map(|row| row["id"].as_str().or(row["manifest"]["id"].as_str()));
            ids.extend(named.map(str::to_owned));
        }
        let mut answers = BTreeMap::new();
        let paths = api["paths"].as_object().expect("paths").iter().filter(|(_, item)| item.get("get").is_some());
        for (path, _) in paths.filter(|(path, _)| !path.ends_with("/live")) {
            // Whatever the parameter is called, each id that there is may be one of it.
            let filled: Vec<String> = match (path.find('{'), path.find('}')) {
                (Some(from), Some(to)) => {
                    ids.iter().map(|id| format!("{}{id}{}", &path[..from], &path[to + 1..])).collect()
                }
                _ => vec![path.clone()],
            };
            for path in filled {
                let answer = self.client.request(reqwest::Method::GET, &path).send().await.expect("an answer");
                answers.insert(path, answer.bytes().await.expect("a body").to_vec());
            }
        }
        answers
    }
}

fn files(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap_or_default());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_byte_of_a_credential_is_found_in_anything_that_the_host_emits() {
    let theft = theft().await;
    theft.commit().await;
    {
        let seen = theft.seen.lock().expect("unpoisoned");
        let signed_in = [
            format!("authorization: Bearer {BEARER}"),
            format!("authorization: Bearer {MINTED}"),
            format!("authorization: Basic {}", STANDARD.encode(format!("someone:{PASSWORD}"))),
            format!("x-api-key: {HEADER}"),
            format!("api_key={QUERY}"),
            format!("x-amz-security-token: {SESSION}"),
            "authorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLEEXAMPLE/".to_owned(),
            format!("authorization: Basic {}", STANDARD.encode(format!("somebody:{CLIENT}"))),
        ];
        for wanted in signed_in {
            assert!(seen.iter().any(|head| head.contains(&wanted)), "nobody signed in with {wanted}: {seen:#?}");
        }
    }
    let mut places: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    places.extend(theft.answers().await.into_iter().map(|(path, body)| (format!("GET {path}"), body)));
    assert!(places.len() > 20, "the API has more to say than {:?}", places.keys());
    places.insert("the host's log".into(), theft.host.log().into_bytes());
    let mut on_disk = BTreeMap::new();
    files(&theft.data, &mut on_disk);
    // The last writes, before and after they reach the database's own file.
    assert_eq!(theft.host.terminate(), 0);
    files(&theft.data, &mut on_disk);
    places.extend(on_disk.into_iter().map(|(path, bytes)| (path.display().to_string(), bytes)));
    let told = |text: &[u8]| places.iter().find(|(_, bytes)| bytes.windows(text.len()).any(|part| part == text));
    assert!(told(b"\"token\":").is_some(), "what the guests got is found nowhere: this test looks in the wrong places");
    let mut hits = Vec::new();
    for canary in canaries(&theft.key) {
        for (place, bytes) in &places {
            hits.extend(found(&canary, bytes).map(|spelling| format!("{canary} in {place}, {spelling}")));
        }
    }
    assert!(hits.is_empty(), "{} hits:\n{}", hits.len(), hits.join("\n"));
}
