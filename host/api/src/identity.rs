//! Signing in and out.

use crate::app::App;
use crate::auth::{self, COOKIE, Caller};
use crate::extract::Json as Body;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use opssight_api_types::Page;
use opssight_api_types::identity::{Me, NewPassword, OwnSession, Session, SignIn};
use opssight_core::error::Kind;
use opssight_core::identity::{self, Known};
use opssight_core::time::Timestamp;
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// For those who have no session yet.
pub(crate) fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(sign_in))
}

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(sign_out))
        .routes(routes!(show_me))
        .routes(routes!(list_sessions))
        .routes(routes!(end_session))
        .routes(routes!(change_password))
}

/// Sign in with an address and a password, or with the admin's secret.
///
/// From the sixth attempt on an address has to wait, longer each time, whether somebody has it or not.
///
/// Programs keep the token; browsers also get it as an HttpOnly cookie.
#[utoipa::path(
    post, path = "/api/v1/sessions", tag = "identity", request_body = SignIn,
    responses(
        (status = 201, body = Session),
        (status = 401, description = "Not the password or the secret.", body = opssight_api_types::Problem, content_type = "application/problem+json"),
        (status = 403, description = "Asked by a page of another site."),
        (status = 429, description = "Tried too often; see `Retry-After`."),
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
    let begun = match (&request.email, &request.password, &request.secret) {
        (Some(email), Some(password), None) => app.identity.sign_in_with_password(email, password, label).await?,
        (None, None, Some(secret)) => app.identity.sign_in(secret, label).await?,
        _ => {
            let detail = "send `email` and `password`, or `secret` and neither of them";
            return Err(Refusal::new(Kind::Invalid, detail).with_code("how-to-sign-in"));
        }
    };
    Ok(opened(&app, begun))
}

/// The answer with a session that just began.
pub(crate) fn opened(app: &App, (token, session): (String, identity::Session)) -> impl IntoResponse + use<> {
    let secs = session.expires_at.since(app.clock.now()).div_euclid(1_000_000);
    let cookie = cookie(app, &token, secs);
    let session = Session { token, expires_at: utc(session.expires_at) };
    (StatusCode::CREATED, [cookie, no_store()], Json(session))
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
    session_of(&caller)?;
    app.identity.sign_out(&caller.token).await?;
    Ok((StatusCode::NO_CONTENT, [cookie(&app, "", 0)]))
}

fn session_of(caller: &Caller) -> Result<&identity::Session, Refusal> {
    match &caller.known {
        Known::Session(session) => Ok(session),
        Known::Key(_) => {
            let detail = "you asked with a key, which is no session: `opssight keys revoke` ends it";
            Err(Refusal::new(Kind::Conflict, detail).with_code("not-a-session"))
        }
    }
}

/// One's own sessions, the newest first.
#[utoipa::path(
    get, path = "/api/v1/sessions", tag = "identity",
    responses((status = 200, body = Page<OwnSession>), (status = 409, description = "Asked with a key."))
)]
async fn list_sessions(State(app): State<Arc<App>>, caller: Caller) -> Result<Json<Page<OwnSession>>, Refusal> {
    let current = session_of(&caller)?;
    let own = |session: identity::Session| OwnSession {
        id: session.id(),
        current: session.token == current.token,
        label: session.label,
        created_at: utc(session.created_at),
        expires_at: utc(session.expires_at),
    };
    Ok(Json(Page::whole(app.identity.sessions(current).await?.into_iter().map(own).collect())))
}

/// End one of one's own sessions.
#[utoipa::path(
    delete, path = "/api/v1/sessions/{id}", tag = "identity",
    params(("id" = String, Path, description = "Which session.")),
    responses(
        (status = 204, description = "It has ended."),
        (status = 404, description = "There is none of one's own."),
        (status = 409, description = "Asked with a key."),
    )
)]
async fn end_session(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    app.identity.end_session(session_of(&caller)?, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Another password for oneself. All one's other sessions end.
#[utoipa::path(
    put, path = "/api/v1/me/password", tag = "identity", request_body = NewPassword,
    responses(
        (status = 204, description = "It is the password now."),
        (status = 400, description = "The current one is wrong, or the new one is easy to guess; the field is named."),
        (status = 409, description = "Asked by somebody without an account."),
        (status = 429, description = "Tried too often; see `Retry-After`."),
    )
)]
async fn change_password(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(password): Body<NewPassword>,
) -> Result<StatusCode, Refusal> {
    let session = session_of(&caller)?;
    app.identity.change_password(session, (&password.current, &password.new)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who is asking.
#[utoipa::path(get, path = "/api/v1/me", tag = "identity", responses((status = 200, body = Me)))]
async fn show_me(caller: Caller) -> Json<Me> {
    Json(Me {
        role: caller.known.standing().role.name().to_owned(),
        expires_at: utc(caller.known.expires_at()),
        person: session_of(&caller).ok().and_then(|session| session.owner.as_ref()).map(|owner| owner.id.0.clone()),
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
