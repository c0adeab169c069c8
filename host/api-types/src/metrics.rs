//! Metrics: what an expression comes to, and which series there are.

use crate::units::utc;
use chrono::{DateTime, Utc};
use opssight_core::metrics as core;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// An expression over a range.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MetricsRangeQuery {
    /// PromQL; Flux where metrics are kept in InfluxDB.
    pub query: String,
    /// First step; an hour before the end unless told.
    pub start: Option<DateTime<Utc>>,
    /// No step after this; now unless told.
    pub end: Option<DateTime<Utc>>,
    /// Seconds from step to step. Unless told, the shortest round one (15 seconds, 10 minutes, a day) that makes at most
    /// about 250 steps of the range; the steps then lie at whole multiples of it, the first at or before the start.
    pub step_secs: Option<u32>,
}

/// An expression at a moment.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MetricsInstantQuery {
    /// PromQL; Flux where metrics are kept in InfluxDB.
    pub query: String,
    /// When; now unless told.
    pub at: Option<DateTime<Utc>>,
}

/// Which series.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MetricsSeriesQuery {
    /// A selector: `name{label="value"}`.
    pub selector: String,
    /// With points since; a day before the end unless told.
    pub start: Option<DateTime<Utc>>,
    /// With points until; now unless told.
    pub end: Option<DateTime<Utc>>,
    /// At most so many, 1 to 2000; 1000 unless told.
    pub limit: Option<usize>,
}

/// Which labels.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MetricsLabelsQuery {
    /// List the values of this label, `__name__` for the names of metrics. Without it the names of labels.
    pub values_of: Option<String>,
    /// Only of series that this selector finds.
    pub selector: Option<String>,
    /// With points since; a day before the end unless told.
    pub start: Option<DateTime<Utc>>,
    /// With points until; now unless told.
    pub end: Option<DateTime<Utc>>,
    /// At most so many, 1 to 2000; 1000 unless told.
    pub limit: Option<usize>,
}

/// What an expression comes to at every step of a range, in columns.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MetricsRange {
    /// The first step.
    pub start: DateTime<Utc>,
    /// From step to step.
    pub step_ms: i64,
    /// Steps.
    pub steps: i64,
    /// By metric and labels.
    pub series: Vec<MetricsColumn>,
    /// What to know about it, in sentences: that a part is not exact, say. Missing if there is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A series of a range.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MetricsColumn {
    /// The metric, unless the expression made another one of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// One for every step; null where there is none, or no finite one.
    pub values: Vec<Option<f64>>,
}

/// What an expression comes to at a moment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MetricsInstant {
    /// The moment.
    pub at: DateTime<Utc>,
    /// By metric and labels.
    pub series: Vec<MetricsRow>,
    /// What to know about it, in sentences: that a part is not exact, say. Missing if there is nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A series at a moment; with a range selector, all points of that range.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MetricsRow {
    /// The metric, unless the expression made another one of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
    /// By time.
    pub points: Vec<MetricsPoint>,
}

/// A number at a time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MetricsPoint {
    /// When.
    pub at: DateTime<Utc>,
    /// How much; null if that is no finite number.
    pub value: Option<f64>,
}

/// A list of what there is, sorted. It has no pages: a store of metrics is asked for the first ones only.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MetricsList<T> {
    /// At most `limit` of them.
    pub items: Vec<T>,
    /// Whether there are more than `limit`: ask for a higher one, or select less.
    pub more: bool,
}

/// A series that there is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MetricsSeries {
    /// The metric.
    pub metric: String,
    /// Labels by name.
    pub labels: BTreeMap<String, String>,
}

fn named(labels: Vec<core::Label>) -> BTreeMap<String, String> {
    labels.into_iter().map(|label| (label.name, label.value)).collect()
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

impl MetricsRange {
    /// In columns. What lies between two steps has no place in them, and no store answers with that.
    pub fn of(query: &core::RangeQuery, steps: i64, answer: core::Answer) -> Self {
        let column = |row: core::Row| {
            let mut values = vec![None; usize::try_from(steps).unwrap_or(0)];
            for (at, value) in row.points {
                let step = at.since(query.start).div_euclid(query.step.max(1));
                if let Some(place) = usize::try_from(step).ok().and_then(|step| values.get_mut(step)) {
                    *place = finite(value);
                }
            }
            MetricsColumn { metric: row.metric, labels: named(row.labels), values }
        };
        let series = answer.rows.into_iter().map(column).collect();
        Self { start: utc(query.start), step_ms: query.step / 1000, steps, series, warnings: answer.notes }
    }
}

impl<T> MetricsList<T> {
    /// The first ones of what was found, which is asked for with one more than the limit.
    pub fn of<R: Into<T>>(mut found: Vec<R>, limit: usize) -> Self {
        let more = found.len() > limit;
        found.truncate(limit);
        Self { items: found.into_iter().map(Into::into).collect(), more }
    }
}

impl MetricsInstant {
    /// Row by row.
    pub fn of(query: &core::InstantQuery, answer: core::Answer) -> Self {
        let point = |(at, value)| MetricsPoint { at: utc(at), value: finite(value) };
        let row = |row: core::Row| MetricsRow {
            metric: row.metric,
            labels: named(row.labels),
            points: row.points.into_iter().map(point).collect(),
        };
        Self { at: utc(query.at), series: answer.rows.into_iter().map(row).collect(), warnings: answer.notes }
    }
}

impl From<core::Series> for MetricsSeries {
    fn from(series: core::Series) -> Self {
        Self { metric: series.metric().to_owned(), labels: named(series.labels().to_vec()) }
    }
}
