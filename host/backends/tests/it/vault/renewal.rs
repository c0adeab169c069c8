//! Tokens of a few seconds: renewed, cut off while they should be, and told of where nothing can be done.

use super::{Cable, admin, key_of, open, read, server, transit, unique, vault, with_token};
use crate::connections::secret;
use crate::ports::connection;
use opssight_backends::{KeyRing, SecretText, Vault, VaultAuth};
use opssight_core::connections::ConnectionStore;
use opssight_core::plugins::CredentialSource;
use serde_json::{Value, json};
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// A token that may use the transit engine and read below one path, with more of its own.
async fn token(mount: &str, kv: &str, more: Value) -> String {
    let name = unique("policy");
    let rules = format!(
        r#"path "{mount}/*" {{ capabilities = ["update"] }}
           path "{kv}/data/ci/*" {{ capabilities = ["read"] }}"#
    );
    admin("PUT", &format!("sys/policies/acl/{name}"), json!({ "policy": rules })).await;
    let mut wanted = json!({ "policies": [name] });
    wanted.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = admin("POST", "auth/token/create", wanted).await;
    made["auth"]["client_token"].as_str().unwrap().to_owned()
}

/// A key-value engine with one secret.
async fn kv() -> String {
    let mount = unique("kv");
    admin("POST", &format!("sys/mounts/{mount}"), json!({ "type": "kv", "options": { "version": "2" } })).await;
    // A new mount upgrades itself for a moment.
    tokio::time::sleep(Duration::from_secs(1)).await;
    admin("POST", &format!("{mount}/data/ci/github"), json!({ "data": { "token": "of-the-engine" } })).await;
    mount
}

async fn is_good(token: &str) -> bool {
    with_token(token).check_up().await.is_ok()
}

/// Looked after for so long, with what was said meanwhile.
async fn tended(vault: Arc<Vault>, time: Duration) -> Vec<String> {
    let (heard, stop) = (Heard::default(), CancellationToken::new());
    let listening = tracing::subscriber::set_default(heard.clone());
    let task = tokio::spawn(vault.keep_token(stop.clone()));
    tokio::time::sleep(time).await;
    stop.cancel();
    task.await.unwrap();
    drop(listening);
    std::mem::take(&mut *heard.0.lock().unwrap())
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends_also_where_vault_is_away_for_a_moment() {
    let (dir, mount, kv, cable) = (tempfile::tempdir().unwrap(), transit().await, kv().await, Cable::plug().await);
    let ttl = json!({ "ttl": "12s" });
    let (kept, left) = (token(&mount, &kv, ttl.clone()).await, token(&mount, &kv, ttl).await);
    let host = vault(cable.address.clone(), VaultAuth::Token(SecretText::from(kept.clone())));
    let keys = KeyRing::open(key_of(&host, &mount), Vec::new()).unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(Arc::clone(&host).keep_token(stop.clone()));
    // One that asks Vault each time, and one that has what it knows in memory.
    let asking = open(dir.path(), &keys, Duration::ZERO).await;
    asking.insert(&connection("c"), &secret("s"), &[]).await.unwrap();
    let field = format!("vault:{kv}/data/ci/github#token");
    let works = async |when: &str| {
        assert!(asking.credentials(&"c".into()).await.unwrap() == secret("s"), "{when}");
        let found = read(&field, Some(Arc::clone(&host)), &[&format!("{kv}/data/")]).await;
        assert_eq!(found.unwrap()["api"].inputs["token"], "of-the-engine", "{when}");
    };
    works("at first").await;
    // Away while it would be renewed, and back before it ends.
    tokio::time::sleep(Duration::from_secs(7)).await;
    cable.up.send_replace(false);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    cable.up.send_replace(true);
    for when in ["after its first time", "after its second time"] {
        tokio::time::sleep(Duration::from_secs(12)).await;
        works(when).await;
    }
    assert!(is_good(&kept).await && !is_good(&left).await, "nobody else renewed them");
    stop.cancel();
    task.await.unwrap();
    asking.close().await;
}

#[tokio::test]
async fn what_is_in_memory_outlives_renewals_and_not_the_token() {
    let (dir, mount, kv) = (tempfile::tempdir().unwrap(), transit().await, kv().await);
    let short = token(&mount, &kv, json!({ "ttl": "6s" })).await;
    let host = with_token(&short);
    let keys = KeyRing::open(key_of(&host, &mount), Vec::new()).unwrap();
    let store = open(dir.path(), &keys, Duration::from_secs(5)).await;
    store.insert(&connection("c"), &secret("s"), &[]).await.unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(Arc::clone(&host).keep_token(stop.clone()));
    for _ in 0..10 {
        assert!(store.credentials(&"c".into()).await.unwrap() == secret("s"));
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    stop.cancel();
    task.await.unwrap();
    // Nobody renews it now: it ends, and with it what was in memory.
    tokio::time::sleep(Duration::from_secs(12)).await;
    store.credentials(&"c".into()).await.unwrap_err();
    store.close().await;
}

#[tokio::test]
async fn the_end_of_a_token_that_cannot_be_renewed_is_told_once() {
    let (mount, kv) = (transit().await, kv().await);
    let fixed = token(&mount, &kv, json!({ "ttl": "1h", "renewable": false })).await;
    let said = tended(with_token(&fixed), Duration::from_secs(2)).await;
    let [told] = said.as_slice() else { panic!("{said:?}") };
    assert!(told.contains("it is not renewable") && told.contains("start this host again"), "{told}");
    let end = admin("POST", "auth/token/lookup", json!({ "token": fixed })).await;
    assert!(told.contains(end["data"]["expire_time"].as_str().unwrap()), "{told} {end}");

    let limited = token(&mount, &kv, json!({ "ttl": "12s", "explicit_max_ttl": "20s" })).await;
    let said = tended(with_token(&limited), Duration::from_secs(18)).await;
    let [told] = said.as_slice() else { panic!("{said:?}") };
    assert!(told.contains("its longest time is over then"), "{told}");
    assert!(is_good(&limited).await, "until then it was renewed");

    // One of a file is read again there.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    let first = token(&mount, &kv, json!({ "ttl": "2s", "renewable": false })).await;
    let then = token(&mount, &kv, json!({ "ttl": "9s" })).await;
    std::fs::write(&file, &first).unwrap();
    let by_file = vault(server().0, VaultAuth::TokenFile(file.clone()));
    let said = tended(Arc::clone(&by_file), Duration::from_secs(1)).await;
    assert!(said.iter().any(|told| told.contains(&format!("put another one into {}", file.display()))), "{said:?}");
    std::fs::write(&file, &then).unwrap();
    let said = tended(by_file, Duration::from_secs(10)).await;
    assert!(is_good(&then).await, "{said:?}");
    for said in said {
        assert!(!said.contains(&first) && !said.contains(&then), "{said}");
    }
}

#[tokio::test]
async fn a_token_that_may_not_look_at_itself_is_told_of() {
    let (mount, kv) = (transit().await, kv().await);
    let blind = token(&mount, &kv, json!({ "ttl": "1h", "no_default_policy": true })).await;
    let said = tended(with_token(&blind), Duration::from_secs(2)).await;
    let [told] = said.as_slice() else { panic!("{said:?}") };
    assert!(told.contains("does its policy allow auth/token/lookup-self"), "{told}");
    // Nobody is there at all, and nothing to renew: whoever signs in by AppRole needs none of this.
    let secret = "/no/such/file".into();
    let auth = VaultAuth::AppRole { mount: "approle".to_owned(), role: "r".to_owned(), secret };
    vault("http://127.0.0.1:9".parse().unwrap(), auth).keep_token(CancellationToken::new()).await;
}

/// What is said to people.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

struct Told(String);

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::INFO
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        // What libraries say of requests is switched off in a host.
        if event.metadata().target().starts_with("opssight") {
            let mut told = Told(String::new());
            event.record(&mut told);
            self.0.lock().unwrap().push(told.0);
        }
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
