//! Signing in and out.

use crate::app::App;
use crate::auth::{self, COOKIE, Caller};
use crate::extract::Json as Body;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use opssight_api_types::identity::{Me, Session, SignIn};
use opssight_core::error::Kind;
use opssight_core::identity::Known;
use opssight_core::time::Timestamp;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// For those who have no session yet.
pub(crate) fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(sign_in))
}

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(sign_out)).routes(routes!(show_me))
}

/// Sign in with the admin's secret.
///
/// Programs keep the token; browsers also get it as an HttpOnly cookie.
#[utoipa::path(
    post, path = "/api/v1/sessions", tag = "identity", request_body = SignIn,
    responses(
        (status = 201, body = Session),
        (status = 401, description = "Not the secret.", body = opssight_api_types::Problem, content_type = "application/problem+json"),
        (status = 403, description = "Asked by a page of another site."),
    ),
    security(())
)]
async fn sign_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Body(request): Body<SignIn>,
) -> Result<impl IntoResponse, Refusal> {
    auth::same_site(&app, &headers)?;
    let label = request.label.as_deref().unwrap_or("a session");
    let (token, session) = app.identity.sign_in(&request.secret, label).await?;
    let secs = session.expires_at.since(app.clock.now()).div_euclid(1_000_000);
    let cookie = cookie(&app, &token, secs);
    let session = Session { token, expires_at: utc(session.expires_at) };
    Ok((StatusCode::CREATED, [cookie, no_store()], Json(session)))
}

/// Sign out: end this session. A key is no session; it is revoked.
#[utoipa::path(
    delete, path = "/api/v1/sessions/current", tag = "identity",
    responses(
        (status = 204, description = "Signed out."),
        (status = 409, description = "Asked with a key."),
    )
)]
async fn sign_out(State(app): State<Arc<App>>, caller: Caller) -> Result<impl IntoResponse, Refusal> {
    if matches!(caller.known, Known::Key(_)) {
        let detail = "you asked with a key, which is no session: `opssight keys revoke` ends it";
        return Err(Refusal::new(Kind::Conflict, detail).with_code("not-a-session"));
    }
    app.identity.sign_out(&caller.token).await?;
    Ok((StatusCode::NO_CONTENT, [cookie(&app, "", 0)]))
}

/// Who is asking.
#[utoipa::path(get, path = "/api/v1/me", tag = "identity", responses((status = 200, body = Me)))]
async fn show_me(caller: Caller) -> Json<Me> {
    Json(Me {
        role: caller.known.standing().role.name().to_owned(),
        expires_at: utc(caller.known.expires_at()),
        name: caller.name,
    })
}

fn cookie(app: &App, token: &str, secs: i64) -> (HeaderName, String) {
    let config = &app.config;
    let https = config.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    let secure = if config.secure_cookie || https { "; Secure" } else { "" };
    (header::SET_COOKIE, format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={secs}{secure}"))
}

fn no_store() -> (HeaderName, String) {
    (header::CACHE_CONTROL, "no-store".to_owned())
}

fn utc(at: Timestamp) -> chrono::DateTime<chrono::Utc> {
    at.to_utc().unwrap_or(chrono::DateTime::<chrono::Utc>::MAX_UTC)
}
