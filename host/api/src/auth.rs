//! Who is asking: a bearer token (programs) or a session cookie (browsers).
//!
//! A cookie is sent by the browser whoever made the page that asks. What changes anything with a cookie must
//! therefore carry a header that other sites cannot set, and must not come from another site as far as the browser
//! says where it comes from.

use crate::app::App;
use crate::problem::Refusal;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use opssight_core::error::Kind;
use opssight_core::identity::Known;
use std::sync::Arc;

/// Name of the session cookie.
pub(crate) const COOKIE: &str = "opssight_session";
const CSRF: HeaderName = HeaderName::from_static("x-opssight-csrf");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Who asks, on a request that got past [`require`].
#[derive(Clone)]
pub(crate) struct Caller {
    /// As they are named in what they did.
    pub(crate) name: String,
    /// What they asked with.
    pub(crate) token: String,
    /// Who they are.
    pub(crate) known: Known,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get::<Caller>().cloned().ok_or_else(signed_out)
    }
}

/// Middleware: let in whoever has a session or a key.
pub(crate) async fn require(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    match identify(&app, request.method(), request.headers()).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn identify(app: &App, method: &Method, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let (token, is_cookie) = match bearer(headers)? {
        Some(token) => (token, false),
        None => {
            let token = cookie(headers).ok_or_else(signed_out)?;
            if !method.is_safe() {
                from_our_page(app, headers)?;
            }
            (token, true)
        }
    };
    // A key belongs to a program, and a cookie to a browser.
    let known = app.identity.known(token).await?.filter(|known| !is_cookie || known.standing().has_signed_in);
    let known = known.ok_or_else(signed_out)?;
    Ok(Caller { name: known.name(), token: token.to_owned(), known })
}

pub(crate) fn signed_out() -> Refusal {
    Refusal::new(
        Kind::Unauthenticated,
        "this needs a session: sign in at /login or with `opssight login`, or send `Authorization: Bearer <token>`",
    )
}

/// The token of the header `Authorization`. With another scheme the request is refused: falling back to a cookie
/// would answer as somebody whom the client did not name.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    token.map(Some).ok_or_else(signed_out)
}

/// The session cookie.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE && !value.is_empty()).then_some(value))
}

fn from_our_page(app: &App, headers: &HeaderMap) -> Result<(), Refusal> {
    if headers.get(CSRF).is_none_or(|value| value != "1") {
        let detail = "a change with a session cookie needs the header `x-opssight-csrf: 1`";
        return Err(Refusal::new(Kind::Forbidden, detail).with_code("csrf"));
    }
    same_site(app, headers)
}

/// Refuse what the browser says comes from another site. Clients that say nothing are no browsers.
pub(crate) fn same_site(app: &App, headers: &HeaderMap) -> Result<(), Refusal> {
    let said = headers.get(SEC_FETCH_SITE).is_none_or(|site| site == "same-origin" || site == "none");
    let origin = match headers.get(header::ORIGIN) {
        None => true,
        Some(origin) => origin.to_str().is_ok_and(|origin| is_ours(origin, headers, app.config.public_url.as_ref())),
    };
    if said && origin {
        return Ok(());
    }
    Err(Refusal::new(Kind::Forbidden, "the request comes from a page of another site").with_code("cross-site"))
}

/// Whether an origin is the host that was asked, or the address that the operator says people use (a proxy may
/// rewrite the header `Host`).
fn is_ours(origin: &str, headers: &HeaderMap, public_url: Option<&url::Url>) -> bool {
    let Ok(origin) = url::Url::parse(origin) else { return false };
    if public_url.is_some_and(|public| public.origin() == origin.origin()) {
        return true;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    url::Url::parse(&format!("{}://{host}", origin.scheme()))
        .is_ok_and(|asked| asked.origin().is_tuple() && asked.origin() == origin.origin())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_token_is_found_in_header_or_cookie() {
        let check = |name, value, token: Option<&str>, session: Option<&str>| {
            let headers = headers(&[(name, value)]);
            assert_eq!(bearer(&headers).ok().flatten(), token, "{value}");
            assert_eq!(cookie(&headers), session, "{value}");
        };
        check(header::AUTHORIZATION, "Bearer opstok_1", Some("opstok_1"), None);
        check(header::AUTHORIZATION, "bearer  opstok_1", Some("opstok_1"), None);
        check(header::AUTHORIZATION, "Basic b3BzdG9r", None, None);
        check(header::COOKIE, "a=b; opssight_session=opstok_2; c=d", None, Some("opstok_2"));
        check(header::COOKIE, "xopssight_session=opstok_2", None, None);
        check(header::COOKIE, "opssight_session=", None, None);
    }

    #[test]
    fn only_our_own_origin_is_ours() {
        let public = url::Url::parse("https://ops.example.com/").unwrap();
        let check = |origin, host, expect| {
            let headers = headers(&[(header::HOST, host)]);
            assert_eq!(is_ours(origin, &headers, Some(&public)), expect, "{origin} {host}");
        };
        check("http://localhost:8080", "localhost:8080", true);
        check("http://localhost:8080", "localhost:9090", false);
        check("https://ops.example.com", "10.0.0.1:8080", true);
        check("https://ops.example.com.evil.example", "10.0.0.1:8080", false);
        check("https://a.example", "a.example:443", true);
        check("null", "a.example", false);
        check("file://", "", false);
    }
}
