//! Jobs that ended differently for the same commit.

use crate::sql::error::Error;
use crate::sql::query::query_as;
use crate::sql::{Store, words};
use opssight_core::id::RunId;
use opssight_core::pipelines::{FlakyJob, Job, Run, is_flaky_pair};
use opssight_core::time::Timestamp;
use sqlx::FromRow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// One job of one pipeline that was flaky for one commit.
#[derive(FromRow)]
struct Row {
    service: String,
    pipeline: String,
    job: String,
    failed_run: String,
    passed_run: String,
    last_at: i64,
}

impl Store {
    pub(super) async fn read_flaky(&self, service: Option<&str>, since: Timestamp) -> Result<Vec<FlakyJob>, Error> {
        // Only commits with several runs of the same pipeline can show it; most have one. The results are those of
        // `is_flaky_pair`.
        let rows: Vec<Row> = query_as(
            "WITH repeated AS (
                 SELECT connection, service, pipeline, commit_id FROM runs
                 WHERE sort_at >= $1 AND commit_id IS NOT NULL AND pipeline IS NOT NULL
                   AND ($2 IS NULL OR service = $2)
                 GROUP BY connection, service, pipeline, commit_id HAVING COUNT(*) > 1)
             SELECT r.service, r.pipeline, j.name AS job,
                    MIN(CASE WHEN j.result <> 'success' THEN r.id END) AS failed_run,
                    MIN(CASE WHEN j.result = 'success' THEN r.id END) AS passed_run,
                    MAX(COALESCE(j.finished_at, r.sort_at)) AS last_at
             FROM repeated p
             JOIN runs r ON r.commit_id = p.commit_id AND r.service = p.service AND r.pipeline = p.pipeline
                        AND r.connection = p.connection AND r.sort_at >= $1
             JOIN jobs j ON j.run = r.id
             WHERE j.result IN ('success', 'failure', 'timeout')
             GROUP BY r.connection, r.service, r.pipeline, j.name, r.commit_id
             HAVING MIN(CASE WHEN j.result <> 'success' THEN r.id END) IS NOT NULL
                AND MIN(CASE WHEN j.result = 'success' THEN r.id END) IS NOT NULL
             ORDER BY last_at DESC, r.service, r.pipeline, j.name LIMIT 10000",
        )
        .bind(since.0)
        .bind(service)
        .fetch_all(&self.readers)
        .await?;
        let mut jobs: BTreeMap<(String, String, String), FlakyJob> = BTreeMap::new();
        for row in rows {
            match jobs.entry((row.service.clone(), row.pipeline.clone(), row.job.clone())) {
                Entry::Occupied(mut known) => known.get_mut().commits += 1,
                // Newest first: the first one seen is the example that is shown.
                Entry::Vacant(new) => {
                    new.insert(FlakyJob {
                        service: row.service,
                        pipeline: row.pipeline,
                        job: row.job,
                        commits: 1,
                        failed_run: RunId(row.failed_run),
                        passed_run: RunId(row.passed_run),
                        last_at: Timestamp(row.last_at),
                    });
                }
            }
        }
        let mut jobs: Vec<FlakyJob> = jobs.into_values().collect();
        jobs.sort_by_key(|job| std::cmp::Reverse((job.commits, job.last_at)));
        jobs.truncate(100);
        Ok(jobs)
    }

    /// Names of a run's jobs that ended differently for the same commit, in this run or another of its pipeline.
    pub(super) async fn flaky_of(&self, run: &Run, jobs: &[Job]) -> Result<Vec<String>, Error> {
        let (Some(pipeline), Some(commit)) = (&run.pipeline, &run.commit) else { return Ok(Vec::new()) };
        let known: Vec<(String, String)> = query_as(
            "SELECT DISTINCT j.name, j.result FROM runs r JOIN jobs j ON j.run = r.id
             WHERE r.commit_id = $1 AND r.connection = $2 AND r.service = $3 AND r.pipeline = $4
               AND j.result IS NOT NULL LIMIT 10000",
        )
        .bind(commit)
        .bind(run.connection.as_str())
        .bind(run.service.as_str())
        .bind(pipeline)
        .fetch_all(&self.readers)
        .await?;
        let mut flaky: Vec<String> = jobs
            .iter()
            .filter(|job| {
                let mut results =
                    known.iter().filter(|(name, _)| *name == job.name).map(|(_, word)| words::parse_run_result(word));
                let all: Vec<_> = results.by_ref().collect();
                all.iter().any(|one| all.iter().any(|other| is_flaky_pair(*one, *other)))
            })
            .map(|job| job.name.clone())
            .collect();
        flaky.sort();
        flaky.dedup();
        Ok(flaky)
    }
}
