//! Runs and jobs.

use super::{Scope, json, learnt};
use crate::sql::error::Error;
use crate::sql::{Conn, words};
use opssight_core::id::{JobId, RunId};
use opssight_core::pipelines::{JobDoc, Run, RunDoc};
use opssight_core::time::Timestamp;
use opssight_core::vocabulary::{Job as SeenJob, PipelineRun as SeenRun, RunState};
use serde_json::json;

pub(super) async fn run(conn: &mut Conn, scope: &Scope<'_>, seen: &SeenRun, at: Timestamp) -> Result<u32, Error> {
    let id = RunId::of(scope.connection, &seen.id, seen.attempt);
    let stored =
        sqlx::query_scalar("SELECT doc FROM runs WHERE id = $1").bind(id.as_str()).fetch_optional(&mut *conn).await?;
    let learn = |doc: &mut RunDoc| doc.learn(seen, at);
    let Some(doc) = learnt(stored, "run", RunDoc::default, learn)? else { return Ok(0) };
    let run = doc.view(scope.connection);
    let event = json!({
        "service": run.service, "pipeline": run.pipeline, "number": run.number, "attempt": run.attempt,
        "branch": run.branch, "state": words::run_state(run.state), "result": run.result.map(words::run_result),
    });
    let began = if run.state >= RunState::Running { run.started_at } else { None };
    // SQLite: two statements in one trip; they share their parameters.
    sqlx::query(
        "INSERT INTO runs (id, connection, upstream_id, attempt, service, pipeline, branch, commit_id, cause, actor,
                           state, result, created_at, started_at, finished_at, sort_at, search, doc)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
         ON CONFLICT (id) DO UPDATE SET
             service = excluded.service, pipeline = excluded.pipeline, branch = excluded.branch,
             commit_id = excluded.commit_id, cause = excluded.cause, actor = excluded.actor, state = excluded.state,
             result = excluded.result, created_at = excluded.created_at, started_at = excluded.started_at,
             finished_at = excluded.finished_at, sort_at = excluded.sort_at, search = excluded.search,
             doc = excluded.doc;
         INSERT INTO events (kind, connection, subject, at, data) VALUES ($19, $2, $1, $20, $21)",
    )
    .bind(id.as_str())
    .bind(scope.connection.as_str())
    .bind(seen.id.as_str())
    .bind(i64::from(seen.attempt))
    .bind(run.service.as_str())
    .bind(run.pipeline.as_deref())
    .bind(run.branch.as_deref())
    .bind(run.commit.as_deref())
    .bind(run.trigger.as_deref())
    .bind(run.actor.as_deref())
    .bind(words::run_state(run.state))
    .bind(run.result.map(words::run_result))
    .bind(run.created_at.map(|at| at.0))
    .bind(began.map(|at| at.0))
    .bind(run.finished_at.map(|at| at.0))
    .bind(run.sort_at().0)
    .bind(search_text(&run))
    .bind(json(&doc)?)
    .bind(run.event_type())
    .bind(scope.now.0)
    .bind(event.to_string())
    .execute(conn)
    .await?;
    Ok(1)
}

/// What people search a run by, in one lower-case line.
fn search_text(run: &Run) -> String {
    let number = run.number.map(|number| format!("#{number}"));
    let parts = [
        run.title.as_deref(),
        Some(run.service.as_str()),
        run.pipeline.as_deref(),
        run.branch.as_deref(),
        run.commit.as_deref(),
        number.as_deref(),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ").to_lowercase()
}

pub(super) async fn job(conn: &mut Conn, scope: &Scope<'_>, seen: &SeenJob, at: Timestamp) -> Result<u32, Error> {
    let id = JobId::of(scope.connection, &seen.id);
    let stored =
        sqlx::query_scalar("SELECT doc FROM jobs WHERE id = $1").bind(id.as_str()).fetch_optional(&mut *conn).await?;
    let learn = |doc: &mut JobDoc| doc.learn(seen, at);
    let Some(doc) = learnt(stored, "job", JobDoc::default, learn)? else { return Ok(0) };
    let job = doc.view(scope.connection);
    let event = json!({
        "run": job.run, "service": seen.service, "name": job.name,
        "state": words::run_state(job.state), "result": job.result.map(words::run_result),
    });
    let sort_at = job.created_at.or(job.started_at).or(job.finished_at).unwrap_or_default();
    // SQLite: two statements in one trip; they share their parameters.
    sqlx::query(
        "INSERT INTO jobs (id, run, name, state, result, started_at, finished_at, sort_at, doc)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (id) DO UPDATE SET
             run = excluded.run, name = excluded.name, state = excluded.state, result = excluded.result,
             started_at = excluded.started_at, finished_at = excluded.finished_at, sort_at = excluded.sort_at,
             doc = excluded.doc;
         INSERT INTO events (kind, connection, subject, at, data) VALUES ($10, $11, $1, $12, $13)",
    )
    .bind(id.as_str())
    .bind(job.run.as_str())
    .bind(job.name.as_str())
    .bind(words::run_state(job.state))
    .bind(job.result.map(words::run_result))
    .bind(job.started_at.map(|at| at.0))
    .bind(job.finished_at.map(|at| at.0))
    .bind(sort_at.0)
    .bind(json(&doc)?)
    .bind(job.event_type())
    .bind(scope.connection.as_str())
    .bind(scope.now.0)
    .bind(event.to_string())
    .execute(conn)
    .await?;
    Ok(1)
}
