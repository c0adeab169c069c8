//! Invitations: made by somebody who may, used by whoever has the link.

use crate::app::App;
use crate::auth::{self, Caller};
use crate::extract::Json as Body;
use crate::identity::opened;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use opssight_api_types::Page;
use opssight_api_types::identity::Session;
use opssight_api_types::people::{Invitation, InvitationToken, Join, MadeInvitation, NewInvitation};
use opssight_core::id::InvitationId;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(show_invitation)).routes(routes!(join))
}

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_invitations))
        .routes(routes!(invite_person))
        .routes(routes!(withdraw_invitation))
}

/// Those who are invited and have not joined, by address.
#[utoipa::path(get, path = "/api/v1/invitations", tag = "identity", responses((status = 200, body = Page<Invitation>)))]
async fn list_invitations(State(app): State<Arc<App>>) -> Result<Json<Page<Invitation>>, Refusal> {
    let found = app.identity.people.invitations(app.clock.now()).await?;
    Ok(Json(Page::whole(found.into_iter().map(Invitation::from).collect())))
}

/// Invite somebody. The link is shown this once, and is good for a week.
///
/// Whoever is invited again gets another link, and the one before is not good any more.
#[utoipa::path(
    post, path = "/api/v1/invitations", tag = "identity", request_body = NewInvitation,
    responses(
        (status = 201, body = MadeInvitation),
        (status = 400, description = "What was entered is wrong; the field is named."),
        (status = 409, description = "They have an account."),
    )
)]
async fn invite_person(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(new): Body<NewInvitation>,
) -> Result<impl IntoResponse, Refusal> {
    let by = (caller.name.as_str(), caller.known.standing().role);
    let (token, invitation) = app.identity.invite(&new.email, new.role.into(), by).await?;
    // In the part of an address that is sent to nobody.
    let path = format!("/join/#{token}");
    let made = MadeInvitation { token, path, invitation: invitation.into() };
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(made)))
}

/// Take an invitation back.
#[utoipa::path(
    delete, path = "/api/v1/invitations/{id}", tag = "identity",
    params(("id" = String, Path, description = "Which invitation.")),
    responses((status = 204, description = "It is not good any more."), (status = 404, description = "There is none."))
)]
async fn withdraw_invitation(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<StatusCode, Refusal> {
    app.identity.withdraw(&InvitationId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whom an invitation is for.
#[utoipa::path(
    post, path = "/api/v1/invitations/show", tag = "identity", request_body = InvitationToken,
    responses((status = 200, body = Invitation), (status = 404, description = "It is not good any more.")),
    security(())
)]
async fn show_invitation(
    State(app): State<Arc<App>>,
    Body(asked): Body<InvitationToken>,
) -> Result<impl IntoResponse, Refusal> {
    let invitation: Invitation = app.identity.invited(&asked.token).await?.into();
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(invitation)))
}

/// Join by an invitation, which is used up. The answer is a session.
#[utoipa::path(
    post, path = "/api/v1/invitations/join", tag = "identity", request_body = Join,
    responses(
        (status = 201, body = Session),
        (status = 400, description = "What was entered is wrong; the field is named."),
        (status = 403, description = "Asked by a page of another site."),
        (status = 404, description = "The invitation is not good any more."),
    ),
    security(())
)]
async fn join(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Body(joins): Body<Join>,
) -> Result<impl IntoResponse, Refusal> {
    auth::same_site(&app, &headers)?;
    let label = joins.label.as_deref().unwrap_or("a session");
    let joined = app.identity.join(&joins.token, (&joins.name, &joins.password), label).await?;
    Ok(opened(&app, joined))
}
