//! `[hooks]`

use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// Deliveries at the door.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HooksConfig {
    /// Largest body, bytes. GitHub sends up to 25 MiB.
    pub body_limit: u64,
    /// Deliveries per second and connection; more are told to come back.
    pub rate_per_second: NonZeroU32,
    /// Deliveries that may come at once on top of that.
    pub burst: NonZeroU32,
}

impl Default for HooksConfig {
    fn default() -> Self {
        let count = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Self { body_limit: 25 * 1024 * 1024, rate_per_second: count(500), burst: count(5000) }
    }
}

impl HooksConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !(1024..=256 * 1024 * 1024).contains(&self.body_limit) {
            problems.push("hooks.body_limit: must be 1024 to 268435456 bytes".to_owned());
        }
        problems
    }
}
