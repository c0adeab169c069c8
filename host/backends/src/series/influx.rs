//! Series in InfluxDB 2, over its HTTP API: written as line protocol, read as Flux.
//!
//! A metric is a measurement with the one field `value`; labels are its tags. An expression is Flux, with the dashboard
//! variables of InfluxDB for the range: `v.timeRangeStart`, `v.timeRangeStop` and `v.windowPeriod`.

mod flux;
mod line;
mod table;

use super::embedded::parse_selector;
use super::names;
use super::remote::{Remote, RemoteUrlError, bounded, percent_decoded};
use async_trait::async_trait;
use opssight_core::metrics::{
    Answer, InstantQuery, LabelsQuery, MetricsError, RangeQuery, Sample, Series, SeriesQuery, SeriesStore, Window,
};
use opssight_core::time::Timestamp;
use reqwest::StatusCode;
use reqwest::Url;
use std::collections::BTreeSet;
use url::form_urlencoded::Serializer;

/// Where an instant looks for its last point, as PromQL has it: five minutes.
const LOOKBACK_SECS: i64 = 300;

/// A bucket of an InfluxDB 2.
pub struct InfluxSeries {
    remote: Remote,
    organisation: String,
    bucket: String,
}

impl InfluxSeries {
    /// At `influxdb://token@host:8086/organisation/bucket`, or `influxdb+http://` without TLS; nothing is asked yet.
    pub fn new(url: &Url) -> Result<Self, RemoteUrlError> {
        let refuse = || RemoteUrlError("must look like influxdb://token@host:8086/organisation/bucket".to_owned());
        let scheme = match url.scheme() {
            "influxdb" => "https",
            "influxdb+http" => "http",
            _ => return Err(refuse()),
        };
        if url.password().is_some() {
            return Err(RemoteUrlError(
                "InfluxDB takes a token and no password: it stands alone before the `@`, as in \
                 influxdb://token@host:8086/organisation/bucket"
                    .to_owned(),
            ));
        }
        let host = url.host_str().ok_or_else(refuse)?;
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let mut base = Url::parse(&format!("{scheme}://{host}{port}/")).map_err(|_| refuse())?;
        // Neither has a meaning here, and both are refused where they are for every store.
        base.set_query(url.query());
        base.set_fragment(url.fragment());
        let parts: Vec<String> =
            url.path().split('/').skip(1).filter(|part| !part.is_empty()).map(percent_decoded).collect();
        let [organisation, bucket] = parts.try_into().map_err(|_| refuse())?;
        let token = percent_decoded(url.username());
        let mut remote = Remote::new(&base)?;
        if !token.is_empty() {
            remote = remote.with_proof(format!("Token {token}"));
        }
        Ok(Self { remote, organisation, bucket })
    }

    fn form(&self, more: &[(&str, &str)]) -> String {
        let pairs = [("org", self.organisation.as_str())].into_iter().chain(more.iter().copied());
        Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    async fn flux(&self, query: &str) -> Result<Answer, MetricsError> {
        let path = format!("api/v2/query?{}", self.form(&[]));
        let body = serde_json::json!({
            "query": query, "type": "flux",
            "dialect": { "header": true, "delimiter": ",", "annotations": ["datatype", "group", "default"] },
        });
        let request = self.remote.post(&path, "application/json")?.header("accept", "application/csv");
        let (status, body) = self.remote.ask(request.body(body.to_string())).await?;
        let text = String::from_utf8_lossy(&body);
        if status != StatusCode::OK {
            return Err(MetricsError::Query { problem: flux::problem(&text, status.as_u16()), at: None });
        }
        table::rows(&text).map_err(|problem| self.remote.unavailable("answer the query", problem))
    }

    async fn found(&self, selector: Option<&str>, window: Window) -> Result<BTreeSet<Series>, MetricsError> {
        let matchers = selector.map(parse_selector).transpose()?.unwrap_or_default();
        let answer = self.flux(&flux::series(&self.bucket, &matchers, window)).await?;
        let series = answer.rows.into_iter().filter_map(|row| {
            let labels = row.labels.into_iter().map(|label| (label.name, label.value));
            Series::new(row.metric?, labels).ok()
        });
        Ok(series.collect())
    }
}

#[async_trait]
impl SeriesStore for InfluxSeries {
    async fn write(&self, samples: Vec<Sample>) -> Result<(), MetricsError> {
        let lines = line::protocol(&samples)?;
        let path = format!("api/v2/write?{}", self.form(&[("bucket", &self.bucket), ("precision", "us")]));
        let request = self.remote.post(&path, "text/plain; charset=utf-8")?;
        self.remote.write(request.body(lines)).await
    }

    async fn query(&self, query: &InstantQuery) -> Result<Answer, MetricsError> {
        let window = Window { start: query.at.plus_secs(-LOOKBACK_SECS), end: query.at };
        let answer = self.flux(&flux::with_range(&query.query, window, LOOKBACK_SECS * 1_000_000)).await?;
        bounded(answer)
    }

    async fn query_range(&self, query: &RangeQuery) -> Result<Answer, MetricsError> {
        let window = Window { start: query.start, end: query.end };
        let mut answer = bounded(self.flux(&flux::with_range(&query.query, window, query.step)).await?)?;
        for row in &mut answer.rows {
            row.points.retain(|(at, _)| *at >= query.start && *at <= query.end);
            // Flux windows may lie between two steps: each step shows the last of what came since the one before.
            for (at, _) in &mut row.points {
                let since = at.since(query.start);
                let steps = since / query.step + i64::from(since % query.step != 0);
                *at = query.start.plus_micros(steps.saturating_mul(query.step));
            }
            let last: std::collections::BTreeMap<Timestamp, f64> =
                row.points.drain(..).filter(|(at, _)| *at <= query.end).collect();
            row.points = last.into_iter().collect();
        }
        Ok(answer)
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Series>, MetricsError> {
        let found = self.found(Some(&query.selector), query.window).await?;
        Ok(found.into_iter().take(query.limit).collect())
    }

    async fn labels(&self, query: &LabelsQuery) -> Result<Vec<String>, MetricsError> {
        let found = self.found(query.selector.as_deref(), query.window).await?;
        Ok(names(found, query))
    }

    async fn close(&self) {}
}
