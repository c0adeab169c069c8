//! Delivery performance: the five metrics and their evidence, deployments and changes.

mod because;
mod changes;
mod deployments;

use crate::app::App;
use crate::extract::Query;
use crate::paging::page;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use opssight_api_types::Page;
use opssight_api_types::delivery::{DeliveryReport, Evidence, EvidenceQuery, MetricsQuery};
use opssight_core::delivery::report::Window;
use opssight_core::delivery::{self as core, dora};
use opssight_core::time::Timestamp;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(show_delivery_metrics))
        .routes(routes!(list_delivery_evidence))
        .merge(deployments::routes())
        .merge(changes::routes())
}

/// The five DORA metrics of every service and environment that match, and their course by day.
#[utoipa::path(
    get, path = "/api/v1/delivery/metrics", tag = "delivery", params(MetricsQuery),
    responses((status = 200, body = DeliveryReport))
)]
async fn show_delivery_metrics(
    State(app): State<Arc<App>>,
    Query(query): Query<MetricsQuery>,
) -> Result<Json<DeliveryReport>, Refusal> {
    let window = window(&app, query.from, query.to)?;
    let query =
        core::MetricsQuery { service: query.service, environment: query.environment, from: window.from, to: window.to };
    let rows = app.delivery.ledger(&query).await?;
    Ok(Json(DeliveryReport::of(&rows, window)))
}

/// What a metric is made of, newest first: every deployment (and change) that counts, and why.
#[utoipa::path(
    get, path = "/api/v1/delivery/evidence", tag = "delivery", params(EvidenceQuery),
    responses((status = 200, body = Page<Evidence>))
)]
async fn list_delivery_evidence(
    State(app): State<Arc<App>>,
    Query(query): Query<EvidenceQuery>,
) -> Result<Json<Page<Evidence>>, Refusal> {
    let window = window(&app, query.from, query.to)?;
    let metric = dora::Metric::from(query.metric);
    let query = core::EvidenceQuery {
        metric,
        page: page(query.cursor.as_deref(), query.limit)?,
        of: core::MetricsQuery {
            service: Some(query.service),
            environment: Some(query.environment),
            from: window.from,
            to: window.to,
        },
    };
    let found = app.delivery.evidence(&query).await?;
    Ok(Json(Page::of(found, |evidence| because::shown(metric, evidence))))
}

fn window(app: &App, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>) -> Result<Window, Refusal> {
    Window::of(from.map(Timestamp::from), to.map(Timestamp::from), app.clock.now())
        .map_err(|error| Refusal::field("/from", error.to_string()))
}
