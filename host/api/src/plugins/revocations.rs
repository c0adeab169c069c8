//! The kill switch.

use crate::app::App;
use crate::auth::Caller;
use crate::extract::Json as Body;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use opssight_api_types::Page;
use opssight_api_types::plugins::installs::{NewRevocation, Revocation, RevokedNow};
use opssight_core::plugins::installs::RevocationTarget;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_revocations, revoke)).routes(routes!(lift_revocation))
}

/// Revocations in force.
#[utoipa::path(get, path = "/api/v1/plugins/revocations", tag = "plugins", responses((status = 200, body = Page<Revocation>)))]
async fn list_revocations(State(app): State<Arc<App>>) -> Result<Json<Page<Revocation>>, Refusal> {
    let revoked = app.installs.store.revocations().await?;
    Ok(Json(Page::whole(revoked.into_iter().map(Revocation::from).collect())))
}

/// Stop a plugin, a package or everything that a key signed: calls under way are interrupted, no new ones are made, and it
/// is not used again until the revocation is lifted. Deliveries are taken, and wait.
#[utoipa::path(
    post, path = "/api/v1/plugins/revocations", tag = "plugins", request_body = NewRevocation,
    responses((status = 200, body = RevokedNow), (status = 400, description = "Not exactly one of `plugin`, `digest` and `key`."))
)]
async fn revoke(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(new): Body<NewRevocation>,
) -> Result<Json<RevokedNow>, Refusal> {
    let target = new.target().ok_or_else(|| Refusal::field("", "name exactly one of `plugin`, `digest` and `key`"))?;
    let interrupted = app.installs.revoke(target, &new.reason, caller.name).await?;
    Ok(Json(RevokedNow { interrupted }))
}

/// Lift a revocation. What it stopped stays stopped until it is installed or rolled back to.
#[utoipa::path(
    delete, path = "/api/v1/plugins/revocations/{target}", tag = "plugins",
    params(("target" = String, Path, description = "As the list of revocations names it.")),
    responses((status = 204, description = "It is lifted."), (status = 400, description = "That is no target."), (status = 409, description = "There is no such revocation."))
)]
async fn lift_revocation(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(target): Path<String>,
) -> Result<StatusCode, Refusal> {
    let target = RevocationTarget::parse(&target)
        .ok_or_else(|| Refusal::field("/target", "must begin with `plugin:`, `digest:` or `key:`"))?;
    app.installs.pardon(&target, caller.name).await?;
    Ok(StatusCode::NO_CONTENT)
}
