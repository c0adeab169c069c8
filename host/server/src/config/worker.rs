//! `[worker]`

use serde::{Deserialize, Serialize};

/// The longest plugin call takes two minutes, and two more on a host without time for it; its page must be stored before
/// another worker may take the work.
const LEAST_LEASE_SECS: u32 = 270;

/// The workers behind the door.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerConfig {
    /// Deliveries processed at once.
    pub deliveries: u32,
    /// Feeds pulled at once.
    pub feeds: u32,
    /// How long a worker may hold a delivery or feed before another may take it, seconds.
    pub lease_secs: u32,
    /// How often every connection's health is checked, seconds.
    pub check_secs: u32,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self { deliveries: 32, feeds: 8, lease_secs: 300, check_secs: 900 }
    }
}

impl WorkerConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !(1..=1024).contains(&self.deliveries) || !(1..=64).contains(&self.feeds) {
            problems.push("worker.deliveries: must be 1 to 1024, and worker.feeds 1 to 64".to_owned());
        }
        if self.lease_secs < LEAST_LEASE_SECS {
            problems.push(format!(
                "worker.lease_secs: must be at least {LEAST_LEASE_SECS}, more than the longest plugin call takes"
            ));
        }
        if self.check_secs < 30 {
            problems.push("worker.check_secs: must be at least 30".to_owned());
        }
        problems
    }
}
