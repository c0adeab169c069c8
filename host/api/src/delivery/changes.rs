//! Changes: pull and merge requests.

use crate::app::App;
use crate::extract::Query;
use crate::paging::page;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use opssight_api_types::Page;
use opssight_api_types::delivery::{Change, ChangeQuery};
use opssight_core::delivery as core;
use opssight_core::id::ChangeId;
use opssight_core::vocabulary::ChangeState;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_changes)).routes(routes!(show_change))
}

/// Changes, newest first.
#[utoipa::path(
    get, path = "/api/v1/changes", tag = "delivery", params(ChangeQuery),
    responses((status = 200, body = Page<Change>))
)]
async fn list_changes(
    State(app): State<Arc<App>>,
    Query(query): Query<ChangeQuery>,
) -> Result<Json<Page<Change>>, Refusal> {
    let query = core::ChangeQuery {
        page: page(query.cursor.as_deref(), query.limit)?,
        service: query.service,
        state: query.state.as_deref().map(state).transpose()?,
    };
    Ok(Json(Page::of(app.delivery.changes(&query).await?, Change::from)))
}

/// One change.
#[utoipa::path(
    get, path = "/api/v1/changes/{id}", tag = "delivery",
    params(("id" = String, Path, description = "Our id of the change.")),
    responses((status = 200, body = Change), (status = 404, description = "No such change."))
)]
async fn show_change(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Change>, Refusal> {
    let id = ChangeId(id);
    let change = app.delivery.change(&id).await?.ok_or_else(|| Refusal::not_found("change", id.as_str()))?;
    Ok(Json(change.into()))
}

fn state(word: &str) -> Result<ChangeState, Refusal> {
    match word {
        "open" => Ok(ChangeState::Open),
        "closed" => Ok(ChangeState::Closed),
        "merged" => Ok(ChangeState::Merged),
        _ => Err(Refusal::field("/state", "must be one of `open`, `closed`, `merged`")),
    }
}
