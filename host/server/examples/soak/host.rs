//! The host that is soaked.

use crate::client::Client;
use crate::launch::{Launch, Launched};
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// A running host. It ends with this value.
pub(crate) struct Host(Launched);

impl Host {
    pub(crate) fn start(binary: &str, dir: &Path) -> Self {
        let launch = Launch::by(Command::new(binary), dir)
            // Full early, so that what grows after that is not it.
            .env("OPSSIGHT_STORE__CACHE_MIB", "4")
            // As `deploy` starts a host.
            .env("MALLOC_ARENA_MAX", "2")
            .env("MALLOC_MMAP_THRESHOLD_", "131072")
            .env("MALLOC_TRIM_THRESHOLD_", "131072");
        Self(launch.start().expect("the host becomes ready"))
    }

    /// What it has allocated, with what lies in files that are in memory only, as plugins do; pages of its own program
    /// that were read in are not its doing.
    pub(crate) fn memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.child.id())).unwrap_or_default();
        let kib = |field: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("the host is still running");
            line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
        };
        kib("RssAnon:") + kib("RssShmem:")
    }

    pub(crate) async fn sign_in(&self) -> Client {
        Client::sign_in(&self.0.url, self.0.secret.as_deref().expect("a first start shows the secret")).await
    }
}

/// A connection to a plugin: its id and its webhook secret.
pub(crate) async fn connect(client: &Client, plugin: &str) -> (String, String) {
    let digest = client.get(&format!("/api/v1/plugins/{plugin}")).await["digest"].clone();
    client.connect(&json!({ "name": plugin, "plugin": plugin, "consent": digest })).await
}
