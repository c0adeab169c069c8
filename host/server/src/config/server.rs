//! `[server]`

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Where this host listens and keeps its data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Folder of the database, the keys and the compiled plugins; made if it is not there.
    pub data: PathBuf,
    /// Address under which browsers and upstreams reach this host, `https://...`; shown in hook addresses. With
    /// https, session cookies are marked `Secure`.
    pub public_url: Option<url::Url>,
    /// How long running work may go on after a stop was asked for, seconds.
    pub drain_secs: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from("opssight-data"),
            public_url: None,
            drain_secs: 20,
        }
    }
}

impl ServerConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(url) = &self.public_url
            && !matches!(url.scheme(), "https" | "http")
        {
            problems.push(format!("server.public_url: `{url}` must begin with https:// or http://"));
        }
        if !(1..=600).contains(&self.drain_secs) {
            problems.push("server.drain_secs: must be 1 to 600".to_owned());
        }
        problems
    }
}
