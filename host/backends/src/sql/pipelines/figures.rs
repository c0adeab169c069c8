//! Figures over many runs. SQL counts and finds the one or two values in the middle; the median itself is the rule's.

use crate::sql::error::Error;
use crate::sql::query::{query_as, query_scalar};
use crate::sql::{Store, words};
use opssight_core::delivery::dora::median;
use opssight_core::id::RunId;
use opssight_core::pipelines::{Overview, PipelineBar, PipelineSummary, Service};
use opssight_core::time::Timestamp;
use opssight_core::vocabulary::RunState;
use sqlx::FromRow;
use std::collections::BTreeMap;

#[derive(FromRow)]
struct Totals {
    service: String,
    pipeline: String,
    runs: i64,
    passed: i64,
    failed: i64,
}

#[derive(FromRow)]
struct Middle {
    service: String,
    pipeline: String,
    us: i64,
}

#[derive(FromRow)]
struct Bar {
    service: String,
    pipeline: String,
    id: String,
    state: String,
    result: Option<String>,
    us: Option<i64>,
}

type Key = (String, String);

impl Store {
    pub(super) async fn read_pipelines(
        &self,
        service: Option<&str>,
        since: Timestamp,
    ) -> Result<Vec<PipelineSummary>, Error> {
        let totals: Vec<Totals> = query_as(
            "SELECT service, pipeline, COUNT(*) AS runs,
                    CAST(SUM(CASE WHEN result = 'success' THEN 1 ELSE 0 END) AS BIGINT) AS passed,
                    CAST(SUM(CASE WHEN result IN ('failure', 'error', 'timeout') THEN 1 ELSE 0 END) AS BIGINT) AS failed
             FROM runs WHERE sort_at >= $1 AND pipeline IS NOT NULL AND ($2 IS NULL OR service = $2)
             GROUP BY service, pipeline ORDER BY service, pipeline LIMIT 500",
        )
        .bind(since.0)
        .bind(service)
        .fetch_all(&self.readers)
        .await?;
        let mut medians = self.medians(service, since).await?;
        let mut bars = self.bars(service, since).await?;
        Ok(totals
            .into_iter()
            .map(|row| {
                let key = (row.service, row.pipeline);
                let last = bars.remove(&key).unwrap_or_default();
                let execution_micros_p50 = medians.remove(&key).and_then(|mut values| median(&mut values));
                let (service, pipeline) = key;
                PipelineSummary {
                    service,
                    pipeline,
                    runs: row.runs.unsigned_abs(),
                    passed: row.passed.unsigned_abs(),
                    failed: row.failed.unsigned_abs(),
                    execution_micros_p50,
                    last,
                }
            })
            .collect())
    }

    /// The middle execution times of the runs that passed.
    async fn medians(&self, service: Option<&str>, since: Timestamp) -> Result<BTreeMap<Key, Vec<i64>>, Error> {
        let middles: Vec<Middle> = query_as(
            "WITH worked AS (
                 SELECT r.service, r.pipeline, r.finished_at - COALESCE(
                     (SELECT MIN(j.started_at) FROM jobs j WHERE j.run = r.id), r.started_at) AS us
                 FROM runs r
                 WHERE r.sort_at >= $1 AND r.pipeline IS NOT NULL AND ($2 IS NULL OR r.service = $2)
                   AND r.result = 'success'),
             numbered AS (
                 SELECT service, pipeline, CASE WHEN us > 0 THEN us ELSE 0 END AS us,
                        ROW_NUMBER() OVER (PARTITION BY service, pipeline ORDER BY us) AS place,
                        COUNT(*) OVER (PARTITION BY service, pipeline) AS total
                 FROM worked WHERE us IS NOT NULL)
             SELECT service, pipeline, us FROM numbered WHERE place IN ((total + 1) / 2, (total + 2) / 2)",
        )
        .bind(since.0)
        .bind(service)
        .fetch_all(&self.readers)
        .await?;
        let mut found: BTreeMap<Key, Vec<i64>> = BTreeMap::new();
        for row in middles {
            found.entry((row.service, row.pipeline)).or_default().push(row.us);
        }
        Ok(found)
    }

    /// The last 30 runs of each pipeline.
    async fn bars(&self, service: Option<&str>, since: Timestamp) -> Result<BTreeMap<Key, Vec<PipelineBar>>, Error> {
        let rows: Vec<Bar> = query_as(
            "WITH numbered AS (
                 SELECT service, pipeline, id, state, result, started_at, finished_at, sort_at,
                        ROW_NUMBER() OVER (PARTITION BY service, pipeline ORDER BY sort_at DESC, id DESC) AS place
                 FROM runs
                 WHERE sort_at >= $1 AND pipeline IS NOT NULL AND ($2 IS NULL OR service = $2))
             SELECT service, pipeline, id, state, result, finished_at - COALESCE(
                 (SELECT MIN(j.started_at) FROM jobs j WHERE j.run = numbered.id), started_at) AS us
             FROM numbered WHERE place <= 30 ORDER BY service, pipeline, place LIMIT 15000",
        )
        .bind(since.0)
        .bind(service)
        .fetch_all(&self.readers)
        .await?;
        let mut found: BTreeMap<Key, Vec<PipelineBar>> = BTreeMap::new();
        for row in rows {
            let bar = PipelineBar {
                id: RunId(row.id),
                state: words::parse_run_state(&row.state).unwrap_or(RunState::Queued),
                result: row.result.as_deref().and_then(words::parse_run_result),
                execution_micros: row.us.map(|us| us.max(0)),
            };
            found.entry((row.service, row.pipeline)).or_default().push(bar);
        }
        Ok(found)
    }

    pub(super) async fn read_overview(&self, since: Timestamp) -> Result<Overview, Error> {
        let (active, runs, passed, failed): (i64, i64, i64, i64) = query_as(
            "SELECT (SELECT COUNT(*) FROM runs WHERE state <> 'finished'), COUNT(*),
                    CAST(COALESCE(SUM(CASE WHEN result = 'success' THEN 1 ELSE 0 END), 0) AS BIGINT),
                    CAST(COALESCE(SUM(CASE WHEN result IN ('failure', 'error', 'timeout') THEN 1 ELSE 0 END), 0) AS BIGINT)
             FROM runs WHERE sort_at >= $1",
        )
        .bind(since.0)
        .fetch_one(&self.readers)
        .await?;
        let mut waits: Vec<i64> = query_scalar(
            "WITH waited AS (
                 SELECT COALESCE((SELECT MIN(j.started_at) FROM jobs j WHERE j.run = r.id), r.started_at)
                        - r.created_at AS us
                 FROM runs r WHERE r.sort_at >= $1),
             numbered AS (
                 SELECT CASE WHEN us > 0 THEN us ELSE 0 END AS us, ROW_NUMBER() OVER (ORDER BY us) AS place,
                        COUNT(*) OVER () AS total
                 FROM waited WHERE us IS NOT NULL)
             SELECT us FROM numbered WHERE place IN ((total + 1) / 2, (total + 2) / 2)",
        )
        .bind(since.0)
        .fetch_all(&self.readers)
        .await?;
        Ok(Overview {
            active_runs: active.unsigned_abs(),
            runs: runs.unsigned_abs(),
            passed: passed.unsigned_abs(),
            failed: failed.unsigned_abs(),
            queue_micros_p50: median(&mut waits),
            services: self.services().await?,
        })
    }

    /// Every service that anything is known of. A recursion hops over the runs' index from one service to the next.
    async fn services(&self) -> Result<Vec<Service>, Error> {
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let of_runs: Vec<String> = query_scalar(
            "WITH RECURSIVE hop (service) AS (
                 SELECT MIN(service) FROM runs
                 UNION ALL
                 SELECT (SELECT MIN(r.service) FROM runs r WHERE r.service > hop.service) FROM hop
                 WHERE hop.service IS NOT NULL)
             SELECT service FROM hop WHERE service IS NOT NULL LIMIT 5000",
        )
        .fetch_all(&self.readers)
        .await?;
        let of_repositories: Vec<String> =
            query_scalar("SELECT DISTINCT service FROM repositories WHERE removed = 0 LIMIT 5000")
                .fetch_all(&self.readers)
                .await?;
        for service in of_runs.into_iter().chain(of_repositories) {
            found.entry(service).or_default();
        }
        let deployed: Vec<(String, String)> =
            query_as("SELECT DISTINCT service, environment FROM deployments ORDER BY service, environment LIMIT 5000")
                .fetch_all(&self.readers)
                .await?;
        for (service, environment) in deployed {
            found.entry(service).or_default().push(environment);
        }
        Ok(found.into_iter().map(|(service, environments)| Service { service, environments }).collect())
    }
}
