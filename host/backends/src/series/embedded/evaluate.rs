//! Working out an expression.

use super::position::{parse, wrong};
use super::selectors::{Asked, Selectors};
use super::stores::Stores;
use super::view::View;
use super::windows;
use opssight_core::metrics::{Answer, InstantQuery, Label, MOST_POINTS, MOST_SERIES, MetricsError, RangeQuery, Row};
use opssight_core::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tsink::promql::error::PromqlError;
use tsink::promql::types::Series;
use tsink::promql::{Engine, PromqlValue};
use tsink::{TimestampPrecision, TsinkError};

pub(super) fn instant(stores: Arc<Stores>, query: &InstantQuery, patience: Duration) -> Result<Answer, MetricsError> {
    let (text, selectors) = read(&query.query, Asked { start: query.at.0, step: 0, steps: 1 })?;
    let view = Arc::new(View::new(stores, selectors, 0, patience));
    let engine = Engine::with_precision(view.clone(), TimestampPrecision::Microseconds);
    let mut rows = Rows::default();
    match engine.instant_query(&text, query.at.0).map_err(|error| failed(&query.query, error))? {
        PromqlValue::RangeVector(series) => series.into_iter().try_for_each(|series| rows.add_series(&series))?,
        value => rows.add_step(query.at.0, value)?,
    }
    Ok(rows.answer(&view))
}

/// The evaluator's own range query copies all points at every step. This one asks it step by step, and the view gives
/// each step its own points only.
pub(super) fn range(stores: Arc<Stores>, query: &RangeQuery, patience: Duration) -> Result<Answer, MetricsError> {
    let steps = query.steps()?;
    let (text, selectors) = read(&query.query, Asked { start: query.start.0, step: query.step, steps })?;
    let pinned = selectors.pinned;
    let span = query.end.since(query.start);
    let view = Arc::new(View::new(stores, selectors, span, patience));
    let engine = Engine::with_precision(view.clone(), TimestampPrecision::Microseconds);
    let failed = |error| failed(&query.query, error);
    let mut rows = Rows::default();
    if pinned {
        let value = engine.range_query(&text, query.start.0, query.end.0, query.step).map_err(failed)?;
        if let PromqlValue::RangeVector(series) = value {
            series.into_iter().try_for_each(|series| rows.add_series(&series))?;
        }
        return Ok(rows.answer(&view));
    }
    for n in 0..steps {
        view.check().map_err(|error| failed(error.into()))?;
        let at = query.start.0.saturating_add(n.saturating_mul(query.step));
        let value = engine.instant_query(&text, at).map_err(failed)?;
        rows.add_step(at, value)?;
    }
    Ok(rows.answer(&view))
}

/// An expression as the evaluator is asked for it, and what it selects. A pinned one is given to the evaluator as a range,
/// of which it reads all points at once: it sees points only.
fn read(query: &str, asked: Asked) -> Result<(String, Selectors), MetricsError> {
    let selectors = Selectors::of(&parse(query)?, asked)?;
    let text = windows::rewrite(query);
    match tsink::promql::parse(&text) {
        Ok(rewritten) if !selectors.pinned && text != query => Ok((text, Selectors::of(&rewritten, asked)?)),
        _ => Ok((query.to_owned(), selectors)),
    }
}

fn failed(query: &str, error: PromqlError) -> MetricsError {
    match error {
        PromqlError::Storage(TsinkError::Other(why)) => MetricsError::TooLarge(why),
        PromqlError::Storage(error) => super::wrong("answer the query", &error),
        error => wrong(query, &error),
    }
}

/// A metric, empty where the expression made another one of it, and labels.
type Key = (String, Vec<tsink::Label>);

/// An answer as it grows.
#[derive(Default)]
struct Rows {
    rows: BTreeMap<Key, Vec<(Timestamp, f64)>>,
    points: usize,
}

impl Rows {
    fn add_step(&mut self, at: i64, value: PromqlValue) -> Result<(), MetricsError> {
        let unfit = |problem: &str| Err(MetricsError::Query { problem: problem.to_owned(), at: Some(0) });
        match value {
            PromqlValue::Scalar(value, _) => self.add("", &[], at, value),
            PromqlValue::InstantVector(samples) => {
                samples.iter().try_for_each(|sample| self.add(&sample.metric, &sample.labels, at, sample.value))
            }
            PromqlValue::RangeVector(_) => unfit(
                "it gives many points at every step; a function makes one of them, like `avg_over_time(metric[1h])`",
            ),
            PromqlValue::String(..) => unfit("it gives a text and no numbers"),
        }
    }

    fn add_series(&mut self, series: &Series) -> Result<(), MetricsError> {
        series.samples.iter().try_for_each(|(at, value)| self.add(&series.metric, &series.labels, *at, *value))
    }

    fn add(&mut self, metric: &str, labels: &[tsink::Label], at: i64, value: f64) -> Result<(), MetricsError> {
        let mut labels = labels.to_vec();
        labels.sort();
        self.rows.entry((windows::metric(metric).to_owned(), labels)).or_default().push((Timestamp(at), value));
        self.points += 1;
        if self.points > MOST_POINTS || self.rows.len() > MOST_SERIES {
            return Err(MetricsError::TooLarge(format!(
                "it has more than {MOST_SERIES} series or {MOST_POINTS} points: select less, add up, or ask for a \
                 longer step"
            )));
        }
        Ok(())
    }

    fn answer(self, view: &View) -> Answer {
        let row = |((metric, labels), points): (Key, Vec<_>)| Row {
            metric: (!metric.is_empty()).then_some(metric),
            labels: labels.into_iter().map(|label| Label { name: label.name, value: label.value }).collect(),
            points,
        };
        Answer { rows: self.rows.into_iter().map(row).collect(), notes: view.notes() }
    }
}
