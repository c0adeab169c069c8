//! Connections: configured plugins.

use crate::app::App;
use crate::etag::{self, Version};
use crate::extract::{Json as Body, Query};
use crate::paging::page;
use crate::problem::Refusal;
use crate::router::Api;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use futures::{StreamExt, TryStreamExt};
use opssight_api_types::Page;
use opssight_api_types::connections::{CheckResult, Connection, ConnectionPatch, ConnectionQuery, NewConnection};
use opssight_core::connections::{self as core, ConnectionError, Made, Patch};
use opssight_core::error::Kind;
use opssight_core::events::Topic;
use opssight_core::id::{ConnectionId, PluginId};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_connections, make_connection))
        .routes(routes!(show_connection, change_connection, remove_connection))
        .routes(routes!(check_connection))
        .routes(routes!(sync_connection))
}

/// Connections, newest first.
#[utoipa::path(
    get, path = "/api/v1/connections", tag = "connections", params(ConnectionQuery),
    responses((status = 200, body = Page<Connection>))
)]
async fn list_connections(
    State(app): State<Arc<App>>,
    Query(query): Query<ConnectionQuery>,
) -> Result<Json<Page<Connection>>, Refusal> {
    let page = page(query.cursor.as_deref(), query.limit)?;
    let plugin = query.plugin.map(PluginId);
    let found = app.connections.store.connections(plugin.as_ref(), &page).await?;
    let rows =
        futures::stream::iter(found.items).map(|connection| shown(&app, connection)).buffered(8).try_collect().await?;
    Ok(Json(Page { items: rows, next_cursor: found.next.map(|next| next.to_string()) }))
}

/// Make a connection.
///
/// A webhook secret that is left out is made by the host and shown in this answer only.
#[utoipa::path(
    post, path = "/api/v1/connections", tag = "connections", request_body = NewConnection,
    responses(
        (status = 201, body = Connection, headers(("location" = String, description = "Its address."))),
        (status = 400, description = "What was entered is wrong; every field is named."),
        (status = 409, description = "The name is taken."),
    )
)]
async fn make_connection(
    State(app): State<Arc<App>>,
    Body(new): Body<NewConnection>,
) -> Result<impl IntoResponse, Refusal> {
    let made = app.connections.make(new.into()).await?;
    let location = format!("/api/v1/connections/{}", made.connection.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(with_secret(&app, made).await?)))
}

/// One connection.
#[utoipa::path(
    get, path = "/api/v1/connections/{id}", tag = "connections",
    params(("id" = String, Path, description = "Which connection.")),
    responses(
        (status = 200, body = Connection, headers(("etag" = String, description = "For `If-Match` when it is changed."))),
        (status = 404, description = "No such connection."),
    )
)]
async fn show_connection(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<impl IntoResponse, Refusal> {
    let connection = app.connections.find(&id.into()).await?;
    let version = Version(connection.updated_at);
    Ok((Extension(version), Json(shown(&app, connection).await?)))
}

/// Change a connection; what is absent stays.
#[utoipa::path(
    patch, path = "/api/v1/connections/{id}", tag = "connections", request_body = ConnectionPatch,
    params(
        ("id" = String, Path, description = "Which connection."),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that it was shown with: refuse to overwrite a later change."),
    ),
    responses(
        (status = 200, body = Connection),
        (status = 400, description = "What was entered is wrong; every field is named."),
        (status = 404, description = "No such connection."),
        (status = 409, description = "The name is taken, or somebody changed it at the same moment."),
        (status = 412, description = "It was changed since it was shown."),
    )
)]
async fn change_connection(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(patch): Body<ConnectionPatch>,
) -> Result<Json<Connection>, Refusal> {
    let patch = Patch { seen: etag::if_match(&headers)?, ..patch.into() };
    let made = app.connections.change(&id.into(), patch).await?;
    Ok(Json(with_secret(&app, made).await?))
}

/// Remove a connection with its credentials and deliveries. What it reported stays until retention ends it.
#[utoipa::path(
    delete, path = "/api/v1/connections/{id}", tag = "connections",
    params(
        ("id" = String, Path, description = "Which connection."),
        ("If-Match" = Option<String>, Header, description = "The `ETag` that it was shown with."),
    ),
    responses(
        (status = 204, description = "Gone."),
        (status = 404, description = "No such connection."),
        (status = 412, description = "It was changed since it was shown."),
    )
)]
async fn remove_connection(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let id = ConnectionId(id);
    if let Some(seen) = etag::if_match(&headers)?
        && app.connections.find(&id).await?.updated_at != seen
    {
        return Err(ConnectionError::Stale.into());
    }
    app.connections.remove(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ask whether a connection works.
#[utoipa::path(
    post, path = "/api/v1/connections/{id}/check", tag = "connections",
    params(("id" = String, Path, description = "Which connection.")),
    responses(
        (status = 200, description = "What the check said, also when it says that the connection fails.", body = CheckResult),
        (status = 404, description = "No such connection."),
    )
)]
async fn check_connection(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<CheckResult>, Refusal> {
    Ok(Json(app.connections.check(&id.into()).await?.into()))
}

/// Pull every feed of a connection now.
#[utoipa::path(
    post, path = "/api/v1/connections/{id}/sync", tag = "connections",
    params(("id" = String, Path, description = "Which connection.")),
    responses(
        (status = 202, description = "Its feeds are due now."),
        (status = 404, description = "No such connection."),
        (status = 409, description = "It has nothing to pull, or is switched off."),
    )
)]
async fn sync_connection(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    let connection = app.connections.find(&id.into()).await?;
    let refuse = |why: &str| Err(Refusal::new(Kind::Conflict, why));
    if !connection.enabled {
        return refuse("the connection is switched off");
    }
    if !app.feeds.hurry(&connection.id, app.clock.now()).await? {
        return refuse("the connection has nothing to pull");
    }
    app.bus.wake(Topic::Feeds);
    Ok(StatusCode::ACCEPTED)
}

async fn shown(app: &App, connection: core::Connection) -> Result<Connection, Refusal> {
    let status = app.connections.store.status(&connection.id).await?;
    let credentials = app.connections.credentials.credentials(&connection.id).await?;
    let manifest = app.plugins.manifest(&connection.plugin, connection.digest.as_deref());
    Ok(Connection::of(connection, status, &credentials, manifest.as_deref()))
}

async fn with_secret(app: &App, made: Made) -> Result<Connection, Refusal> {
    let mut connection = shown(app, made.connection).await?;
    connection.webhook_secret = made.webhook_secret;
    if let (Some(path), Some(query)) = (&mut connection.hook_path, made.hook_query) {
        *path = format!("{path}?{query}");
    }
    Ok(connection)
}
