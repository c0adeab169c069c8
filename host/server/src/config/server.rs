//! `[server]`

use super::Roles;
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
    /// What this process does: `all`, or some of `api`, `ingest`, `worker` and `metrics` where several processes share
    /// one database.
    pub roles: Roles,
    /// How long requests are still taken after a stop was asked for, while `/readyz` already says that none should be
    /// sent here, seconds. Behind a load balancer: longer than it takes to notice.
    pub leave_secs: u64,
    /// How long running work may go on after that, seconds.
    pub drain_secs: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from("opssight-data"),
            public_url: None,
            roles: Roles::default(),
            leave_secs: 0,
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
        if self.leave_secs > 600 {
            problems.push("server.leave_secs: must be at most 600".to_owned());
        }
        if !(1..=600).contains(&self.drain_secs) {
            problems.push("server.drain_secs: must be 1 to 600".to_owned());
        }
        problems
    }
}
