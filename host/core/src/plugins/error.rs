//! How a plugin call fails, in words that the host, the operator and the retry rule all understand.

use crate::id::{ConnectionId, PluginId};
use serde::{Deserialize, Serialize};

/// Whose fault it is. Operators filter by this first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultSource {
    /// The plugin: a trap, a panic, a wrong answer, a used-up budget.
    Plugin,
    /// The system that it talks to.
    Upstream,
    /// A rule of the operator: egress denied, no credential, not granted.
    Policy,
    /// This host.
    Host,
}

/// What the host does about it. The first seven are the contract's closed set; the others only the host can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// The settings are wrong.
    Config,
    /// The credential was refused.
    Auth,
    /// Wait, then try again.
    RateLimited,
    /// The upstream failed: try again.
    Upstream,
    /// Not there: do not try again.
    NotFound,
    /// Not known to the plugin: do not try again.
    Unsupported,
    /// The plugin failed by its own account.
    Internal,
    /// The plugin trapped or panicked.
    Trap,
    /// A budget ran out: `code` names which.
    Budget,
    /// The host could not make the call (not installed, draining, storage away): try again.
    Unavailable,
}

impl FaultSource {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plugin => "plugin",
            Self::Upstream => "upstream",
            Self::Policy => "policy",
            Self::Host => "host",
        }
    }

    /// And back.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Plugin, Self::Upstream, Self::Policy, Self::Host].into_iter().find(|source| source.name() == name)
    }
}

impl FailureClass {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Config,
        Self::Auth,
        Self::RateLimited,
        Self::Upstream,
        Self::NotFound,
        Self::Unsupported,
        Self::Internal,
        Self::Trap,
        Self::Budget,
        Self::Unavailable,
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Auth => "auth",
            Self::RateLimited => "rate-limited",
            Self::Upstream => "upstream",
            Self::NotFound => "not-found",
            Self::Unsupported => "unsupported",
            Self::Internal => "internal",
            Self::Trap => "trap",
            Self::Budget => "budget",
            Self::Unavailable => "unavailable",
        }
    }

    /// And back.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Whether trying the same call again can help.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::RateLimited | Self::Upstream | Self::Unavailable | Self::Auth | Self::Config)
    }
}

/// A failed plugin call. Names plugin, version and source, so that nobody has to guess.
#[derive(Debug, Clone, thiserror::Error)]
#[error("plugin {plugin} {version} failed ({source_name}): {message}", source_name = .fault.name())]
pub struct CallError {
    /// Which plugin.
    pub plugin: PluginId,
    /// Which version of it; empty when none could be found.
    pub version: String,
    /// On behalf of which connection.
    pub connection: ConnectionId,
    /// Whose fault.
    pub fault: FaultSource,
    /// What to do about it.
    pub class: FailureClass,
    /// Machine readable: "budget.cpu", "egress.denied", "github.bad-payload".
    pub code: String,
    /// A sentence for a person. Never a secret, never a body.
    pub message: String,
    /// How long the upstream asked us to wait.
    pub retry_after_ms: Option<u64>,
}
