//! Acting on the upstream.

use crate::app::App;
use crate::auth::Caller;
use crate::extract::Json as Body;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName};
use opssight_api_types::actions::{ActionInput, ActionRequest, ActionResult};
use opssight_core::id::RunId;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(act_on_run)).routes(routes!(act))
}

/// Carry out an action on a run: run it again, stop it.
#[utoipa::path(
    post, path = "/api/v1/runs/{id}/actions/{name}", tag = "actions", request_body = Option<ActionInput>,
    params(
        ("id" = String, Path, description = "Our id of the run."),
        ("name" = String, Path, description = "The action, as the run offers it."),
        ("Idempotency-Key" = Option<String>, Header, description = "The same over retries of one request."),
    ),
    responses(
        (status = 200, body = ActionResult),
        (status = 400, description = "The input is not what the action's schema says."),
        (status = 404, description = "No such run, or its plugin has no such action."),
        (status = 409, description = "The connection's settings do not allow it."),
        (status = 502, description = "The upstream failed or refused."),
    )
)]
async fn act_on_run(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, name)): Path<(String, String)>,
    headers: HeaderMap,
    body: Option<Body<ActionInput>>,
) -> Result<Json<ActionResult>, Refusal> {
    let input = body.and_then(|Body(body)| body.input).unwrap_or_default();
    let key = key(&app, &headers)?;
    let acted = app.actions.act_on_run(&RunId(id), &name, input.into(), &caller.name, &key).await?;
    Ok(Json(acted.into()))
}

/// Carry out any action that a plugin declares.
#[utoipa::path(
    post, path = "/api/v1/actions", tag = "actions", request_body = ActionRequest,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same over retries of one request.")),
    responses(
        (status = 200, body = ActionResult),
        (status = 400, description = "The input is not what the action's schema says."),
        (status = 404, description = "No such connection, or its plugin has no such action."),
        (status = 409, description = "The connection's settings do not allow it."),
        (status = 502, description = "The upstream failed or refused."),
    )
)]
async fn act(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    Body(request): Body<ActionRequest>,
) -> Result<Json<ActionResult>, Refusal> {
    let key = key(&app, &headers)?;
    let acted = app.actions.act(&request.connection.into(), &request.action, request.input, &caller.name, &key).await?;
    Ok(Json(acted.into()))
}

/// The client's key, or a new one: then every request is an action of its own.
fn key(app: &App, headers: &HeaderMap) -> Result<String, Refusal> {
    let Some(key) = headers.get(IDEMPOTENCY_KEY) else { return Ok(app.identity.secret("opsact")) };
    let text = key.to_str().unwrap_or_default();
    if text.is_empty() || text.len() > 200 {
        let detail = "the header Idempotency-Key must have 1 to 200 printable ASCII characters";
        return Err(Refusal::new(opssight_core::error::Kind::Invalid, detail));
    }
    Ok(text.to_owned())
}
