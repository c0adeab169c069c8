//! `[plugins.evidence]`

use opssight_core::plugins::evidence::EvidenceStore;
use opssight_runtime::{EvidenceConfig, Record};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Which calls are recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RecordedCalls {
    /// Those that failed.
    #[default]
    Failures,
    /// All of them: for a while, to look at something.
    All,
    /// None.
    None,
}

/// Records of plugin calls, which can be replayed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PluginEvidenceConfig {
    /// Which calls are kept.
    pub record: RecordedCalls,
    /// How long.
    pub keep_days: u32,
    /// All records together; of the plugin that has most, the oldest go first.
    pub keep_mib: u32,
    /// Most that one call may hold back until it is decided whether its record is kept. What exceeds it is cut, and
    /// the record can then be read but not replayed.
    pub record_kib: u32,
}

impl Default for PluginEvidenceConfig {
    fn default() -> Self {
        Self { record: RecordedCalls::default(), keep_days: 14, keep_mib: 256, record_kib: 2_048 }
    }
}

impl PluginEvidenceConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !(1..=36_500).contains(&self.keep_days) {
            problems.push("plugins.evidence.keep_days: must be 1 to 36500".to_owned());
        }
        if !(1..=1_048_576).contains(&self.keep_mib) {
            problems.push("plugins.evidence.keep_mib: must be 1 to 1048576".to_owned());
        }
        if !(16..=65_536).contains(&self.record_kib) {
            problems.push("plugins.evidence.record_kib: must be 16 to 65536".to_owned());
        }
        problems
    }

    /// For the runtime.
    pub(crate) fn with(&self, store: Arc<dyn EvidenceStore>) -> EvidenceConfig {
        let mut evidence = EvidenceConfig::default();
        evidence.record = match self.record {
            RecordedCalls::Failures => Record::Failures,
            RecordedCalls::All => Record::All,
            RecordedCalls::None => Record::None,
        };
        evidence.record_bytes = usize::try_from(self.record_kib).unwrap_or(usize::MAX).saturating_mul(1 << 10);
        evidence.keep_secs = i64::from(self.keep_days) * 86_400;
        evidence.keep_bytes = u64::from(self.keep_mib) << 20;
        evidence.store = Some(store);
        evidence
    }
}
