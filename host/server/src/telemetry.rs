//! Logs on standard error, metrics for Prometheus.

use crate::config::{LogConfig, LogFormat};
use anyhow::Context;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// What the process reports about itself.
pub struct Telemetry {
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
}

impl Telemetry {
    /// Install the subscriber and the recorder of this process.
    pub fn install(log: &LogConfig) -> anyhow::Result<Telemetry> {
        // Vault's client tells of every refusal by itself; whoever asked tells of it once, and better.
        let filter = EnvFilter::try_new(format!("vaultrs=off,rustify=off,{}", log.filter)).with_context(|| {
            format!("understand log.filter `{}`: use for example info,opssight_runtime=debug", log.filter)
        })?;
        let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        match log.format {
            LogFormat::Text => builder.with_ansi(false).init(),
            LogFormat::Json => builder.json().flatten_event(true).init(),
        }
        let buckets = [0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
        let metrics = PrometheusBuilder::new()
            .set_buckets(&buckets)
            .and_then(PrometheusBuilder::install_recorder)
            .context("install the metrics recorder")?;
        Ok(Telemetry { metrics })
    }
}
