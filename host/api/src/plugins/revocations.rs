//! Revocations in force.

use super::{reason, to_its_end};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Json as Body, Query};
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use opssight_api_types::Page;
use opssight_api_types::plugins::changes::{NewRevocation, Revocation, RevocationTarget, Stopped};
use opssight_core::plugins::installs as core;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_revocations, make_revocation, lift_revocation))
}

/// What is revoked here.
#[utoipa::path(
    get, path = "/api/v1/plugins/revocations", tag = "plugins", responses((status = 200, body = Page<Revocation>))
)]
async fn list_revocations(State(app): State<Arc<App>>) -> Result<Json<Page<Revocation>>, Refusal> {
    let revoked = app.installs.store.revocations().await?;
    Ok(Json(Page::whole(revoked.into_iter().map(Revocation::from).collect())))
}

/// Revoke a plugin, a package or everything that a key signed, installed or not.
#[utoipa::path(
    post, path = "/api/v1/plugins/revocations", tag = "plugins", request_body = NewRevocation,
    responses(
        (status = 200, description = "In force.", body = Stopped),
        (status = 400, description = "It names nothing, or several things."),
    )
)]
async fn make_revocation(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(new): Body<NewRevocation>,
) -> Result<Json<Stopped>, Refusal> {
    let (target, why) = (read("/target", new.target)?, reason(new.reason));
    let interrupted = to_its_end(&app, |desk| async move { desk.revoke(target, &why, &caller.name).await }).await?;
    Ok(Json(Stopped { interrupted }))
}

/// Lift a revocation. What it stopped stays stopped until it is installed again or gone back to.
#[utoipa::path(
    delete, path = "/api/v1/plugins/revocations", tag = "plugins", params(RevocationTarget),
    responses(
        (status = 204, description = "Lifted."),
        (status = 400, description = "It names nothing, or several things."),
        (status = 409, description = "It is not revoked."),
    )
)]
async fn lift_revocation(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(target): Query<RevocationTarget>,
) -> Result<StatusCode, Refusal> {
    let target = read("", target)?;
    to_its_end(&app, |desk| async move { desk.pardon(&target, &caller.name).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn read(at: &str, target: RevocationTarget) -> Result<core::RevocationTarget, Refusal> {
    let problem = "name one of plugin, digest (`sha256:...`) and key (`ed25519:...`), both with 64 hexadecimal digits";
    target.read().ok_or_else(|| Refusal::field(at, problem))
}
