//! A store of metrics that knows one series, and many with one point each.

use super::stubs::Stubs;
use async_trait::async_trait;
use opssight_core::metrics::{
    Answer, InstantQuery, Label, LabelsQuery, MetricsError, RangeQuery, Row, Sample, Series, SeriesQuery, SeriesStore,
};
use opssight_core::time::Timestamp;

fn row(points: Vec<(Timestamp, f64)>) -> Answer {
    let labels = vec![Label { name: "host".to_owned(), value: "a".to_owned() }];
    vec![Row { metric: Some("up".to_owned()), labels, points }].into()
}

fn asked(query: &str) -> Result<(), MetricsError> {
    match query {
        "up" | "many" => Ok(()),
        "down" => Err(MetricsError::Unavailable {
            doing: "answer the query",
            place: "a store".to_owned(),
            problem: "nobody answers".to_owned(),
        }),
        other => Err(MetricsError::Query {
            problem: "expected an end".to_owned(),
            at: other.char_indices().nth(1).map(|(at, _)| at),
        }),
    }
}

#[async_trait]
impl SeriesStore for Stubs {
    async fn write(&self, _: Vec<Sample>) -> Result<(), MetricsError> {
        Ok(())
    }

    async fn query(&self, query: &InstantQuery) -> Result<Answer, MetricsError> {
        asked(&query.query)?;
        if query.at < Timestamp(0) {
            return Ok(Answer { notes: vec!["it is long ago".to_owned()], ..Answer::default() });
        }
        Ok(row(vec![(query.at, 1.5)]))
    }

    async fn query_range(&self, query: &RangeQuery) -> Result<Answer, MetricsError> {
        asked(&query.query)?;
        let step = |n: i64| query.start.plus_micros(n * query.step);
        if query.query == "many" {
            return Ok((0..100).flat_map(|_| row(vec![(step(0), 1.0)]).rows).collect::<Vec<_>>().into());
        }
        Ok(row(vec![(step(0), 1.0), (step(2), f64::INFINITY), (step(3), -2.5)]))
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Series>, MetricsError> {
        asked(&query.selector)?;
        Ok(Series::new("up", [("host", "a")]).into_iter().collect())
    }

    async fn labels(&self, query: &LabelsQuery) -> Result<Vec<String>, MetricsError> {
        Ok(["a", "b", "c"].map(str::to_owned).into_iter().take(query.limit).collect())
    }

    async fn close(&self) {}
}
