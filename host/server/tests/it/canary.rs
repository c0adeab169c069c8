//! Canaries: credentials of every scheme whose values are found nowhere, in no spelling, in anything that the host emits:
//! not in what a hostile guest got to see, not in logs, answers, recordings, metrics, what the command line prints, the
//! database or any other file.
//!
//! The guest asks an upstream that repeats what it was signed in with, in every encoding, and tells everybody.

mod schemes;

use crate::harness::{Client, Host, Start};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opssight_hostile::secrets::{Place, Spelled};
use opssight_hostile::{Ends, thief};
use schemes::{
    AWS, BEARER, CLIENT, CLIENT_IN_BODY, HEADER, HOOK, HOOK_KEY, Hook, Keys, MINTED, PASSWORD, QUERY, SESSION,
    manifest, schemes,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The requests that came, whole.
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
    let mut head = String::from_utf8_lossy(&head).into_owned();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    if stream.read_exact(&mut body).await.is_err() {
        return;
    }
    head.push_str(&String::from_utf8_lossy(&body));
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

/// Everything that must not be found: the secrets, the lines of the keys, and what signed the requests that came.
fn canaries(theft: &Theft, admin: &str) -> Vec<(String, Spelled)> {
    let secrets = [BEARER, MINTED, PASSWORD, HEADER, QUERY, AWS, SESSION, CLIENT, CLIENT_IN_BODY, HOOK, admin];
    let mut canaries: BTreeSet<String> = secrets.iter().map(|secret| (*secret).to_owned()).collect();
    canaries.extend(theft.keys.lines());
    canaries.insert(theft.client.token.clone());
    canaries.insert(STANDARD.encode(HOOK_KEY));
    for head in theft.seen.lock().expect("unpoisoned").iter() {
        let signed = head.lines().find_map(|line| line.strip_prefix("authorization: "));
        // Of AWS's, only the end is secret; of the others, everything after their name.
        let signed = signed.and_then(|value| value.rsplit_once("Signature=").or(value.split_once(' ')));
        canaries.extend(signed.map(|(_, value)| value.to_owned()));
    }
    let mut spelled: Vec<_> = canaries.into_iter().map(|text| (text.clone(), Spelled::new(text))).collect();
    spelled.push(("the key of the hook".to_owned(), Spelled::new(HOOK_KEY)));
    spelled
}

struct Theft {
    host: Host,
    client: Client,
    connections: Vec<(String, Hook)>,
    data: PathBuf,
    seen: Seen,
    keys: Keys,
    dir: tempfile::TempDir,
}

/// A host that logs all it can, with one thief of each sort for each scheme.
async fn theft() -> Theft {
    let (address, seen) = parrot().await;
    let dir = tempfile::tempdir().expect("a folder");
    let (plugins, data) = (dir.path().join("plugins"), dir.path().join("data"));
    std::fs::create_dir_all(&plugins).expect("a folder");
    let keys = Keys::generate();
    let mut wanted = Vec::new();
    for scheme in schemes(&keys) {
        for (how, ends) in [("well", Ends::Well), ("badly", Ends::Badly)] {
            let id = format!("t-{}-{how}", scheme.label);
            let package = thief(&address, "/me?token={{secret:api}}", ends, &manifest(&id, &scheme));
            std::fs::write(plugins.join(format!("{id}.wasm")), package).expect("a package");
            wanted.push((id, scheme.name, scheme.inputs.clone(), scheme.hook));
        }
    }
    let host = Start::on(&data).plugins(&plugins).env("OPSSIGHT_LOG__FILTER", "trace");
    // Every call is written down, with what it was sent and what it was told.
    let host = host.env("OPSSIGHT_PLUGINS__EVIDENCE", "{ record = \"all\" }").start();
    let admin = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &admin).await;
    let mut connections = Vec::new();
    for (id, scheme, inputs, hook) in wanted {
        let new = json!({
            "name": id, "plugin": id,
            "settings": { "base_url": format!("http://{address}") },
            "credentials": {
                "api": { "scheme": scheme, "inputs": inputs },
                "hook": { "scheme": hook.scheme(), "inputs": { "secret": hook.secret() } },
            },
            "grants": { "networks": ["127.0.0.0/8"], "insecure_http": true },
        });
        let (status, made) = client.post("/api/v1/connections", &new).await;
        assert_eq!(status, 201, "{made}");
        connections.push((made["id"].as_str().expect("an id").to_owned(), hook));
    }
    Theft { host, client, connections, data, seen, keys, dir }
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
        let mut answers = self.recordings().await;
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

    /// Every call as it was written down.
    async fn recordings(&self) -> BTreeMap<String, Vec<u8>> {
        let mut recordings = BTreeMap::new();
        for call in self.client.all("/api/v1/plugins/-/calls").await {
            let path = format!("/api/v1/plugins/-/calls/{}", call["id"].as_str().expect("an id"));
            recordings.insert(path.clone(), self.client.get(&path).await.to_string().into_bytes());
        }
        recordings
    }

    /// What the command line shows of all this, to people and to machines.
    fn printed(&self) -> BTreeMap<String, Vec<u8>> {
        let (connection, plugin) = (&self.connections[0].0, "t-bearer-well");
        let commands: [&[&str]; 10] = [
            &["whoami"],
            &["doctor"],
            &["connections", "list"],
            &["connections", "show", connection],
            &["connections", "check", connection],
            &["deliveries", "list"],
            &["plugins", "list"],
            &["plugins", "show", plugin],
            &["plugins", "log", plugin],
            &["plugins", "calls", plugin, "--all"],
        ];
        let mut printed = BTreeMap::new();
        for command in commands {
            for format in ["table", "json"] {
                let output = Command::new(env!("CARGO_BIN_EXE_opssight"))
                    .args(command)
                    .args(["-o", format])
                    .env("OPSSIGHT_SERVER", &self.host.url)
                    .env("OPSSIGHT_TOKEN", &self.client.token)
                    .env("OPSSIGHT_CREDENTIALS_FILE", self.dir.path().join("credentials.json"))
                    .stdin(std::process::Stdio::null())
                    .output()
                    .expect("the binary runs");
                let told = [output.stdout, output.stderr].concat();
                printed.insert(format!("opssight {} -o {format}", command.join(" ")), told);
            }
        }
        printed
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
    let admin = theft.host.admin_secret.clone().expect("a first start shows the secret");
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
            format!("client_secret={CLIENT_IN_BODY}"),
            // The JWT itself, not what it was exchanged for: it begins with its own head.
            format!("authorization: Bearer {}", STANDARD.encode(r#"{"typ":"JWT","alg":"ES256"}"#)),
        ];
        for wanted in signed_in {
            assert!(seen.iter().any(|head| head.contains(&wanted)), "nobody signed in with {wanted}: {seen:#?}");
        }
    }
    let mut places: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    places.extend(theft.answers().await.into_iter().map(|(path, body)| (format!("GET {path}"), body)));
    assert!(places.len() > 20, "the API has more to say than {:?}", places.keys());
    let recorded = places.keys().filter(|path| path.contains("/-/calls/")).count();
    assert!(recorded > theft.connections.len(), "{recorded} calls are on record: this test looks in the wrong places");
    assert!(places.keys().any(|path| path == "GET /metrics"), "no metrics: {:?}", places.keys());
    let printed = theft.printed();
    for (command, told) in printed.iter().filter(|(command, _)| !command.contains("doctor")) {
        assert!(!told.is_empty(), "`{command}` prints nothing");
    }
    places.extend(printed);
    places.insert("the host's log".into(), theft.host.log().into_bytes());
    let canaries = canaries(&theft, &admin);
    let mut on_disk = BTreeMap::new();
    files(&theft.data, &mut on_disk);
    // The last writes, before and after they reach the database's own file.
    assert_eq!(theft.host.terminate(), 0);
    files(&theft.data, &mut on_disk);
    places.extend(on_disk.into_iter().map(|(path, bytes)| (path.display().to_string(), bytes)));
    let told = |text: &[u8]| places.iter().find(|(_, bytes)| bytes.windows(text.len()).any(|part| part == text));
    assert!(told(b"\"token\":").is_some(), "what the guests got is found nowhere: this test looks in the wrong places");
    let mut hits = Vec::new();
    for (name, bytes) in &places {
        let place = Place::new(bytes);
        let found = canaries.iter().filter_map(|(canary, spelled)| Some((canary, spelled.found_in(&place)?)));
        hits.extend(found.map(|(canary, spelling)| format!("{canary} in {name}, {spelling}")));
    }
    assert!(hits.is_empty(), "{} hits:\n{}", hits.len(), hits.join("\n"));
}
