//! Keys of programs.

use crate::app::App;
use crate::auth::Caller;
use crate::extract::Json as Body;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use opssight_api_types::Page;
use opssight_api_types::keys::{ApiKey, MadeApiKey, NewApiKey};
use opssight_core::id::ApiKeyId;
use opssight_core::identity::NewKey;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_keys)).routes(routes!(make_key)).routes(routes!(revoke_key))
}

/// Keys of programs, by name, also those that have ended.
#[utoipa::path(get, path = "/api/v1/keys", tag = "identity", responses((status = 200, body = Page<ApiKey>)))]
async fn list_keys(State(app): State<Arc<App>>) -> Result<Json<Page<ApiKey>>, Refusal> {
    Ok(Json(Page::whole(app.identity.api_keys().await?.into_iter().map(ApiKey::from).collect())))
}

/// Make a key. Its secret is shown this once.
///
/// It cannot have a role that is more than one's own, and a key makes no keys.
#[utoipa::path(
    post, path = "/api/v1/keys", tag = "identity", request_body = NewApiKey,
    responses(
        (status = 201, body = MadeApiKey),
        (status = 400, description = "What was entered is wrong; the field is named."),
        (status = 409, description = "There is a key of that name."),
    )
)]
async fn make_key(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(new): Body<NewApiKey>,
) -> Result<impl IntoResponse, Refusal> {
    let new = NewKey { name: new.name, role: new.role.into(), days: new.days };
    let by = (caller.name.as_str(), caller.known.standing().role);
    let (secret, key) = app.identity.make_key(new, by).await?;
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, no_store, Json(MadeApiKey { secret, key: key.into() })))
}

/// Revoke a key: it works no more, on every host.
#[utoipa::path(
    delete, path = "/api/v1/keys/{id}", tag = "identity",
    params(("id" = String, Path, description = "Which key.")),
    responses((status = 204, description = "It works no more."), (status = 404, description = "There is none."))
)]
async fn revoke_key(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    app.identity.revoke_key(&ApiKeyId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
