//! `[hooks]`

use serde::{Deserialize, Serialize};

/// Deliveries at the door.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HooksConfig {
    /// Largest body, bytes. GitHub sends up to 25 MiB.
    pub body_limit: u64,
    /// Deliveries per second and connection; more are told to come back.
    pub rate_per_second: u32,
    /// Deliveries that may come at once on top of that.
    pub burst: u32,
}

impl Default for HooksConfig {
    fn default() -> Self {
        Self { body_limit: 25 * 1024 * 1024, rate_per_second: 500, burst: 5000 }
    }
}

impl HooksConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !(1024..=256 * 1024 * 1024).contains(&self.body_limit) {
            problems.push("hooks.body_limit: must be 1024 to 268435456 bytes".to_owned());
        }
        if self.rate_per_second == 0 || self.burst == 0 {
            problems.push("hooks.rate_per_second and hooks.burst: must be at least 1".to_owned());
        }
        problems
    }
}
