//! Deployments.

use crate::app::App;
use crate::extract::Query;
use crate::paging::page;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use futures::{StreamExt, TryStreamExt};
use opssight_api_types::Page;
use opssight_api_types::delivery::{Deployment, DeploymentQuery};
use opssight_core::delivery::{self as core, Outcome};
use opssight_core::id::DeploymentId;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_deployments)).routes(routes!(show_deployment))
}

/// Deployments, newest first.
#[utoipa::path(
    get, path = "/api/v1/deployments", tag = "delivery", params(DeploymentQuery),
    responses((status = 200, body = Page<Deployment>))
)]
async fn list_deployments(
    State(app): State<Arc<App>>,
    Query(query): Query<DeploymentQuery>,
) -> Result<Json<Page<Deployment>>, Refusal> {
    let query = core::DeploymentQuery {
        page: page(query.cursor.as_deref(), query.limit)?,
        service: query.service,
        environment: query.environment,
        outcome: query.outcome.map(Outcome::from),
    };
    let found = app.delivery.deployments(&query).await?;
    let rows =
        futures::stream::iter(found.items).map(|deployment| shown(&app, deployment)).buffered(8).try_collect().await?;
    Ok(Json(Page { items: rows, next_cursor: found.next.map(|next| next.to_string()) }))
}

/// One deployment.
#[utoipa::path(
    get, path = "/api/v1/deployments/{id}", tag = "delivery",
    params(("id" = String, Path, description = "Our id of the deployment.")),
    responses((status = 200, body = Deployment), (status = 404, description = "No such deployment."))
)]
async fn show_deployment(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Deployment>, Refusal> {
    let id = DeploymentId(id);
    let found = app.delivery.deployment(&id).await?;
    let (deployment, row) = found.ok_or_else(|| Refusal::not_found("deployment", id.as_str()))?;
    Ok(Json(Deployment::of(deployment, row.as_ref())))
}

/// Whether a deployment was rework stands in the ledger, and only a success can be.
async fn shown(app: &App, deployment: core::Deployment) -> Result<Deployment, Refusal> {
    if deployment.outcome != Outcome::Succeeded {
        return Ok(Deployment::of(deployment, None));
    }
    let row = app.delivery.deployment(&deployment.id).await?.and_then(|(_, row)| row);
    Ok(Deployment::of(deployment, row.as_ref()))
}
