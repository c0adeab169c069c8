//! What an administrator does who cannot make up their mind.

use crate::client::Client;
use opssight_core::plugins::digest_of;
use opssight_package::{SigningKey, sign};
use opssight_testkit::guests;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Two, so that one is always there for the host to look after while the other changes.
pub(crate) const PLUGINS: [&str; 2] = ["soak-first", "another-one"];
const PUBLISHER: &str = "soak";

pub(crate) struct Desk {
    client: Client,
    key: SigningKey,
    dice: u64,
    version: u32,
    /// Steps by name and status.
    done: BTreeMap<(&'static str, u16), u32>,
    /// Answers that no step may have.
    pub(crate) unexpected: u32,
}

impl Desk {
    pub(crate) fn open(client: Client, seed: u64) -> Self {
        let key = SigningKey::generate().expect("a key");
        Self { client, key, dice: seed | 1, version: 0, done: BTreeMap::new(), unexpected: 0 }
    }

    fn roll(&mut self, below: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice >> 11) % below
    }

    /// A version that was never there, agreed to.
    pub(crate) async fn install(&mut self, plugin: &str) {
        self.version += 1;
        let package = sign(&package(plugin, self.version), PUBLISHER, &self.key).expect("sealed");
        let path = format!("/api/v1/plugins?allow_similar_name=true&consent={}", digest_of(&package));
        let request = self.client.request(Method::POST, &path).header("content-type", "application/wasm");
        let (status, told) = self.client.ask(request.body(package)).await;
        self.note("install", status, &told, &[200, 201, 202]);
    }

    /// One step at random.
    pub(crate) async fn step(&mut self) {
        let plugin = PLUGINS[usize::try_from(self.roll(2)).unwrap_or(0)];
        match self.roll(100) {
            0..45 => self.install(plugin).await,
            45..65 => self.change("rollback", plugin, &json!({ "reason": "a soak" }), &[200, 404, 409]).await,
            65..75 => self.change("disable", plugin, &json!({}), &[200, 404]).await,
            75..90 => self.change("enable", plugin, &json!({}), &[200, 404]).await,
            90..95 => self.revoke(plugin).await,
            _ => self.uninstall(plugin).await,
        }
    }

    async fn change(&mut self, step: &'static str, plugin: &str, body: &Value, expected: &[u16]) {
        let (status, told) = self.client.post(&format!("/api/v1/plugins/{plugin}/{step}"), body).await;
        self.note(step, status, &told, expected);
    }

    /// Stop the version that runs, and put another in its place.
    async fn revoke(&mut self, plugin: &str) {
        let (status, shown) =
            self.client.ask(self.client.request(Method::GET, &format!("/api/v1/plugins/{plugin}"))).await;
        if status == 200 && shown["digest"].is_string() {
            let body = json!({ "digest": shown["digest"], "reason": "a soak" });
            self.change("revoke", plugin, &body, &[200, 404]).await;
        }
        self.install(plugin).await;
    }

    /// Take it away with its connections kept, and bring it back.
    async fn uninstall(&mut self, plugin: &str) {
        let request = self.client.request(Method::DELETE, &format!("/api/v1/plugins/{plugin}?data=keep"));
        let (status, told) = self.client.ask(request).await;
        self.note("uninstall", status, &told, &[200, 204, 404]);
        self.install(plugin).await;
    }

    /// Everything runs again.
    pub(crate) async fn mend(&mut self) {
        for plugin in PLUGINS {
            self.install(plugin).await;
            self.change("enable", plugin, &json!({}), &[200]).await;
        }
    }

    fn note(&mut self, step: &'static str, status: u16, told: &Value, expected: &[u16]) {
        *self.done.entry((step, status)).or_default() += 1;
        if !expected.contains(&status) {
            self.unexpected += 1;
            println!("{step}: {status} {told}");
        }
    }

    pub(crate) fn summary(&self) -> String {
        let all: Vec<String> =
            self.done.iter().map(|((step, status), count)| format!("{step} {status} x {count}")).collect();
        format!("{}; {} unexpected", all.join(", "), self.unexpected)
    }
}

fn package(plugin: &str, version: u32) -> Vec<u8> {
    let manifest = guests::manifest(json!({
        "id": plugin, "version": format!("1.{version}.0"), "publisher": PUBLISHER,
        "credentials": [{ "name": "hook", "title": "Webhook secret", "schemes": [
            { "scheme": "hmac-sha256", "title": "Secret", "inputs": [{ "name": "secret", "title": "Secret", "secret": true }] }
        ] }],
        "webhook": {
            "credential": "hook", "headers": [], "delivery_id": "x-delivery",
            "verification": {
                "scheme": "hmac-sha256", "header": "x-signature", "prefix": "", "encoding": "hex", "input": "secret"
            }
        },
    }));
    guests::package_of(guests::NOOP, &["health", "webhook"], &manifest)
}
