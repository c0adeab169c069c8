//! Series in a Prometheus-compatible store: written by remote write 1.0, read by PromQL over the HTTP API.
//!
//! Such stores know milliseconds. An expression is worked out by the store itself, in its own dialect of PromQL.

mod answer;
mod wire;

use super::remote::{Remote, RemoteUrlError};
use answer::Reply;
use async_trait::async_trait;
use opssight_core::metrics::{
    Answer, InstantQuery, LabelsQuery, MetricsError, RangeQuery, Sample, Series, SeriesQuery, SeriesStore, Window,
};
use opssight_core::time::Timestamp;
use reqwest::{RequestBuilder, Url};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use url::form_urlencoded::Serializer;

/// A store that speaks the HTTP API of Prometheus.
pub struct PrometheusSeries {
    remote: Remote,
}

impl PrometheusSeries {
    /// At this address; nothing is asked yet.
    pub fn new(url: &Url) -> Result<Self, RemoteUrlError> {
        Ok(Self { remote: Remote::new(url)? })
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, form: &[(&str, String)]) -> Result<Told<T>, MetricsError> {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.remote.post(path, "application/x-www-form-urlencoded")?.body(body);
        self.read(request).await
    }

    /// Values of labels are asked for with GET only.
    async fn get<T: DeserializeOwned>(&self, path: &str, form: &[(&str, String)]) -> Result<Told<T>, MetricsError> {
        let query = Serializer::new(String::new()).extend_pairs(form).finish();
        self.read(self.remote.get(&format!("{path}?{query}"))?).await
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Told<T>, MetricsError> {
        let (status, body) = self.remote.ask(request).await?;
        match serde_json::from_slice::<Reply<T>>(&body) {
            Ok(Reply { data: Some(data), warnings, infos, .. }) if status.is_success() => {
                Ok(Told { data, notes: warnings.into_iter().chain(infos).collect() })
            }
            Ok(reply) => {
                // Stores disagree on which status says that the expression is wrong.
                let problem = reply.error.unwrap_or_else(|| format!("it answered {status}"));
                Err(MetricsError::Query { problem, at: None })
            }
            Err(error) => Err(self.remote.unavailable("answer the query", format!("it answered {status}: {error}"))),
        }
    }
}

/// What a store told, and what it said about that.
struct Told<T> {
    data: T,
    notes: Vec<String>,
}

impl Told<answer::Found> {
    fn answer(self) -> Result<Answer, MetricsError> {
        Ok(Answer { notes: self.notes, ..self.data.rows()? })
    }
}

/// Seconds with milliseconds, as the API takes times.
fn secs(at: Timestamp) -> String {
    let millis = at.millis();
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}

fn window(window: Window, form: &mut Vec<(&'static str, String)>) {
    form.push(("start", secs(window.start)));
    form.push(("end", secs(window.end)));
}

#[async_trait]
impl SeriesStore for PrometheusSeries {
    async fn write(&self, samples: Vec<Sample>) -> Result<(), MetricsError> {
        let request = self.remote.post("api/v1/write", "application/x-protobuf")?;
        let request = request.header("content-encoding", "snappy").header("x-prometheus-remote-write-version", "0.1.0");
        let body = wire::packed(&samples).map_err(|problem| self.remote.unavailable("keep the points", problem))?;
        self.remote.write(request.body(body)).await
    }

    async fn query(&self, query: &InstantQuery) -> Result<Answer, MetricsError> {
        let form = [("query", query.query.clone()), ("time", secs(query.at))];
        self.ask::<answer::Found>("api/v1/query", &form).await?.answer()
    }

    async fn query_range(&self, query: &RangeQuery) -> Result<Answer, MetricsError> {
        let form = [
            ("query", query.query.clone()),
            ("start", secs(query.start)),
            ("end", secs(query.end)),
            ("step", secs(Timestamp(query.step))),
            // VictoriaMetrics moves the ends of the range to make more use of its cache; Prometheus does not know this.
            ("nocache", "1".to_owned()),
        ];
        self.ask::<answer::Found>("api/v1/query_range", &form).await?.answer()
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Series>, MetricsError> {
        let mut form = vec![("match[]", query.selector.clone()), ("limit", query.limit.to_string())];
        window(query.window, &mut form);
        let found: Vec<BTreeMap<String, String>> = self.ask("api/v1/series", &form).await?.data;
        let mut series: Vec<Series> = found.into_iter().filter_map(answer::series).collect();
        series.sort_unstable();
        series.truncate(query.limit);
        Ok(series)
    }

    async fn labels(&self, query: &LabelsQuery) -> Result<Vec<String>, MetricsError> {
        let mut form: Vec<(&str, String)> =
            query.selector.iter().map(|selector| ("match[]", selector.clone())).collect();
        // Names of labels come with `__name__` among them, which is none here.
        let more = usize::from(query.values_of.is_none());
        form.push(("limit", (query.limit + more).to_string()));
        window(query.window, &mut form);
        let path = match &query.values_of {
            None => "api/v1/labels".to_owned(),
            Some(label) if label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !label.is_empty() => {
                format!("api/v1/label/{label}/values")
            }
            Some(_) => return Ok(Vec::new()),
        };
        let mut found: Vec<String> =
            if query.values_of.is_some() { self.get(&path, &form).await? } else { self.ask(&path, &form).await? }.data;
        found.retain(|name| query.values_of.is_some() || name != "__name__");
        found.sort_unstable();
        found.truncate(query.limit);
        Ok(found)
    }

    async fn close(&self) {}
}
