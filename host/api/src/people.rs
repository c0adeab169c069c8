//! People with accounts, and those who are invited.

mod invitations;

use crate::app::App;
use crate::auth::Caller;
use crate::extract::Json as Body;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use opssight_api_types::Page;
use opssight_api_types::people::{Person, PersonPatch};
use opssight_core::id::PersonId;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// For those who are invited.
pub(crate) fn open_routes() -> OpenApiRouter<Api> {
    invitations::open_routes()
}

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list_people))
        .routes(routes!(change_person))
        .routes(routes!(remove_person))
        .merge(invitations::routes())
}

/// Everybody with an account, by address.
#[utoipa::path(get, path = "/api/v1/people", tag = "identity", responses((status = 200, body = Page<Person>)))]
async fn list_people(State(app): State<Arc<App>>) -> Result<Json<Page<Person>>, Refusal> {
    Ok(Json(Page::whole(app.identity.people.people().await?.into_iter().map(Person::from).collect())))
}

/// Change somebody; what is absent stays. It holds from their next request on.
///
/// Nobody gives a role that is more than their own, or changes somebody with more.
#[utoipa::path(
    patch, path = "/api/v1/people/{id}", tag = "identity", request_body = PersonPatch,
    params(("id" = String, Path, description = "Which person.")),
    responses(
        (status = 200, body = Person),
        (status = 400, description = "What was entered is wrong; the field is named."),
        (status = 404, description = "There is nobody like that."),
    )
)]
async fn change_person(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    Body(patch): Body<PersonPatch>,
) -> Result<Json<Person>, Refusal> {
    let by = caller.known.standing().role;
    Ok(Json(app.identity.change_person(&PersonId(id), patch.into(), by).await?.into()))
}

/// Remove somebody: their account and their sessions. What they did stays under their address.
#[utoipa::path(
    delete, path = "/api/v1/people/{id}", tag = "identity",
    params(("id" = String, Path, description = "Which person.")),
    responses((status = 204, description = "Gone."), (status = 404, description = "There is nobody like that."))
)]
async fn remove_person(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.identity.remove_person(&PersonId(id), caller.known.standing().role).await?;
    Ok(StatusCode::NO_CONTENT)
}
