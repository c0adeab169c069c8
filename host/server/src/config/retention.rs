//! `[retention]`

use opssight_core::retention::Keep;
use opssight_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// How long things are kept, in days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// Bodies of deliveries that are done with: as long as they can be replayed.
    pub delivery_bodies_days: u32,
    /// The delivery log.
    pub deliveries_days: u32,
    /// Runs and their jobs.
    pub runs_days: u32,
    /// Deployments, changes and the delivery metrics.
    pub delivery_days: u32,
    /// The event log: as far back as a live stream can resume.
    pub events_days: u32,
    /// Events that could not be handed on yet, to Kafka or to the store of the metrics. At least `events_days`, whatever
    /// is set.
    pub unrelayed_days: u32,
    /// What happened to plugins: who installed, agreed, revoked, and what the host did by itself.
    pub plugin_events_days: u32,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            delivery_bodies_days: 14,
            deliveries_days: 90,
            runs_days: 400,
            delivery_days: 1200,
            events_days: 7,
            unrelayed_days: 30,
            plugin_events_days: 730,
        }
    }
}

impl RetentionConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let all = [
            self.delivery_bodies_days,
            self.deliveries_days,
            self.runs_days,
            self.delivery_days,
            self.events_days,
            self.unrelayed_days,
            self.plugin_events_days,
        ];
        if all.iter().any(|days| !(1..=36_500).contains(days)) {
            return vec!["retention: every number of days must be 1 to 36500".to_owned()];
        }
        Vec::new()
    }

    /// What that means today, where these relays are in use.
    pub fn keep(&self, now: Timestamp, relays: &[String]) -> Keep {
        let since = |days: u32| now.plus_secs(-i64::from(days) * 86_400);
        Keep {
            bodies_since: since(self.delivery_bodies_days),
            deliveries_since: since(self.deliveries_days),
            runs_since: since(self.runs_days),
            delivery_since: since(self.delivery_days),
            events_since: since(self.events_days),
            unrelayed_since: since(self.unrelayed_days),
            relays: relays.to_vec(),
            plugin_events_since: since(self.plugin_events_days),
        }
    }
}
