//! Telling people. The host keeps what was said to whom: a receipt belongs to the notification at its place, whatever
//! the plugin writes into it.

use crate::plugins::{CallError, CallTarget, Called, FailureClass};
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Information,
    /// For when there is time.
    Low,
    /// Today.
    Medium,
    /// Soon.
    High,
    /// Now.
    Critical,
}

impl Severity {
    /// As the contract counts: 0 information to 4 critical.
    pub fn level(self) -> u8 {
        match self {
            Self::Information => 0,
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 3,
            Self::Critical => 4,
        }
    }
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Idempotency key: the same over all attempts.
    pub id: String,
    /// One line.
    pub title: String,
    /// Markdown.
    pub body_md: String,
    /// How bad.
    pub severity: Severity,
    /// When it happened.
    pub at: Timestamp,
    /// Where to look.
    pub url: Option<String>,
    /// Notifications of one alert share it.
    pub group_key: String,
    /// It is over.
    pub resolved: bool,
    /// Further facts.
    pub attrs: Vec<(String, String)>,
}

/// It was taken upstream.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Upstream's name for it.
    pub upstream_id: Option<String>,
    /// Further facts.
    pub attrs: Vec<(String, String)>,
}

/// One notification was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{code}: {message}")]
pub struct NotifyFailure {
    /// What to do about it.
    pub class: FailureClass,
    /// Machine readable.
    pub code: String,
    /// A sentence for a person.
    pub message: String,
    /// How long to wait before the next attempt.
    pub retry_after_ms: Option<u64>,
}

/// What became of one notification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notified {
    /// The notification's own id, from the batch that was handed over and never from the plugin.
    pub id: String,
    /// Taken or not.
    pub outcome: Result<Receipt, NotifyFailure>,
}

/// The port: whoever can tell people.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Send a batch to a target of the connection (a channel, an address; empty for the one in its settings). One
    /// answer per notification, in order. An error means that nothing is known about any of them: all are sent again,
    /// and their ids keep them from being shown twice.
    async fn notify(
        &self,
        target: &CallTarget,
        channel: &str,
        batch: Vec<Notification>,
    ) -> Result<Called<Vec<Notified>>, CallError>;
}
