//! Looking at series and saying what is odd.

use super::{LARGEST, Malformed, checked_time, number};
use crate::plugins::{CallError, CallTarget, Called};
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A metric series in columns: times and values of one length, times in order, every value a number.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    name: String,
    labels: Vec<(String, String)>,
    at: Vec<Timestamp>,
    values: Vec<f64>,
}

impl Series {
    /// Of these points, if they can be meant. `ts` is in milliseconds since the Unix epoch.
    pub fn new(
        name: impl Into<String>,
        labels: Vec<(String, String)>,
        ts: &[i64],
        values: Vec<f64>,
    ) -> Result<Self, Malformed> {
        if ts.len() != values.len() {
            return Err(Malformed::new("ts", format!("has {} entries, and values has {}", ts.len(), values.len())));
        }
        let mut at: Vec<Timestamp> = Vec::with_capacity(ts.len());
        for (index, ts) in ts.iter().enumerate() {
            let time = checked_time(|| format!("ts, index {index}:"), *ts)?;
            if at.last().is_some_and(|last| *last >= time) {
                return Err(Malformed::new(format!("ts, index {index}:"), "is not after the one before it"));
            }
            at.push(time);
        }
        if let Some(index) = values.iter().position(|value| number(*value).is_none()) {
            let problem = format!("is no normal number up to {LARGEST:e}");
            return Err(Malformed::new(format!("values, index {index}:"), problem));
        }
        Ok(Self { name: name.into(), labels, at, values })
    }

    /// Its metric.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What tells it from the others of its metric.
    pub fn labels(&self) -> &[(String, String)] {
        &self.labels
    }

    /// When.
    pub fn at(&self) -> &[Timestamp] {
        &self.at
    }

    /// How much.
    pub fn values(&self) -> &[f64] {
        &self.values
    }
}

/// Numbers as text: the shortest that reads back to the same bits, which JSON's readers do not promise of its numbers.
mod exact {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &&[f64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(values.iter().map(f64::to_string))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f64>, D::Error> {
        let values = Vec::<String>::deserialize(deserializer)?;
        values.iter().map(|value| value.parse().map_err(D::Error::custom)).collect()
    }
}

/// A series as records of calls have it. `ts` is in milliseconds since the Unix epoch.
#[derive(Deserialize)]
struct Columns {
    name: String,
    labels: Vec<(String, String)>,
    ts: Vec<i64>,
    #[serde(deserialize_with = "exact::deserialize")]
    values: Vec<f64>,
}

/// The same, to write a series without a copy of it.
#[derive(Serialize)]
struct Written<'a> {
    name: &'a str,
    labels: &'a [(String, String)],
    #[serde(serialize_with = "millis")]
    ts: &'a [Timestamp],
    #[serde(serialize_with = "exact::serialize")]
    values: &'a [f64],
}

fn millis<S: Serializer>(times: &&[Timestamp], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(times.iter().map(|at| at.millis()))
}

impl Serialize for Series {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { name, labels, at, values } = self;
        Written { name, labels, ts: at, values }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Series {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Columns { name, labels, ts, values } = Columns::deserialize(deserializer)?;
        Self::new(name, labels, &ts, values).map_err(D::Error::custom)
    }
}

/// How odd something is, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Score(f64);

impl Score {
    /// None when it is not a number from 0 to 1.
    pub fn new(score: f64) -> Option<Self> {
        number(score).filter(|score| (0.0..=1.0).contains(score)).map(Self)
    }

    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

/// As text, which reads back to the same number; JSON's readers do not promise that of its numbers.
impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let score = text.parse().ok().and_then(Self::new);
        score.ok_or_else(|| D::Error::custom(format!("\"{text}\" is not a number from 0 to 1")))
    }
}

/// A finding as a plugin gives it, nothing checked.
#[derive(Debug, Clone, PartialEq)]
pub struct FindingParts {
    /// Which of the series.
    pub series_index: u32,
    /// Milliseconds since the Unix epoch.
    pub start_at: i64,
    /// Milliseconds since the Unix epoch.
    pub end_at: i64,
    /// 0 to 1.
    pub score: f64,
    /// "spike", "level-shift".
    pub kind: String,
    /// For people.
    pub explanation: String,
    /// Further facts.
    pub attrs: Vec<(String, String)>,
}

/// Something odd in one of the series that were looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Which of them, always one that was handed over.
    pub series: usize,
    /// From when.
    pub start_at: Timestamp,
    /// To when, included.
    pub end_at: Timestamp,
    /// How odd.
    pub score: Score,
    /// A word for what it is.
    pub kind: String,
    /// For people.
    pub explanation: String,
    /// Further facts.
    pub attrs: Vec<(String, String)>,
}

impl Finding {
    /// Check finding number `index` of a call that looked at `series` series.
    pub fn new(index: usize, parts: FindingParts, series: usize) -> Result<Self, Malformed> {
        let at = |field: &str| format!("finding {index}: {field}");
        let which = usize::try_from(parts.series_index).unwrap_or(usize::MAX);
        if which >= series {
            let problem = format!("is {which}, and {series} series were handed over");
            return Err(Malformed::new(at("series-index"), problem));
        }
        let start_at = checked_time(|| at("start-at"), parts.start_at)?;
        let end_at = checked_time(|| at("end-at"), parts.end_at)?;
        if end_at < start_at {
            return Err(Malformed::new(at("end-at"), "is before its start-at"));
        }
        let score = Score::new(parts.score)
            .ok_or_else(|| Malformed::new(at("score"), format!("is {:e}, not a number from 0 to 1", parts.score)))?;
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
        if parts.kind.is_empty() || parts.kind.len() > 80 || !parts.kind.chars().all(word) {
            return Err(Malformed::new(at("kind"), "is not written like \"level-shift\""));
        }
        let FindingParts { kind, explanation, attrs, .. } = parts;
        Ok(Self { series: which, start_at, end_at, score, kind, explanation, attrs })
    }
}

/// The port: whoever finds what is odd.
#[async_trait]
pub trait Detector: Send + Sync {
    /// Look at these series. `params` is the detector's own configuration, JSON.
    async fn detect(
        &self,
        target: &CallTarget,
        series: &[Series],
        params: &serde_json::Value,
    ) -> Result<Called<Vec<Finding>>, CallError>;
}
