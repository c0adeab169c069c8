//! `[plugins.caps]`

use opssight_core::plugins::manifest::BudgetAsk;
use serde::{Deserialize, Serialize};

/// The most that one call of a plugin may use, whatever its kind allows and its manifest asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CapsConfig {
    /// Thread CPU time, milliseconds.
    pub cpu_ms: Option<u32>,
    /// Time from start to end, milliseconds.
    pub wall_ms: Option<u32>,
    /// Linear memory, MiB.
    pub memory_mib: Option<u32>,
    /// Entries of one table.
    pub table_entries: Option<u32>,
    /// Calls of the host's functions.
    pub host_calls: Option<u32>,
    /// Data that crosses the boundary at once, KiB.
    pub hostcall_kib: Option<u32>,
    /// Outbound requests; 0 lets no plugin send any.
    pub requests: Option<u32>,
    /// Body of one request, KiB.
    pub request_kib: Option<u32>,
    /// Body of one response, KiB.
    pub response_kib: Option<u32>,
    /// Items, rows, receipts or findings of one answer.
    pub result_items: Option<u32>,
    /// One answer, KiB.
    pub result_kib: Option<u32>,
    /// Log lines.
    pub log_lines: Option<u32>,
    /// All log lines together, KiB.
    pub log_kib: Option<u32>,
    /// Keys and values that a connection keeps, KiB.
    pub state_kib: Option<u32>,
    /// Keys that a connection keeps.
    pub state_keys: Option<u32>,
}

impl From<CapsConfig> for BudgetAsk {
    fn from(caps: CapsConfig) -> Self {
        Self {
            cpu_ms: caps.cpu_ms,
            wall_ms: caps.wall_ms,
            memory_mib: caps.memory_mib,
            table_entries: caps.table_entries,
            host_calls: caps.host_calls,
            hostcall_kib: caps.hostcall_kib,
            requests: caps.requests,
            request_kib: caps.request_kib,
            response_kib: caps.response_kib,
            result_items: caps.result_items,
            result_kib: caps.result_kib,
            log_lines: caps.log_lines,
            log_kib: caps.log_kib,
            state_kib: caps.state_kib,
            state_keys: caps.state_keys,
        }
    }
}
