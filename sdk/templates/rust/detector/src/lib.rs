//! {{name}}: finds values that stand out from those before them.

use opssight_plugin::{Detector, Failure, Finding, Series};
use serde::Deserialize;

/// The component.
struct Plugin;

/// So many values must stand before one that is judged.
const HISTORY: usize = 5;

#[derive(Deserialize)]
#[serde(default)]
struct Params {
    threshold: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { threshold: 5.0 }
    }
}

impl Detector for Plugin {
    fn detect(input: Vec<Series>, params: &str) -> Result<Vec<Finding>, Failure> {
        let params = if params.trim().is_empty() { "{}" } else { params };
        let Params { threshold } = serde_json::from_str(params)
            .map_err(|error| Failure::config("{{id}}.params", format!("the parameters do not fit: {error}")))?;
        Ok((0..).zip(&input).flat_map(|(index, series)| spikes(series, index, threshold)).collect())
    }
}

opssight_plugin::export!(Plugin: detector);

/// Values that are more than `threshold` standard deviations away from the mean of all before them.
fn spikes(series: &Series, series_index: u32, threshold: f64) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, (value, moment)) in series.values.iter().zip(&series.ts).enumerate().skip(HISTORY) {
        let before = &series.values[..at];
        let mean = before.iter().sum::<f64>() / at as f64;
        let variance = before.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / at as f64;
        let deviation = variance.sqrt();
        let distance = if deviation == 0.0 { 0.0 } else { (value - mean).abs() / deviation };
        if distance > threshold {
            findings.push(Finding {
                series_index,
                start_at: *moment,
                end_at: *moment,
                score: (distance / (2.0 * threshold)).min(1.0),
                kind: "spike".to_owned(),
                explanation: format!("{} is {value}, {distance:.1} deviations from {mean:.1}", series.name),
                attrs: Vec::new(),
            });
        }
    }
    findings
}
