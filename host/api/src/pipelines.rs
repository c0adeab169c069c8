//! Pipelines, flaky jobs and the figures of the first page; runs are in [`runs`].

mod runs;

use crate::app::App;
use crate::extract::Query;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::State;
use opssight_api_types::Page;
use opssight_api_types::pipelines::{FlakyJob, Overview, Pipeline, PipelineQuery};
use opssight_core::page::PageOf;
use opssight_core::time::Timestamp;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const DAY_SECS: i64 = 24 * 3600;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(show_overview))
        .routes(routes!(list_pipelines))
        .routes(routes!(list_flaky_jobs))
        .merge(runs::routes())
}

/// Figures for the first page.
#[utoipa::path(get, path = "/api/v1/overview", tag = "pipelines", responses((status = 200, body = Overview)))]
async fn show_overview(State(app): State<Arc<App>>) -> Result<Json<Overview>, Refusal> {
    let overview = app.runs.overview(app.clock.now().plus_secs(-DAY_SECS)).await?;
    let (mut connections, mut failed) = (0, 0);
    let mut page = PageOf { after: None, limit: 200 };
    loop {
        let found = app.connections.store.connections(None, &page).await?;
        for connection in &found.items {
            connections += 1;
            failed += app.connections.store.status(&connection.id).await?.failed;
        }
        match found.next {
            Some(next) => page.after = Some(next),
            None => return Ok(Json(Overview::of(overview, connections, failed))),
        }
    }
}

/// Pipelines with runs in the window, by service and name.
#[utoipa::path(
    get, path = "/api/v1/pipelines", tag = "pipelines", params(PipelineQuery),
    responses((status = 200, body = Page<Pipeline>))
)]
async fn list_pipelines(
    State(app): State<Arc<App>>,
    Query(query): Query<PipelineQuery>,
) -> Result<Json<Page<Pipeline>>, Refusal> {
    let found = app.runs.pipelines(query.service.as_deref(), since(&app, query.days)?).await?;
    Ok(Json(Page::whole(found.into_iter().map(Pipeline::from).collect())))
}

/// Jobs that passed and failed for the same commit, those of most commits first.
#[utoipa::path(
    get, path = "/api/v1/flaky-jobs", tag = "pipelines", params(PipelineQuery),
    responses((status = 200, body = Page<FlakyJob>))
)]
async fn list_flaky_jobs(
    State(app): State<Arc<App>>,
    Query(query): Query<PipelineQuery>,
) -> Result<Json<Page<FlakyJob>>, Refusal> {
    let found = app.runs.flaky_jobs(query.service.as_deref(), since(&app, query.days)?).await?;
    Ok(Json(Page::whole(found.into_iter().map(FlakyJob::from).collect())))
}

fn since(app: &App, days: Option<u32>) -> Result<Timestamp, Refusal> {
    let days = days.unwrap_or(30);
    if !(1..=90).contains(&days) {
        return Err(Refusal::field("/days", "must be between 1 and 90"));
    }
    Ok(app.clock.now().plus_secs(-i64::from(days) * DAY_SECS))
}
