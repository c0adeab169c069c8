//! Answers of the HTTP API.

use super::super::remote::bounded;
use opssight_core::metrics::{Answer, Label, MOST_POINTS, MetricsError, Row, Series};
use opssight_core::time::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;

const NAME: &str = "__name__";

/// Around every answer.
#[derive(Deserialize)]
pub(super) struct Reply<T> {
    pub(super) data: Option<T>,
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) warnings: Vec<String>,
    #[serde(default)]
    pub(super) infos: Vec<String>,
}

/// A time in seconds, and a number as text.
type Pair = (f64, String);

/// What an expression came to.
#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
pub(super) enum Found {
    Matrix(Vec<Line>),
    Vector(Vec<Line>),
    Scalar(Pair),
    String(serde::de::IgnoredAny),
}

#[derive(Deserialize)]
pub(super) struct Line {
    metric: BTreeMap<String, String>,
    value: Option<Pair>,
    #[serde(default)]
    values: Vec<Pair>,
}

impl Found {
    pub(super) fn rows(self) -> Result<Answer, MetricsError> {
        let lines = match self {
            Self::Matrix(lines) | Self::Vector(lines) => lines,
            Self::Scalar(pair) => vec![Line { metric: BTreeMap::new(), value: Some(pair), values: Vec::new() }],
            Self::String(_) => {
                let problem = "it gives a text and no numbers".to_owned();
                return Err(MetricsError::Query { problem, at: Some(0) });
            }
        };
        if lines.iter().map(|line| line.values.len()).sum::<usize>() > MOST_POINTS {
            let problem = format!("it has more than {MOST_POINTS} points: ask for a longer step");
            return Err(MetricsError::TooLarge(problem));
        }
        let mut rows: Vec<Row> = lines.into_iter().map(row).collect();
        rows.sort_by(|a, b| (&a.metric, &a.labels).cmp(&(&b.metric, &b.labels)));
        bounded(rows.into())
    }
}

fn row(line: Line) -> Row {
    let (mut metric, mut labels) = (None, Vec::new());
    for (name, value) in line.metric {
        if name == NAME { metric = Some(value) } else { labels.push(Label { name, value }) }
    }
    let points = line.value.into_iter().chain(line.values).map(point).collect();
    Row { metric, labels, points }
}

#[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds is far below 2^53")]
fn point((secs, value): Pair) -> (Timestamp, f64) {
    // The API knows milliseconds; what is left of them in binary is not to be seen.
    let at = Timestamp::from_millis((secs * 1000.0).round() as i64);
    (at, value.parse().unwrap_or(f64::NAN))
}

/// A series of ours; others in the same store may have names that we refuse.
pub(super) fn series(mut labels: BTreeMap<String, String>) -> Option<Series> {
    let metric = labels.remove(NAME)?;
    Series::new(metric, labels).ok()
}
