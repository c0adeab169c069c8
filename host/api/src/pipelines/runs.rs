//! Runs.

use crate::app::App;
use crate::extract::Query;
use crate::paging::page;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use opssight_api_types::Page;
use opssight_api_types::pipelines::{Run, RunDetail, RunQuery};
use opssight_core::actions;
use opssight_core::id::{ConnectionId, RunId};
use opssight_core::pipelines as core;
use opssight_core::time::Timestamp;
use opssight_core::vocabulary::{RunResult, RunState};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_runs)).routes(routes!(show_run))
}

/// Runs, newest first.
#[utoipa::path(
    get, path = "/api/v1/runs", tag = "pipelines", params(RunQuery),
    responses((status = 200, body = Page<Run>))
)]
async fn list_runs(State(app): State<Arc<App>>, Query(query): Query<RunQuery>) -> Result<Json<Page<Run>>, Refusal> {
    Ok(Json(Page::of(app.runs.runs(&read(query)?).await?, Run::from)))
}

/// One run: its jobs, attempts, critical path, why it failed, and what can be done to it now.
#[utoipa::path(
    get, path = "/api/v1/runs/{id}", tag = "pipelines",
    params(("id" = String, Path, description = "Our id of the attempt.")),
    responses((status = 200, body = RunDetail), (status = 404, description = "No such run."))
)]
async fn show_run(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<RunDetail>, Refusal> {
    let id = RunId(id);
    let detail = app.runs.run(&id).await?.ok_or_else(|| Refusal::not_found("run", id.as_str()))?;
    let connection = app.connections.store.connection(&detail.run.connection).await?;
    let manifest = connection
        .filter(|connection| connection.enabled)
        .and_then(|connection| app.plugins.manifest(&connection.plugin, connection.digest.as_deref()));
    let run = detail.run.clone();
    let actions = manifest.iter().flat_map(|manifest| actions::for_run(manifest, &run));
    Ok(Json(RunDetail::of(detail, actions)))
}

fn read(query: RunQuery) -> Result<core::RunQuery, Refusal> {
    Ok(core::RunQuery {
        page: page(query.cursor.as_deref(), query.limit)?,
        connection: query.connection.map(ConnectionId),
        service: query.service,
        pipeline: query.pipeline,
        branch: query.branch,
        commit: query.commit,
        state: query.state.as_deref().map(state).transpose()?,
        result: query.result.map(RunResult::from),
        trigger: query.trigger,
        actor: query.actor,
        text: query.q.filter(|text| !text.trim().is_empty()),
        since: query.since.map(Timestamp::from),
        until: query.until.map(Timestamp::from),
    })
}

fn state(word: &str) -> Result<core::RunStateFilter, Refusal> {
    use core::RunStateFilter::{Active, Is};
    match word {
        "active" => Ok(Active),
        "queued" => Ok(Is(RunState::Queued)),
        "waiting" => Ok(Is(RunState::Waiting)),
        "running" => Ok(Is(RunState::Running)),
        "finished" => Ok(Is(RunState::Finished)),
        _ => Err(Refusal::field("/state", "must be one of `active`, `queued`, `waiting`, `running`, `finished`")),
    }
}
