//! `[metrics]`

use super::SecretUrl;
use anyhow::Context;
use opssight_backends::{InfluxSeries, PrometheusSeries};
use opssight_core::metrics::{Limits, SeriesStore};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

const DAY_SECS: i64 = 86_400;

/// Where measurements are kept, and how many.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// A store for several processes or more load. Prometheus-compatible (VictoriaMetrics, Mimir, Prometheus itself):
    /// `https://user:password@host:8428`, or `https://:token@host` for a bearer token. InfluxDB 2:
    /// `influxdb://token@host:8086/organisation/bucket`, and `influxdb+http://` without TLS. Without it a folder in the
    /// data folder, for one process.
    pub url: Option<SecretUrl>,
    /// How long points are kept, days. Points that are older are not taken. A remote store keeps them as long as it is
    /// told to.
    pub raw_days: u32,
    /// How long a roll-up of each minute is kept, days. Roll-ups are made in the data folder only: a remote store thins by
    /// rules of its own.
    pub rollup_1m_days: u32,
    /// How long a roll-up of each hour is kept, days.
    pub rollup_1h_days: u32,
    /// How long a roll-up of each day is kept, days.
    pub rollup_1d_days: u32,
    /// Series of one metric; one more is refused.
    pub series_per_metric: usize,
    /// Series of this host; one more is refused.
    pub series: usize,
    /// Points that may wait to be written; more are refused until there is room.
    pub queue_points: usize,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        let Limits { series_per_metric, series, queue_points } = Limits::default();
        Self {
            url: None,
            raw_days: 90,
            rollup_1m_days: 180,
            rollup_1h_days: 730,
            rollup_1d_days: 3_650,
            series_per_metric,
            series,
            queue_points,
        }
    }
}

impl MetricsConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(url) = &self.url
            && let Err(error) = connect(url)
        {
            problems.push(format!("metrics.url: {:#}", error.root_cause()));
        }
        for (name, days) in [
            ("raw_days", self.raw_days),
            ("rollup_1m_days", self.rollup_1m_days),
            ("rollup_1h_days", self.rollup_1h_days),
            ("rollup_1d_days", self.rollup_1d_days),
        ] {
            if !(1..=36_500).contains(&days) {
                problems.push(format!("metrics.{name}: must be 1 to 36500"));
            }
        }
        if self.series_per_metric == 0 || self.series == 0 {
            problems.push("metrics.series and metrics.series_per_metric: must be at least 1".to_owned());
        }
        if !(1_000..=10_000_000).contains(&self.queue_points) {
            problems.push("metrics.queue_points: must be 1000 to 10000000".to_owned());
        }
        problems
    }

    pub(crate) fn limits(&self) -> Limits {
        let Self { series_per_metric, series, queue_points, .. } = *self;
        Limits { series_per_metric, series, queue_points }
    }

    pub(crate) fn kept_secs(&self) -> i64 {
        i64::from(self.raw_days) * DAY_SECS
    }

    pub(crate) fn rolled(&self) -> [Duration; 3] {
        let days = |days: u32| Duration::from_secs(u64::from(days) * DAY_SECS.unsigned_abs());
        [days(self.rollup_1m_days), days(self.rollup_1h_days), days(self.rollup_1d_days)]
    }

    pub(crate) fn kept(&self) -> Duration {
        Duration::from_secs(self.kept_secs().unsigned_abs())
    }
}

/// The adapter that speaks to a store.
pub(crate) fn connect(url: &SecretUrl) -> anyhow::Result<Arc<dyn SeriesStore>> {
    let url = url::Url::parse(url.expose()).context("read `metrics.url`")?;
    if url.scheme().starts_with("influxdb") {
        return Ok(Arc::new(InfluxSeries::new(&url).context("use `metrics.url`")?));
    }
    Ok(Arc::new(PrometheusSeries::new(&url).context("use `metrics.url`")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_is_kept_for_a_time_that_can_be_told() {
        let config = MetricsConfig { raw_days: 0, rollup_1h_days: 40_000, ..MetricsConfig::default() };
        assert_eq!(
            config.problems(),
            ["metrics.raw_days: must be 1 to 36500", "metrics.rollup_1h_days: must be 1 to 36500"]
        );
    }

    #[test]
    fn addresses_that_cannot_be_used_are_problems() {
        let check = |url: &str, says: Option<&str>| {
            let config = MetricsConfig { url: Some(url.to_owned().into()), ..MetricsConfig::default() };
            match (config.problems().as_slice(), says) {
                ([], None) => {}
                ([problem], Some(says)) => {
                    assert!(problem.starts_with("metrics.url: ") && problem.contains(says), "{url}: {problem}");
                    assert!(!problem.contains("hunter2"), "{problem}");
                }
                (problems, _) => panic!("{url}: {problems:?}"),
            }
        };
        check("http://127.0.0.1:8428", None);
        check("https://ops:hunter2@metrics.example/prometheus", None);
        check("influxdb://hunter2@influx.example:8086/acme/ops", None);
        check("influxdb+http://hunter2@127.0.0.1:8086/acme/ops", None);
        check("influxdb://hunter2@influx.example:8086/acme", Some("/organisation/bucket"));
        check("ftp://hunter2@metrics.example", Some("http"));
        check("metrics.example", Some("URL"));
    }
}
