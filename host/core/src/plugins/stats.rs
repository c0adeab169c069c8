//! What a plugin did and said since this host started.

use super::{FailureClass, FaultSource};
use crate::id::ConnectionId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a plugin did since this host started.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PluginStats {
    /// Calls made.
    pub calls: u64,
    /// Calls that failed, by whose fault.
    pub failures: BTreeMap<String, u64>,
    /// Calls that failed, by what to do about it: "auth", "trap", "budget", ...
    pub classes: BTreeMap<String, u64>,
    /// Calls by kind.
    pub kinds: BTreeMap<String, KindStats>,
    /// CPU time per call, microseconds, median and 99th percentile of the last calls.
    pub cpu_us_p50: u64,
    /// See `cpu_us_p50`.
    pub cpu_us_p99: u64,
    /// CPU time of all calls together, milliseconds.
    pub cpu_ms_total: u64,
    /// Wall time per call, microseconds.
    pub wall_us_p50: u64,
    /// See `wall_us_p50`.
    pub wall_us_p99: u64,
    /// Most memory that one call used, bytes.
    pub memory_bytes_max: u64,
    /// Outbound requests let through.
    pub egress_requests: u64,
    /// Outbound requests refused.
    pub egress_denied: u64,
    /// Log lines that were too many and are gone.
    pub log_lines_dropped: u64,
    /// The last error, for people.
    pub last_error: Option<String>,
    /// The last failure of each connection that had one, newest first.
    pub last_faults: Vec<ConnectionFault>,
}

/// Calls of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KindStats {
    /// Made.
    pub calls: u64,
    /// Of them, how many failed.
    pub failed: u64,
}

/// The last failure of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionFault {
    /// Which.
    pub connection: ConnectionId,
    /// When.
    pub at: Timestamp,
    /// "webhook", "source", ...
    pub kind: String,
    /// Whose fault.
    pub fault: FaultSource,
    /// What to do about it.
    pub class: FailureClass,
    /// Machine readable.
    pub code: String,
    /// A sentence for a person.
    pub message: String,
}

/// How loud a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
}

impl LogLevel {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// A line that a plugin logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// How loud.
    pub level: LogLevel,
    /// For which connection.
    pub connection: ConnectionId,
    /// Cleaned and without secrets.
    pub message: String,
}
