//! Publishers and their keys.

use super::to_its_end;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Json as Body;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use opssight_api_types::Page;
use opssight_api_types::plugins::changes::{Publisher, PublisherKey};
use opssight_core::plugins::trust;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_publishers)).routes(routes!(trust_publisher, forget_publisher))
}

/// Publishers whose keys this host knows, by name.
#[utoipa::path(
    get, path = "/api/v1/plugins/publishers", tag = "plugins", responses((status = 200, body = Page<Publisher>))
)]
async fn list_publishers(State(app): State<Arc<App>>) -> Result<Json<Page<Publisher>>, Refusal> {
    let listed = app.installs.policy.publishers.iter().map(|(publisher, key)| Publisher {
        publisher: publisher.clone(),
        key: key.to_string(),
        how: "listed".to_owned(),
        pinned_at: None,
    });
    let mut publishers: Vec<Publisher> = listed.collect();
    for pin in app.installs.store.pins().await? {
        // What the configuration lists wins over what was pinned.
        if !app.installs.policy.publishers.contains_key(&pin.publisher) {
            publishers.push(pin.into());
        }
    }
    publishers.sort_by(|a, b| a.publisher.cmp(&b.publisher));
    Ok(Json(Page::whole(publishers)))
}

/// Trust this key for a publisher, and no other.
#[utoipa::path(
    put, path = "/api/v1/plugins/publishers/{name}", tag = "plugins", request_body = PublisherKey,
    params(("name" = String, Path, description = "The publisher.")),
    responses(
        (status = 204, description = "In force for what is installed from now on."),
        (status = 400, description = "That is not a key."),
        (status = 409, description = "The configuration decides about this publisher."),
    )
)]
async fn trust_publisher(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<PublisherKey>,
) -> Result<StatusCode, Refusal> {
    let problem = "is not a public key: `ed25519:` and 64 hexadecimal digits, as `opssight plugin keygen` prints it";
    let key = trust::PublisherKey::parse(&body.key).ok_or_else(|| Refusal::field("/key", problem))?;
    to_its_end(&app, |desk| async move { desk.trust(&name, Some(key), &caller.name).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forget the key of a publisher: the next installation that somebody agrees to pins one.
#[utoipa::path(
    delete, path = "/api/v1/plugins/publishers/{name}", tag = "plugins",
    params(("name" = String, Path, description = "The publisher.")),
    responses(
        (status = 204, description = "Forgotten."),
        (status = 409, description = "The configuration decides about this publisher."),
    )
)]
async fn forget_publisher(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Refusal> {
    to_its_end(&app, |desk| async move { desk.trust(&name, None, &caller.name).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
