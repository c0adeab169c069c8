//! Over TLS: with an authority of one's own, and what is said where there is none.

use super::secured::{ROOT, Secured};
use super::{key_of, open, read, server, told};
use crate::connections::secret;
use crate::ports::connection;
use opssight_backends::{KeyRing, SecretText, Vault, VaultAuth, VaultOptions};
use opssight_core::connections::ConnectionStore;
use opssight_core::plugins::CredentialSource;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

fn vault(scheme: &str, port: u16, ca: Option<PathBuf>) -> Arc<Vault> {
    let address = format!("{scheme}://127.0.0.1:{port}").parse().unwrap();
    let auth = VaultAuth::Token(SecretText::from(ROOT.to_owned()));
    Vault::new(VaultOptions { address, auth, ca, namespace: None }).unwrap()
}

#[tokio::test]
async fn keys_and_credentials_come_from_a_vault_that_an_authority_of_ones_own_vouches_for() {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (server, dir) = (Secured::start(), tempfile::tempdir().unwrap());
    server.ask("sys/mounts/transit", json!({ "type": "transit" })).await;
    server.ask("transit/keys/opssight", json!({})).await;
    server.ask("secret/data/ci/github", json!({ "data": { "token": "of-the-engine" } })).await;
    let host = vault("https", server.port, Some(server.ca_file()));
    let seen = host.check_up().await.unwrap();
    assert_eq!((seen.at, seen.token_ends_in), (format!("127.0.0.1:{}", server.port), None));
    let keys = KeyRing::open(key_of(&host, "transit"), Vec::new()).unwrap();
    let store = open(dir.path(), &keys, Duration::ZERO).await;
    store.insert(&connection("c"), &secret("s"), &[]).await.unwrap();
    assert!(store.credentials(&"c".into()).await.unwrap() == secret("s"));
    let found = read("vault:secret/data/ci/github#token", Some(host), &["secret/data/"]).await.unwrap();
    assert_eq!(found["api"].inputs["token"], "of-the-engine");
}

#[tokio::test]
async fn a_vault_that_is_not_certainly_it_is_told_nothing_and_why_is_said() {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (one, other) = (Secured::start(), Secured::start());
    one.ask("sys/mounts/transit", json!({ "type": "transit" })).await;
    let plain = server().0.port().unwrap();
    let authority = "its certificate is not believed; secrets.vault.ca_file names its authority";
    for (vault, says) in [
        (vault("https", one.port, None), authority),
        (vault("https", one.port, Some(other.ca_file())), authority),
        (vault("http", one.port, None), "if it speaks TLS there, write https://"),
        (vault("https", plain, Some(one.ca_file())), "it does not speak TLS there"),
    ] {
        let looked = told(&vault.check_up().await.unwrap_err());
        let asked = told(&read("vault:secret/data/x#y", Some(vault), &["secret/data/"]).await.unwrap_err());
        for said in [looked, asked] {
            assert!(said.contains(says) && said.contains("Vault at 127.0.0.1:"), "not `{says}`: {said}");
            assert!(!said.contains(ROOT), "{said}");
        }
    }
}
