//! Recorded calls of plugins, and what plugins logged.

use crate::units::utc;
use chrono::{DateTime, Utc};
use opssight_core::plugins as core;
use opssight_core::plugins::evidence::{CallSummary, OutcomeFilter};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// With an answer.
    Ok,
    /// With a failure.
    Failed,
}

impl From<CallOutcome> for OutcomeFilter {
    fn from(outcome: CallOutcome) -> Self {
        match outcome {
            CallOutcome::Ok => Self::Ok,
            CallOutcome::Failed => Self::Failed,
        }
    }
}

/// Which recorded calls.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CallQuery {
    /// Only for this connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<String>,
    /// Only those that ended so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<CallOutcome>,
    /// Where an earlier page ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Rows, 1 to 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A recorded call, in one line.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Call {
    /// Its id.
    pub id: String,
    /// When it began.
    pub at: DateTime<Utc>,
    /// Of which plugin.
    pub plugin: String,
    /// Of which version.
    pub version: String,
    /// `sha256:...` of the package.
    pub digest: String,
    /// For which connection.
    pub connection: String,
    /// "webhook", "source", "actions", "health", ...
    pub kind: String,
    /// How it ended.
    pub outcome: CallOutcome,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<CallFailure>,
    /// It can be replayed: nothing of the record had to be cut.
    pub replayable: bool,
    /// Size of the record in bytes.
    pub size: u64,
}

/// What went wrong in a call.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CallFailure {
    /// Whose fault: "plugin", "upstream", "policy", "host".
    pub fault: String,
    /// What to do about it: "auth", "rate-limited", "trap", ...
    pub class: String,
    /// Machine readable.
    pub code: String,
    /// For people.
    pub message: String,
}

impl From<CallSummary> for Call {
    fn from(call: CallSummary) -> Self {
        let error = call.failure.map(|(fault, class, code, message)| CallFailure {
            fault: fault.name().to_owned(),
            class: class.name().to_owned(),
            code,
            message,
        });
        Self {
            id: call.id.0,
            at: utc(call.at),
            plugin: call.plugin.0,
            version: call.version,
            digest: call.digest,
            connection: call.connection.0,
            kind: call.kind,
            outcome: if error.is_some() { CallOutcome::Failed } else { CallOutcome::Ok },
            error,
            replayable: call.replayable,
            size: call.size,
        }
    }
}

/// A line that a plugin logged.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PluginLogLine {
    /// When.
    pub at: DateTime<Utc>,
    /// "trace", "debug", "info", "warn" or "error".
    pub level: String,
    /// For which connection.
    pub connection: String,
    /// One line, cleaned of control and invisible characters and of secrets. Plain text: escape it wherever it becomes
    /// part of a page or a table.
    pub message: String,
}

impl From<core::LogLine> for PluginLogLine {
    fn from(line: core::LogLine) -> Self {
        Self {
            at: utc(line.at),
            level: line.level.name().to_owned(),
            connection: line.connection.0,
            message: line.message,
        }
    }
}
