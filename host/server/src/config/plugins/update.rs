//! `[plugins.update]`

use opssight_core::plugins::installs::HealthRule;
use serde::{Deserialize, Serialize};

/// When a fresh version that fails is rolled back by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct UpdateConfig {
    /// Only so long after it was activated, seconds. 0 never rolls back by itself.
    pub window_secs: u32,
    /// Not before so many of its calls failed by its own fault: traps, budgets, answers against the contract.
    pub faults: u32,
    /// And these are at least so many of a hundred calls.
    pub percent: u32,
}

impl Default for UpdateConfig {
    fn default() -> Self {
        Self { window_secs: 3_600, faults: 5, percent: 20 }
    }
}

impl UpdateConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.faults == 0 {
            problems.push("plugins.update.faults: must be at least 1".to_owned());
        }
        if !(1..=100).contains(&self.percent) {
            problems.push("plugins.update.percent: must be 1 to 100".to_owned());
        }
        problems
    }

    /// The rule; none when it is switched off.
    pub fn rule(&self) -> Option<HealthRule> {
        (self.window_secs > 0).then(|| HealthRule {
            window_secs: self.window_secs.into(),
            faults: self.faults.into(),
            percent: self.percent.into(),
        })
    }
}
