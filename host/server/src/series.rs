//! Where metrics are kept: a store of their own, a folder beside the relational store, or nowhere.

use crate::config::{Config, connect};
use anyhow::Context;
use async_trait::async_trait;
use opssight_backends::{EmbeddedOptions, EmbeddedSeries, Gate};
use opssight_core::metrics::{
    Answer, InstantQuery, LabelsQuery, MetricsError, RangeQuery, Sample, Series, SeriesQuery, SeriesStore,
};
use opssight_core::time::Clock;
use std::sync::Arc;

/// The name of their relay in the store.
pub(crate) const RELAY: &str = "metrics";

/// What is said where there is no place for them.
pub(crate) const NOT_KEPT: &str =
    "no metrics are kept: several hosts may share `store.url`, and would need `metrics.url`";

/// Open the store of the metrics. A folder is one process's: points of one database in the folders of several would be
/// found by none of them as a whole.
pub(crate) async fn open(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Arc<dyn SeriesStore>> {
    let metrics = &config.metrics;
    let store: Arc<dyn SeriesStore> = match &metrics.url {
        Some(url) => connect(url)?,
        None if !are_kept(config) => {
            tracing::warn!("{NOT_KEPT}");
            return Ok(Arc::new(Nowhere));
        }
        None => {
            let options =
                EmbeddedOptions { raw: metrics.kept(), rolled: metrics.rolled(), ..EmbeddedOptions::default() };
            let folder = config.server.data.join("metrics");
            Arc::new(EmbeddedSeries::open(&folder, options, Arc::clone(clock)).await.context("open the metrics")?)
        }
    };
    Ok(Arc::new(Gate::new(store, Arc::clone(clock), metrics.limits(), metrics.kept_secs())))
}

/// Whether there is a place for them.
pub(crate) fn are_kept(config: &Config) -> bool {
    config.metrics.url.is_some() || config.store.url.is_none()
}

/// Says what is missing, whatever is asked.
struct Nowhere;

impl Nowhere {
    fn missing(doing: &'static str) -> MetricsError {
        MetricsError::Unavailable {
            doing,
            place: "the store of the metrics".to_owned(),
            problem: "there is none: with `store.url`, set `metrics.url` as well".to_owned(),
        }
    }
}

#[async_trait]
impl SeriesStore for Nowhere {
    async fn write(&self, _: Vec<Sample>) -> Result<(), MetricsError> {
        Err(Self::missing("keep the points"))
    }

    async fn query(&self, _: &InstantQuery) -> Result<Answer, MetricsError> {
        Err(Self::missing("answer the query"))
    }

    async fn query_range(&self, _: &RangeQuery) -> Result<Answer, MetricsError> {
        Err(Self::missing("answer the query"))
    }

    async fn series(&self, _: &SeriesQuery) -> Result<Vec<Series>, MetricsError> {
        Err(Self::missing("answer the query"))
    }

    async fn labels(&self, _: &LabelsQuery) -> Result<Vec<String>, MetricsError> {
        Err(Self::missing("answer the query"))
    }

    async fn close(&self) {}
}
