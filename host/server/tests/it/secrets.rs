//! Master keys through the real binary: rotated while a host takes deliveries, killed in the middle, moved to a real
//! Vault; and what is said about it holds no key.

#[path = "../../../backends/tests/it/vault/secured.rs"]
pub(crate) mod secured;

use crate::guides::{commands, run};
use crate::harness::{Client, Recorded, Start, deliver, recorded};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn opssight(arguments: &[&str], data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opssight"));
    command.args(arguments).arg("--data").arg(data).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A delivery that is believed: the webhook secret was opened.
async fn is_verified(client: &Client, connection: &str, secret: &str, id: &str) {
    let one = Recorded { id: id.to_owned(), ..recorded()[0].clone() };
    let answer = deliver(&client.http, &client.url, connection, secret, &one).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 202, "{id}: {}", answer.text().await.unwrap_or_default());
    let forged = Recorded { id: format!("forged {id}"), ..one };
    let answer = deliver(&client.http, &client.url, connection, "another secret", &forged).send().await;
    assert_eq!(answer.expect("an answer").status().as_u16(), 401);
}

/// No spelling of a key of the file is in a text.
fn shows_no_key(text: &str, key_file: &Path) {
    let bytes = std::fs::read(key_file).expect("the keys");
    let keys: Vec<Vec<u8>> = match <[u8; 32]>::try_from(bytes.as_slice()) {
        Ok(key) => vec![key.to_vec()],
        Err(_) => {
            let text = String::from_utf8(bytes).expect("text");
            let words = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split(' ').next());
            words.map(|word| STANDARD.decode(word).expect("base64")).collect()
        }
    };
    assert!(!keys.is_empty());
    for key in keys {
        for spelled in [STANDARD.encode(&key), hex::encode(&key), format!("{key:?}"), hex::encode_upper(&key)] {
            assert!(!text.contains(&spelled), "it shows a key: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_key_is_rotated_while_the_host_runs_as_the_guide_says_whatever_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let key_file = data.join("master.key");
    let host = Start::on(&data).start();
    let admin = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &admin).await;
    let mut hooks = Vec::new();
    for n in 0..12 {
        let (connection, secret) = client.connect_github(&format!("acme {n}")).await;
        hooks.push((connection.id, secret));
    }
    let all = async |client: &Client, when: &str| {
        for (connection, secret) in &hooks {
            is_verified(client, connection, secret, &format!("{when} {connection}")).await;
        }
    };
    let first = std::fs::read(&key_file).expect("the first key");
    let line = |line: &String| line.replace("/var/lib/opssight", &data.to_string_lossy());
    let guide: Vec<String> = commands("operators.md", "Secrets and keys").iter().map(line).collect();
    let [status, rotate, drop_unused] = guide.as_slice() else { panic!("{guide:?}") };
    let before = run(folder.path(), status);
    assert!(before.contains("13 data keys, used for new ones") && before.contains("1 of 1 running hosts"), "{before}");
    let rotated = run(folder.path(), rotate);
    assert!(rotated.contains("Wrapped 12 data keys anew"), "{rotated}");
    all(&client, "rotated").await;
    shows_no_key(&(before + &rotated + &host.log()), &key_file);

    // Killed at moments that nobody chose, and finished by the next run.
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..6 {
        let mut child = opssight(&["secrets", "rotate", "--batch", "1"], &data).spawn().expect("it starts");
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        tokio::time::sleep(Duration::from_millis(random % 2_500)).await;
        child.kill().expect("SIGKILL, or it is over");
        let cut = child.wait_with_output().expect("its end");
        shows_no_key(&said(&cut), &key_file);
        all(&client, &format!("cut {round}")).await;
        let (connection, secret) = client.connect_github(&format!("between {round}")).await;
        is_verified(&client, &connection.id, &secret, &format!("new {round}")).await;
    }
    let finished = said(&opssight(&["secrets", "rotate"], &data).output().expect("it runs"));
    assert!(finished.contains("All are under"), "{finished}");
    let dropped = run(folder.path(), drop_unused);
    assert!(dropped.contains("older keys out of the file"), "{dropped}");
    assert_ne!(std::fs::read(&key_file).expect("one key"), first);
    all(&client, "dropped").await;
    shows_no_key(&(finished + &dropped + &host.log()), &key_file);
    host.kill();
    let host = Start::on(&data).start();
    all(&client.moved_to(&host), "started again").await;
    // With the first key nothing opens any more.
    host.kill();
    std::fs::write(&key_file, first).expect("the first key is back");
    let refused = opssight(&["serve", "--listen", "127.0.0.1:0"], &data).output().expect("it runs");
    assert!(
        !refused.status.success() && said(&refused).contains("start with the key that it was made with"),
        "{}",
        said(&refused)
    );
}

/// The server of the tests, without its token, and the token.
#[expect(clippy::disallowed_methods, reason = "`cargo xtask test` says where its server is")]
pub(crate) fn vault() -> (String, String) {
    let address = std::env::var("OPSSIGHT_TEST_VAULT")
        .expect("OPSSIGHT_TEST_VAULT is not set: `cargo xtask test` starts an OpenBao and sets it");
    let (token, host) = address.trim_start_matches("http://root:").split_once('@').expect("a token");
    (host.trim_end_matches('/').to_owned(), token.to_owned())
}

/// A token as its administrator makes it.
pub(crate) async fn token(wanted: serde_json::Value) -> String {
    let made = ask_vault("auth/token/create", wanted).await;
    made["auth"]["client_token"].as_str().expect("a token").to_owned()
}

pub(crate) async fn ask_vault(path: &str, body: serde_json::Value) -> serde_json::Value {
    let (host, token) = vault();
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    let asked = http.post(format!("http://{host}/v1/{path}")).header("x-vault-token", token).json(&body).send().await;
    let answer = asked.expect("an answer");
    let (status, text) = (answer.status(), answer.text().await.expect("a text"));
    assert!(status.is_success(), "{path}: {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_move_to_vault_and_a_credential_can_stay_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let ((vault, token), name) = (vault(), format!("host{}", std::process::id()));
    ask_vault(&format!("sys/mounts/transit-{name}"), json!({ "type": "transit" })).await;
    ask_vault(&format!("transit-{name}/keys/opssight"), json!({})).await;
    ask_vault(&format!("sys/mounts/kv-{name}"), json!({ "type": "kv", "options": { "version": "2" } })).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let canary = "canary-hook-secret-in-vault";
    ask_vault(&format!("kv-{name}/data/ci/github"), json!({ "data": { "hook": canary } })).await;

    let host = Start::on(&data).start();
    let admin = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &admin).await;
    let (connection, secret) = client.connect_github("acme").await;
    assert_eq!(host.terminate(), 0);
    let envs = [
        ("OPSSIGHT_SECRETS__KEY", format!("vault+http://{vault}/transit-{name}/opssight")),
        ("OPSSIGHT_SECRETS__PREVIOUS", format!("[\"file://{}\"]", data.join("master.key").display())),
        ("OPSSIGHT_SECRETS__VAULT__PATHS", format!("[\"kv-{name}/data/ci/\"]")),
        ("VAULT_TOKEN", token.clone()),
    ];
    let with_vault = || envs.iter().fold(Start::on(&data), |start, (name, value)| start.env(name, value));
    let host = with_vault().start();
    let client = client.moved_to(&host);
    is_verified(&client, &connection.id, &secret, "before it moved").await;
    let moved = opssight(&["secrets", "rotate"], &data).envs(envs.clone()).output().expect("it runs");
    assert!(
        said(&moved).contains("Wrapped 1 data keys anew") && said(&moved).contains("Vault 127.0.0.1"),
        "{}",
        said(&moved)
    );
    is_verified(&client, &connection.id, &secret, "moved").await;

    // The webhook secret stays in Vault: what the host keeps and shows is where it is.
    let reference = format!("vault:kv-{name}/data/ci/github#hook");
    let hook = |value: &str| json!({ "scheme": "hmac-sha256", "inputs": { "secret": value } });
    let new = |name: &str, value: &str| {
        json!({
            "name": name, "plugin": "github", "settings": { "base_url": "http://127.0.0.1:9" },
            "credentials": {
                "api": { "scheme": "bearer", "inputs": { "token": "a-token-for-tests" } }, "webhook": hook(value),
            },
            "grants": { "networks": ["127.0.0.0/8"], "insecure_http": true },
        })
    };
    let (status, made) = client.post("/api/v1/connections", &new("in vault", &reference)).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().expect("an id");
    is_verified(&client, id, canary, "with a secret in Vault").await;
    let (status, refused) = client.post("/api/v1/connections", &new("nonsense", "vault:kv/x")).await;
    assert!(status == 422 || status == 400, "{status} {refused}");
    assert!(refused.to_string().contains("vault:secret/data/path#field"), "{refused}");

    // The file is not needed any more; nothing that the host emits or keeps has the secret or the token.
    std::fs::remove_file(data.join("master.key")).expect("the old key");
    host.kill();
    let start = envs
        .iter()
        .filter(|(name, _)| !name.contains("PREVIOUS"))
        .fold(Start::on(&data), |start, (name, value)| start.env(name, value));
    let host = start.start();
    is_verified(&client.moved_to(&host), &connection.id, &secret, "without the file").await;
    let shown = opssight(&["config", "show"], &data).envs(envs.clone()).output().expect("it runs");
    let shown = said(&shown) + &said(&moved) + &made.to_string() + &host.log();
    assert!(!shown.contains(canary) && !shown.contains(&token), "{shown}");
    for file in ["opssight.sqlite", "opssight.sqlite-wal"] {
        let bytes = std::fs::read(data.join(file)).unwrap_or_default();
        assert!(!bytes.windows(canary.len()).any(|part| part == canary.as_bytes()), "{file}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_renews_its_token_and_goes_on_behind_its_first_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let ((vault, _), name) = (vault(), format!("renewed{}", std::process::id()));
    ask_vault(&format!("sys/mounts/{name}"), json!({ "type": "transit" })).await;
    ask_vault(&format!("{name}/keys/opssight"), json!({})).await;
    let (kept, left) = (token(json!({ "ttl": "12s" })).await, token(json!({ "ttl": "12s" })).await);
    // It asks Vault at every delivery.
    let host = Start::on(&data)
        .env("OPSSIGHT_SECRETS__KEY", &format!("vault+http://{vault}/{name}/opssight"))
        .env("OPSSIGHT_SECRETS__KEEP_SECS", "0")
        .env("VAULT_TOKEN", &kept)
        .start();
    let admin = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &admin).await;
    let (connection, secret) = client.connect_github("acme").await;
    is_verified(&client, &connection.id, &secret, "at first").await;
    tokio::time::sleep(Duration::from_secs(25)).await;
    is_verified(&client, &connection.id, &secret, "behind its first end").await;
    let is_known = async |token: &str| {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let asked = http.get(format!("http://{vault}/v1/auth/token/lookup-self")).header("x-vault-token", token);
        asked.send().await.expect("an answer").status().is_success()
    };
    assert!(is_known(&kept).await && !is_known(&left).await, "nobody else renews tokens");
    assert!(!host.log().contains(&kept), "{}", host.log());
    assert_eq!(host.terminate(), 0);
}
