//! Master keys and credentials in a real Vault (OpenBao), which is also cut off, sealed, and asked for what it denies.

mod renewal;
mod secured;
mod tls;

use crate::connections::secret;
use crate::ports::{connection, options, ring};
use async_trait::async_trait;
use opssight_backends::{
    KeyPlace, KeyRing, Place, Rotate, RotateError, SecretText, Store, StoreOptions, SystemClock, Vault, VaultAuth,
    VaultCredentials, VaultOptions, rotate_secrets, secrets_status,
};
use opssight_core::connections::ConnectionStore;
use opssight_core::error::StoreError;
use opssight_core::id::ConnectionId;
use opssight_core::plugins::{Credential, CredentialSource, Credentials};
use opssight_core::time::Clock;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

/// Where the server is, and the token of its administrator.
#[expect(clippy::disallowed_methods, reason = "`cargo xtask test` says where its server is")]
fn server() -> (Url, String) {
    let address = std::env::var("OPSSIGHT_TEST_VAULT")
        .expect("OPSSIGHT_TEST_VAULT is not set: `cargo xtask test` starts an OpenBao and sets it");
    let mut url = Url::parse(&address).unwrap();
    let token = url.password().unwrap().to_owned();
    url.set_password(None).unwrap();
    url.set_username("").unwrap();
    (url, token)
}

/// Ask the server as its administrator.
async fn admin(method: &str, path: &str, body: Value) -> Value {
    let (url, token) = server();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.request(method.parse().unwrap(), url.join(&format!("/v1/{path}")).unwrap());
    let answer = request.header("x-vault-token", token).json(&body).send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{method} {path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

/// A name that no other test has.
fn unique(kind: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{kind}-{}-{}-{}", SystemClock.now().0, std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A transit engine with one key, and its mount.
async fn transit() -> String {
    let mount = unique("transit");
    admin("POST", &format!("sys/mounts/{mount}"), json!({ "type": "transit" })).await;
    admin("POST", &format!("{mount}/keys/opssight"), json!({})).await;
    mount
}

/// A token that may do only this.
async fn token_for(policy: &str) -> String {
    let name = unique("policy");
    admin("PUT", &format!("sys/policies/acl/{name}"), json!({ "policy": policy })).await;
    let made = admin("POST", "auth/token/create", json!({ "policies": [name], "no_default_policy": true })).await;
    made["auth"]["client_token"].as_str().unwrap().to_owned()
}

/// What a host needs of its transit key.
async fn host_token(mount: &str) -> String {
    token_for(&format!(
        r#"path "{mount}/encrypt/opssight" {{ capabilities = ["update"] }}
           path "{mount}/decrypt/opssight" {{ capabilities = ["update"] }}"#
    ))
    .await
}

fn vault(address: Url, auth: VaultAuth) -> Arc<Vault> {
    Vault::new(VaultOptions { address, auth, ca: None, namespace: None }).unwrap()
}

fn with_token(token: &str) -> Arc<Vault> {
    vault(server().0, VaultAuth::Token(SecretText::from(token.to_owned())))
}

fn key_of(vault: &Arc<Vault>, mount: &str) -> KeyPlace {
    KeyPlace::Transit { vault: Arc::clone(vault), mount: mount.to_owned(), name: "opssight".to_owned() }
}

async fn open(dir: &Path, keys: &KeyRing, keep: Duration) -> Arc<Store> {
    let options = StoreOptions { keys: keys.clone(), keep_data_keys: keep, ..options() };
    Store::open(dir, options).await.unwrap()
}

/// An error with all its causes.
fn told(error: &(dyn Error + 'static)) -> String {
    let (mut told, mut cause) = (String::new(), Some(error));
    while let Some(error) = cause {
        told.push_str(&format!("{error}: {error:?}; "));
        cause = error.source();
    }
    told
}

/// Stands between a host and Vault, and can cut it off.
struct Cable {
    address: Url,
    up: watch::Sender<bool>,
}

impl Cable {
    async fn plug() -> Self {
        let (server, _) = server();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut address = server.clone();
        address.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let (up, is_up) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (mut is_up, server) = (is_up.clone(), server.clone());
                tokio::spawn(async move {
                    if !*is_up.borrow() {
                        return;
                    }
                    let mut far = TcpStream::connect(("127.0.0.1", server.port().unwrap())).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = is_up.wait_for(|up| !up) => {}
                    }
                });
            }
        });
        Self { address, up }
    }
}

#[tokio::test]
async fn a_store_moves_from_a_file_to_vault_is_rotated_there_and_moves_back() {
    let (dir, mount) = (tempfile::tempdir().unwrap(), transit().await);
    let (place, key_file) = (Place::Dir(dir.path().to_owned()), dir.path().join("master.key"));
    let store = open(dir.path(), &ring(&key_file), Duration::ZERO).await;
    for n in 0..7 {
        store.insert(&connection(&format!("c{n}")), &secret(&format!("s{n}")), &[]).await.unwrap();
    }
    store.close().await;
    let all_open = |store: Arc<Store>| async move {
        for n in 0..7 {
            assert!(store.credentials(&format!("c{n}").as_str().into()).await.unwrap() == secret(&format!("s{n}")));
        }
    };

    // A host with the new key configured and the old one as the one before goes on with the old one until it is moved.
    let host = with_token(&host_token(&mount).await);
    let both = KeyRing::open(key_of(&host, &mount), vec![KeyPlace::File(key_file.clone())]).unwrap();
    let store = open(dir.path(), &both, Duration::ZERO).await;
    all_open(Arc::clone(&store)).await;
    let operator = with_token(&server().1);
    let by_operator = KeyRing::open(key_of(&operator, &mount), vec![KeyPlace::File(key_file.clone())]).unwrap();
    let how = Rotate { batch: 3, ..Rotate::default() };
    let moved = rotate_secrets(&place, &by_operator, how, |_| {}).await.unwrap();
    assert_eq!((moved.resumed, moved.rewrapped), (true, 7));
    assert!(moved.place.starts_with("Vault 127.0.0.1:"), "{moved:?}");
    all_open(Arc::clone(&store)).await;
    store.insert(&connection("new"), &secret("new"), &[]).await.unwrap();
    let status = secrets_status(&place, &by_operator).await.unwrap();
    assert_eq!(
        (status.keys[0].data_keys, status.keys[0].behind, status.keys[1].data_keys),
        (9, Some(0), 0),
        "{status:?}"
    );

    // A new version in Vault; the host, which may not rotate, goes on.
    let rotated = rotate_secrets(&place, &by_operator, how, |_| {}).await.unwrap();
    assert_eq!((rotated.resumed, rotated.rewrapped), (false, 8));
    all_open(Arc::clone(&store)).await;
    admin("POST", &format!("{mount}/keys/opssight/config"), json!({ "min_decryption_version": 2 })).await;
    all_open(Arc::clone(&store)).await;
    // Somebody made a version in Vault itself: that is an unfinished rotation.
    admin("POST", &format!("{mount}/keys/opssight/rotate"), json!({})).await;
    assert_eq!(secrets_status(&place, &by_operator).await.unwrap().keys[0].behind, Some(9));
    // A host may not ask for versions: that is unknown then, and not none.
    let status = secrets_status(&place, &both).await.unwrap();
    let why = status.unasked.unwrap_or_default();
    assert!(status.keys[0].behind.is_none() && why.contains("permission denied"), "{:?} {why}", status.keys);
    assert!(rotate_secrets(&place, &by_operator, how, |_| {}).await.unwrap().resumed);
    store.close().await;

    // And back.
    let back = KeyRing::open(KeyPlace::File(key_file.clone()), vec![key_of(&operator, &mount)]).unwrap();
    assert!(rotate_secrets(&place, &back, how, |_| {}).await.unwrap().resumed);
    all_open(open(dir.path(), &ring(&key_file), Duration::ZERO).await).await;
}

#[tokio::test]
async fn while_vault_is_away_what_is_known_is_used_and_what_is_not_says_so() {
    let (dir, mount, cable) = (tempfile::tempdir().unwrap(), transit().await, Cable::plug().await);
    let token = host_token(&mount).await;
    let host = vault(cable.address.clone(), VaultAuth::Token(SecretText::from(token.clone())));
    let keys = KeyRing::open(key_of(&host, &mount), Vec::new()).unwrap();
    let store = open(dir.path(), &keys, Duration::from_secs(3)).await;
    for id in ["known", "other"] {
        store.insert(&connection(id), &secret(id), &[]).await.unwrap();
    }
    assert!(store.credentials(&"known".into()).await.unwrap() == secret("known"));
    cable.up.send_replace(false);
    assert!(store.credentials(&"known".into()).await.unwrap() == secret("known"));
    let refused = told(&store.credentials(&"other".into()).await.unwrap_err());
    assert!(refused.contains("nobody answers there") && refused.contains("has to wait"), "{refused}");
    let refused = told(&store.insert(&connection("third"), &secret("x"), &[]).await.unwrap_err());
    assert!(refused.contains("ask Vault at 127.0.0.1:"), "{refused}");
    // After the time that it may be kept it is gone.
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    assert!(store.credentials(&"known".into()).await.unwrap() == secret("known"), "it is old, and Vault is away");
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    let refused = told(&store.credentials(&"known".into()).await.unwrap_err());
    assert!(refused.contains("ask Vault"), "{refused}");
    cable.up.send_replace(true);
    // That it was away is remembered for a moment, so that not every delivery of a stranger asks.
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert!(store.credentials(&"known".into()).await.unwrap() == secret("known"));
    // What is not allowed any more is not used any more, though it is in memory.
    admin("POST", "auth/token/revoke", json!({ "token": token })).await;
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    let refused = told(&store.credentials(&"known".into()).await.unwrap_err());
    assert!(refused.contains("permission denied") && !refused.contains(&token), "{refused}");
    assert!(!format!("{store:?} {host:?} {keys:?}").contains(&token));
}

#[tokio::test]
async fn a_host_signs_in_by_token_file_and_by_approle_and_again_when_that_is_over() {
    let (dir, mount) = (tempfile::tempdir().unwrap(), transit().await);
    let file = dir.path().join("token");
    let first = host_token(&mount).await;
    std::fs::write(&file, format!("{first}\n")).unwrap();
    let by_file = vault(server().0, VaultAuth::TokenFile(file.clone()));
    let keys = KeyRing::open(key_of(&by_file, &mount), Vec::new()).unwrap();
    let store = open(dir.path(), &keys, Duration::ZERO).await;
    store.insert(&connection("c"), &secret("s"), &[]).await.unwrap();
    // Somebody renews it.
    admin("POST", "auth/token/revoke", json!({ "token": first })).await;
    let refused = told(&store.credentials(&"c".into()).await.unwrap_err());
    assert!(refused.contains("permission denied"), "{refused}");
    std::fs::write(&file, host_token(&mount).await).unwrap();
    assert!(store.credentials(&"c".into()).await.unwrap() == secret("s"));
    store.close().await;

    let (auth, policy) = (unique("approle"), unique("policy"));
    let rules = format!(r#"path "{mount}/*" {{ capabilities = ["update"] }}"#);
    admin("PUT", &format!("sys/policies/acl/{policy}"), json!({ "policy": rules })).await;
    admin("POST", &format!("sys/auth/{auth}"), json!({ "type": "approle" })).await;
    let role = json!({ "token_policies": [policy], "token_ttl": "1s", "token_max_ttl": "1s" });
    admin("POST", &format!("auth/{auth}/role/opssight"), role).await;
    let id = admin("GET", &format!("auth/{auth}/role/opssight/role-id"), json!({})).await;
    let secret_id = admin("POST", &format!("auth/{auth}/role/opssight/secret-id"), json!({})).await;
    let secret_file = dir.path().join("secret-id");
    std::fs::write(&secret_file, secret_id["data"]["secret_id"].as_str().unwrap()).unwrap();
    let role = id["data"]["role_id"].as_str().unwrap().to_owned();
    let by_role = vault(server().0, VaultAuth::AppRole { mount: auth, role, secret: secret_file });
    let keys = KeyRing::open(key_of(&by_role, &mount), Vec::new()).unwrap();
    let store = open(dir.path(), &keys, Duration::ZERO).await;
    for _ in 0..2 {
        assert!(store.credentials(&"c".into()).await.unwrap() == secret("s"));
        // Its token has ended by then.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
    }
}

#[tokio::test]
async fn a_data_key_that_vault_refuses_is_named_and_hinders_no_other() {
    let (dir, mount) = (tempfile::tempdir().unwrap(), transit().await);
    let place = Place::Dir(dir.path().to_owned());
    let keys = KeyRing::open(key_of(&with_token(&server().1), &mount), Vec::new()).unwrap();
    let store = open(dir.path(), &keys, Duration::ZERO).await;
    for n in 0..4 {
        store.insert(&connection(&format!("c{n}")), &secret(&format!("s{n}")), &[]).await.unwrap();
    }
    store.close().await;
    crate::rotation::spoil(&place, "c1", |data_key| {
        let at = data_key.len() - 8;
        data_key[at..].copy_from_slice(b"AAAAAAAA");
    })
    .await;
    for version in 2..4 {
        let refused = rotate_secrets(&place, &keys, Rotate::default(), |_| {}).await.unwrap_err();
        assert!(matches!(&refused, RotateError::Unreadable { owners, .. } if owners == &["c1"]), "{refused:?}");
        assert!(refused.to_string().contains("HTTP 400"), "{refused}");
        let key = admin("GET", &format!("{mount}/keys/opssight"), json!({})).await;
        assert_eq!(key["data"]["latest_version"], version);
        let status = secrets_status(&place, &keys).await.unwrap();
        assert_eq!((status.keys[0].data_keys, status.keys[0].behind), (5, Some(1)), "{status:?}");
    }
}

/// A role whose secret is good for so many times, and that may read below one path of a key-value engine.
async fn role(mount: &str, uses: u32, dir: &Path) -> VaultAuth {
    let (auth, policy) = (unique("approle"), unique("policy"));
    let rules = format!(r#"path "{mount}/data/ci/*" {{ capabilities = ["read"] }}"#);
    admin("PUT", &format!("sys/policies/acl/{policy}"), json!({ "policy": rules })).await;
    admin("POST", &format!("sys/auth/{auth}"), json!({ "type": "approle" })).await;
    let role = json!({ "token_policies": [policy], "secret_id_num_uses": uses });
    admin("POST", &format!("auth/{auth}/role/opssight"), role).await;
    let id = admin("GET", &format!("auth/{auth}/role/opssight/role-id"), json!({})).await;
    let secret_id = admin("POST", &format!("auth/{auth}/role/opssight/secret-id"), json!({})).await;
    let secret = dir.join("secret-id");
    std::fs::write(&secret, secret_id["data"]["secret_id"].as_str().unwrap()).unwrap();
    VaultAuth::AppRole { mount: auth, role: id["data"]["role_id"].as_str().unwrap().to_owned(), secret }
}

#[tokio::test]
async fn nobody_makes_a_host_sign_in_again_and_again() {
    let (dir, mount) = (tempfile::tempdir().unwrap(), unique("kv"));
    admin("POST", &format!("sys/mounts/{mount}"), json!({ "type": "kv", "options": { "version": "2" } })).await;
    // A new mount upgrades itself for a moment.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for n in 0..8 {
        admin("POST", &format!("{mount}/data/ci/{n}"), json!({ "data": { "token": "t" } })).await;
    }
    // Vault takes the secret twice: once for all who ask at first, and once because something is denied.
    let host = vault(server().0, role(&mount, 2, dir.path()).await);
    let root = format!("{mount}/data/");
    let ask = |folder: &str, n: u32| {
        let (value, host, root) = (format!("vault:{mount}/data/{folder}/{n}#token"), Arc::clone(&host), root.clone());
        async move { read(&value, Some(host), &[&root]).await }
    };
    for answer in futures::future::join_all((0..8).map(|n| ask("ci", n))).await {
        assert!(answer.is_ok(), "they signed in one by one: {}", told(&answer.unwrap_err()));
    }
    for _ in 0..2 {
        for answer in futures::future::join_all((0..8).map(|n| ask("admin", n))).await {
            let refused = told(&answer.unwrap_err());
            assert!(refused.contains("permission denied"), "they signed in each time: {refused}");
        }
    }
    assert!(ask("ci", 0).await.is_ok());
}

/// A connection with one input of this value.
struct Refers(String);

#[async_trait]
impl CredentialSource for Refers {
    async fn credentials(&self, _: &ConnectionId) -> Result<Credentials, StoreError> {
        let inputs = BTreeMap::from([("token".to_owned(), self.0.clone()), ("user".to_owned(), "me".to_owned())]);
        Ok(Credentials::from([("api".to_owned(), Credential { scheme: "basic".to_owned(), inputs })]))
    }
}

async fn read(value: &str, vault: Option<Arc<Vault>>, paths: &[&str]) -> Result<Credentials, StoreError> {
    let paths = paths.iter().map(|&path| path.to_owned()).collect();
    let source = VaultCredentials::new(Arc::new(Refers(value.to_owned())), vault, paths, Duration::from_secs(60));
    source.credentials(&"c".into()).await
}

#[tokio::test]
async fn a_credential_that_stays_in_vault_is_read_when_it_is_needed() {
    let mount = unique("kv");
    admin("POST", &format!("sys/mounts/{mount}"), json!({ "type": "kv", "options": { "version": "2" } })).await;
    let canary = "canary-of-the-key-value-engine";
    let fields = json!({ "data": { "token": canary, "port": 7, "deep": { "x": 1 } } });
    // A new mount upgrades itself for a moment.
    tokio::time::sleep(Duration::from_secs(1)).await;
    admin("POST", &format!("{mount}/data/ci/github"), fields).await;
    let rules = format!(r#"path "{mount}/data/ci/*" {{ capabilities = ["read"] }}"#);
    let token = token_for(&rules).await;
    let (host, root) = (with_token(&token), format!("{mount}/data/"));
    let field = |name: &str| format!("vault:{mount}/data/ci/github#{name}");
    let read_token = read(&field("token"), Some(Arc::clone(&host)), &[&root]).await.unwrap();
    assert_eq!(read_token["api"].inputs["token"], canary);
    assert_eq!(read_token["api"].inputs["user"], "me");
    assert_eq!(read(&field("port"), Some(Arc::clone(&host)), &[&root]).await.unwrap()["api"].inputs["token"], "7");
    for (value, vault, paths, why) in [
        (field("token"), None, vec![root.as_str()], "set `secrets.vault.address`"),
        (field("token"), Some(&host), vec![], "`secrets.vault.paths`"),
        (field("token"), Some(&host), vec!["elsewhere/data"], "`secrets.vault.paths`"),
        (field("deep"), Some(&host), vec![root.as_str()], "no text field `deep`"),
        (field("absent"), Some(&host), vec![root.as_str()], "no text field `absent`"),
        (format!("vault:{mount}/data/ci/none#x"), Some(&host), vec![root.as_str()], "there is nothing there"),
        (format!("vault:{mount}/data/admin/x#x"), Some(&host), vec![root.as_str()], "permission denied"),
        ("vault:nonsense".to_owned(), Some(&host), vec![root.as_str()], "vault:secret/data/path#field"),
    ] {
        let refused = told(&read(&value, vault.cloned(), &paths).await.unwrap_err());
        assert!(refused.contains(why), "{value}: {refused}");
        assert!(!refused.contains(canary) && !refused.contains(&token), "{refused}");
    }
    let sealed = read(&field("token"), Some(sealed_vault().await), &[&root]).await.unwrap_err();
    assert!(told(&sealed).contains("it is sealed"), "{}", told(&sealed));

    // What was read is used while Vault is away.
    let cable = Cable::plug().await;
    let through = vault(cable.address.clone(), VaultAuth::Token(SecretText::from(token)));
    let keep = Duration::from_secs(2);
    let source = VaultCredentials::new(Arc::new(Refers(field("token"))), Some(through), vec![root], keep);
    assert_eq!(source.credentials(&"c".into()).await.unwrap()["api"].inputs["token"], canary);
    cable.up.send_replace(false);
    assert_eq!(source.credentials(&"c".into()).await.unwrap()["api"].inputs["token"], canary);
    tokio::time::sleep(keep).await;
    let refused = told(&source.credentials(&"c".into()).await.unwrap_err());
    assert!(refused.contains("nobody answers there"), "{refused}");
    assert!(!format!("{source:?}").contains(canary));
}

/// Answers as a Vault that somebody has to unseal.
async fn sealed_vault() -> Arc<Vault> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        while let Ok((mut asked, _)) = listener.accept().await {
            let mut request = [0; 2048];
            let _some = asked.read(&mut request).await;
            let body = r#"{"errors":["Vault is sealed"]}"#;
            let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nconnection: close";
            let _sent =
                asked.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
        }
    });
    vault(address, VaultAuth::Token(SecretText::from("some-token".to_owned())))
}
