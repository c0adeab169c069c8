//! Runs and jobs, read side.

mod figures;
mod flaky;

use super::error::{Doing, Error};
use super::page;
use super::{Store, words};
use crate::sql::query::{Builder, query_scalar};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::{ConnectionId, RunId};
use opssight_core::page::{Cursor, Page};
use opssight_core::pipelines::{
    FlakyJob, JobDoc, Overview, PipelineSummary, Run, RunDetail, RunDoc, RunQuery, RunStateFilter, RunStore,
};
use opssight_core::time::Timestamp;
use sqlx::FromRow;

/// A run's document, and what its row does not know: when its first job began.
const SELECT_RUNS: &str = "SELECT r.connection, r.doc,
    (SELECT MIN(j.started_at) FROM jobs j WHERE j.run = r.id) AS first_job_started_at FROM runs r WHERE ";

#[derive(FromRow)]
struct Row {
    connection: String,
    doc: String,
    first_job_started_at: Option<i64>,
}

impl Row {
    fn read(self) -> Result<Run, Error> {
        let doc: RunDoc = serde_json::from_str(&self.doc).map_err(Error::stored("run"))?;
        let mut run = doc.view(&ConnectionId(self.connection));
        run.first_job_started_at = self.first_job_started_at.map(Timestamp);
        Ok(run)
    }
}

/// Text as a LIKE pattern that finds it anywhere; its own wildcards are meant literally.
fn pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

pub(super) fn list(query: &RunQuery) -> Builder {
    let mut sql = Builder::new(SELECT_RUNS);
    sql.push("TRUE");
    let texts = [
        (" AND r.connection = ", query.connection.as_ref().map(|id| id.0.clone())),
        (" AND r.service = ", query.service.clone()),
        (" AND r.pipeline = ", query.pipeline.clone()),
        (" AND r.branch = ", query.branch.clone()),
        (" AND r.commit_id = ", query.commit.clone()),
        (" AND r.result = ", query.result.map(|result| result.as_str().to_owned())),
        (" AND r.cause = ", query.trigger.clone()),
        (" AND r.actor = ", query.actor.clone()),
    ];
    for (condition, value) in texts {
        if let Some(value) = value {
            sql.push(condition).push_bind(value);
        }
    }
    match query.state {
        // Word for word the condition of the index of active runs.
        Some(RunStateFilter::Active) => {
            sql.push(" AND r.state <> 'finished'");
        }
        Some(RunStateFilter::Is(state)) => {
            sql.push(" AND r.state = ").push_bind(words::run_state(state));
        }
        None => {}
    }
    if let Some(text) = query.text.as_deref().map(str::trim).filter(|text| !text.is_empty()) {
        sql.push(" AND r.search LIKE ").push_bind(pattern(text)).push(" ESCAPE '\\'");
    }
    if let Some(since) = query.since {
        sql.push(" AND r.sort_at >= ").push_bind(since.0);
    }
    if let Some(until) = query.until {
        sql.push(" AND r.sort_at < ").push_bind(until.0);
    }
    page::push(&mut sql, &query.page, "r.sort_at", "r.id");
    sql
}

impl Store {
    async fn read_run(&self, id: &RunId) -> Result<Option<RunDetail>, Error> {
        let mut sql = Builder::new(SELECT_RUNS);
        sql.push("r.id = ").push_bind(id.0.clone());
        let row: Option<Row> = sql.build_query_as().fetch_optional(&self.readers).await?;
        let Some(run) = row.map(Row::read).transpose()? else { return Ok(None) };
        let docs: Vec<String> =
            query_scalar("SELECT doc FROM jobs WHERE run = $1 ORDER BY started_at IS NULL, started_at, name, id")
                .bind(id.as_str())
                .fetch_all(&self.readers)
                .await?;
        let mut jobs = Vec::with_capacity(docs.len());
        for doc in docs {
            let doc: JobDoc = serde_json::from_str(&doc).map_err(Error::stored("job"))?;
            jobs.push(doc.view(&run.connection));
        }
        let mut sql = Builder::new(SELECT_RUNS);
        sql.push("r.connection = ").push_bind(run.connection.0.clone());
        sql.push(" AND r.upstream_id = ").push_bind(run.upstream_id.clone());
        sql.push(" ORDER BY r.attempt LIMIT 100");
        let attempts: Vec<Row> = sql.build_query_as().fetch_all(&self.readers).await?;
        let attempts = attempts.into_iter().map(Row::read).collect::<Result<_, _>>()?;
        let flaky = self.flaky_of(&run, &jobs).await?;
        Ok(Some(RunDetail { run, jobs, flaky, attempts }))
    }
}

#[async_trait]
impl RunStore for Store {
    async fn runs(&self, query: &RunQuery) -> Result<Page<Run>, StoreError> {
        const DOING: &str = "list runs";
        let rows: Vec<Row> = list(query).build_query_as().fetch_all(&self.readers).await.doing(DOING)?;
        let runs = rows.into_iter().map(Row::read).collect::<Result<Vec<_>, _>>().doing(DOING)?;
        Ok(page::page(runs, &query.page, |run| Cursor { at: run.sort_at(), id: run.id.0.clone() }))
    }

    async fn run(&self, id: &RunId) -> Result<Option<RunDetail>, StoreError> {
        self.read_run(id).await.doing("read the run")
    }

    async fn pipelines(&self, service: Option<&str>, since: Timestamp) -> Result<Vec<PipelineSummary>, StoreError> {
        self.read_pipelines(service, since).await.doing("sum up pipelines")
    }

    async fn flaky_jobs(&self, service: Option<&str>, since: Timestamp) -> Result<Vec<FlakyJob>, StoreError> {
        self.read_flaky(service, since).await.doing("find flaky jobs")
    }

    async fn overview(&self, since: Timestamp) -> Result<Overview, StoreError> {
        self.read_overview(since).await.doing("sum up what happened")
    }
}
