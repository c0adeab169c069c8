//! Recorded calls of a plugin, what it logged, and the package to replay a call on.

use crate::app::App;
use crate::extract::Query;
use crate::paging::page;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use opssight_api_types::Page;
use opssight_api_types::plugins::{Call, CallQuery, PluginLogLine};
use opssight_core::id::{CallId, ConnectionId, PluginId};
use opssight_core::plugins::evidence;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_calls))
        .routes(routes!(show_call))
        .routes(routes!(show_log))
        .routes(routes!(download_package))
}

/// Recorded calls of a plugin, newest first. Which calls are recorded is set by `[plugins.evidence]`.
#[utoipa::path(
    get, path = "/api/v1/plugins/{id}/calls", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin: `github`; `-` for all of them."), CallQuery),
    responses((status = 200, body = Page<Call>))
)]
async fn list_calls(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(query): Query<CallQuery>,
) -> Result<Json<Page<Call>>, Refusal> {
    let query = evidence::CallQuery {
        page: page(query.cursor.as_deref(), query.limit)?,
        plugin: named(id),
        connection: query.connection.map(ConnectionId),
        outcome: query.outcome.map(evidence::OutcomeFilter::from),
    };
    Ok(Json(Page::of(app.evidence.calls(&query).await?, Call::from)))
}

/// The whole record of a call, `opssight.call/1`: what it was given, what it asked and learnt, how it ended. Saved as
/// it is, it can be replayed offline and is a regression test.
#[utoipa::path(
    get, path = "/api/v1/plugins/{id}/calls/{call}", tag = "plugins",
    params(
        ("id" = String, Path, description = "Which plugin: `github`; `-` for any."),
        ("call" = String, Path, description = "Which call."),
    ),
    responses(
        (status = 200, description = "The record.", content_type = "application/json", body = Object),
        (status = 404, description = "There is no record of such a call, or not any more."),
    )
)]
async fn show_call(State(app): State<Arc<App>>, Path((id, call)): Path<(String, String)>) -> Result<Response, Refusal> {
    let (plugin, call) = (named(id), CallId(call));
    let of_it = |record: &evidence::CallRecord| plugin.as_ref().is_none_or(|plugin| record.plugin == *plugin);
    let record = app.evidence.call(&call).await?.filter(of_it);
    let record = record.ok_or_else(|| Refusal::not_found("recorded call", call.as_str()))?;
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], record.document()).into_response())
}

/// `-` stands for any plugin: a call's id is enough to find it.
fn named(id: String) -> Option<PluginId> {
    (id != "-").then_some(PluginId(id))
}

/// The last lines that the active version of a plugin logged, oldest first.
#[utoipa::path(
    get, path = "/api/v1/plugins/{id}/log", tag = "plugins",
    params(("id" = String, Path, description = "Which plugin: `github`.")),
    responses((status = 200, body = Page<PluginLogLine>), (status = 404, description = "It is not installed."))
)]
async fn show_log(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<Page<PluginLogLine>>, Refusal> {
    let id = PluginId(id);
    if app.plugins.manifest(&id, None).is_none() {
        return Err(Refusal::not_found("plugin", id.as_str()));
    }
    Ok(Json(Page::whole(app.plugins.log(&id).into_iter().map(PluginLogLine::from).collect())))
}

/// The package of a version, byte for byte. For admins.
#[utoipa::path(
    get, path = "/api/v1/plugins/{id}/package/{digest}", tag = "plugins",
    params(
        ("id" = String, Path, description = "Which plugin: `github`."),
        ("digest" = String, Path, description = "Which version: `sha256:...`."),
    ),
    responses(
        (status = 200, description = "The package.", content_type = "application/wasm", body = Vec<u8>),
        (status = 403, description = "You are no admin."),
        (status = 404, description = "This host does not keep it."),
    )
)]
async fn download_package(
    State(app): State<Arc<App>>,
    Path((id, digest)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let unknown = || Refusal::not_found("package", &digest);
    // A digest names one package, whatever plugin it is asked for with; that it is one is checked before it is looked
    // for, so that a typing error is no failure of the store.
    let hex = digest.strip_prefix("sha256:").ok_or_else(unknown)?;
    if hex.len() != 64 || !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(unknown());
    }
    let package = app.installs.packages.get(&digest).await?.ok_or_else(unknown)?;
    let name = format!("attachment; filename=\"{}.wasm\"", file_name(&id));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/wasm")),
        (header::CONTENT_DISPOSITION, HeaderValue::try_from(name).unwrap_or(HeaderValue::from_static("attachment"))),
    ];
    Ok((headers, package).into_response())
}

/// A plugin's id as a file name.
fn file_name(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).take(80).collect()
}
