//! The host itself: version, health, readiness, metrics, and the description of this API.

use crate::app::App;
use crate::router::Api;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use opssight_api_types::system::{Health, HealthCheck, Version};
use opssight_core::plugins::manifest::CONTRACT;
use std::sync::{Arc, OnceLock};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// For those who have no session: load balancers, and clients that look whom they talk to.
pub(crate) fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(show_version))
        .routes(routes!(show_health))
        .routes(routes!(is_alive))
        .routes(routes!(is_ready))
}

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show_metrics)).routes(routes!(show_openapi))
}

/// What is running.
#[utoipa::path(
    get, path = "/api/v1/version", tag = "system", responses((status = 200, body = Version)), security(())
)]
async fn show_version(State(app): State<Arc<App>>) -> Json<Version> {
    Json(Version { version: app.version.clone(), contract: CONTRACT.to_owned() })
}

/// Whether this host can do its work, part by part.
#[utoipa::path(
    get, path = "/api/v1/health", tag = "system",
    responses((status = 200, body = Health), (status = 503, description = "A part fails.", body = Health)),
    security(())
)]
async fn show_health(State(app): State<Arc<App>>) -> (StatusCode, Json<Health>) {
    check(&app).await
}

/// Whether this process is alive. It looks at nothing: restarting cures nothing that it could see.
#[utoipa::path(get, path = "/healthz", tag = "system", responses((status = 200, body = Health)), security(()))]
async fn is_alive() -> Json<Health> {
    Json(Health { status: "ok".to_owned(), checks: Vec::new() })
}

/// Whether requests should be sent here.
#[utoipa::path(
    get, path = "/readyz", tag = "system",
    responses((status = 200, body = Health), (status = 503, description = "A part fails.", body = Health)),
    security(())
)]
async fn is_ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Health>) {
    check(&app).await
}

async fn check(app: &App) -> (StatusCode, Json<Health>) {
    let checks: Vec<HealthCheck> = app.readiness.checks().await.into_iter().map(shown).collect();
    let failing = checks.iter().any(|check| check.status != "ok");
    let status = if failing { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (status, Json(Health { status: word(failing), checks }))
}

fn shown((name, result): (String, Result<String, String>)) -> HealthCheck {
    let status = word(result.is_err());
    let detail = result.unwrap_or_else(|problem| problem);
    HealthCheck { name, status, detail }
}

fn word(failing: bool) -> String {
    if failing { "failing" } else { "ok" }.to_owned()
}

/// Figures in the Prometheus text format.
#[utoipa::path(
    get, path = "/metrics", tag = "system",
    responses((status = 200, body = String, content_type = "text/plain"))
)]
async fn show_metrics(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render())
}

/// The description of this API (OpenAPI 3.1).
#[utoipa::path(
    get, path = "/openapi.json", tag = "system",
    responses((status = 200, description = "OpenAPI 3.1.", body = Object, content_type = "application/json"))
)]
async fn show_openapi() -> impl IntoResponse {
    static TEXT: OnceLock<String> = OnceLock::new();
    let text = TEXT.get_or_init(crate::openapi::openapi_json);
    ([(header::CONTENT_TYPE, "application/json")], text.as_str())
}
