//! Whose keys are known.

use crate::app::App;
use crate::auth::Caller;
use crate::extract::Json as Body;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use opssight_api_types::Page;
use opssight_api_types::plugins::installs::{Publisher, TrustedKey};
use opssight_core::plugins::trust::PublisherKey;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_publishers)).routes(routes!(trust_publisher, forget_publisher))
}

/// Publishers and their pinned keys, by name.
#[utoipa::path(get, path = "/api/v1/plugins/publishers", tag = "plugins", responses((status = 200, body = Page<Publisher>)))]
async fn list_publishers(State(app): State<Arc<App>>) -> Result<Json<Page<Publisher>>, Refusal> {
    let pins = app.installs.store.pins().await?;
    Ok(Json(Page::whole(pins.into_iter().map(Publisher::from).collect())))
}

/// Trust a key for a publisher from now on.
#[utoipa::path(
    put, path = "/api/v1/plugins/publishers/{name}", tag = "plugins", request_body = TrustedKey,
    params(("name" = String, Path, description = "Which publisher.")),
    responses((status = 204, description = "It is trusted."), (status = 400, description = "That is no key."))
)]
async fn trust_publisher(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Body(trusted): Body<TrustedKey>,
) -> Result<StatusCode, Refusal> {
    let hex = trusted.key.strip_prefix("ed25519:").unwrap_or_default();
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)) {
        return Err(Refusal::field("/key", "must be `ed25519:` and 64 hexadecimal digits in lower case"));
    }
    app.installs.trust(&name, Some(PublisherKey(trusted.key)), caller.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forget a publisher's key: the next installation pins one.
#[utoipa::path(
    delete, path = "/api/v1/plugins/publishers/{name}", tag = "plugins",
    params(("name" = String, Path, description = "Which publisher.")),
    responses((status = 204, description = "It is forgotten."))
)]
async fn forget_publisher(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.installs.trust(&name, None, caller.name).await?;
    Ok(StatusCode::NO_CONTENT)
}
