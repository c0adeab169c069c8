//! `ETag` and `If-None-Match` for every JSON answer, `If-Match` for connections.
//!
//! A tag is weak, because compression changes bytes and not meaning: the hash of the body, after the thing's version
//! where it has one (`W/"1700000000000000.<hash>"`). `If-Match` looks at the version alone, so that a status that
//! moves by itself does not stand in the way of an edit.

use crate::problem::Refusal;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use opssight_core::error::Kind;
use opssight_core::time::Timestamp;
use sha2::{Digest, Sha256};

/// Response extension: the version of what is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Version(pub(crate) Timestamp);

/// Middleware: tag what is read, and send it only if it changed.
pub(crate) async fn tag(request: Request, next: Next) -> Response {
    let is_read = request.method() == Method::GET || request.method() == Method::HEAD;
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !is_read || response.status() != StatusCode::OK || !is_json {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // The handlers' JSON is in memory already.
    let Ok(bytes) = axum::body::to_bytes(body, usize::MAX).await else {
        return axum::response::IntoResponse::into_response(Refusal::new(Kind::Internal, "the answer was lost"));
    };
    let tag = tag_of(&bytes, parts.extensions.get::<Version>());
    let unchanged = known.as_ref().and_then(|known| known.to_str().ok()).is_some_and(|known| matches(known, &tag));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if !unchanged {
        return Response::from_parts(parts, Body::from(bytes));
    }
    parts.status = StatusCode::NOT_MODIFIED;
    parts.headers.remove(header::CONTENT_TYPE);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::empty())
}

fn tag_of(body: &[u8], version: Option<&Version>) -> String {
    let hash = hex::encode(Sha256::digest(body).get(..12).unwrap_or_default());
    match version {
        Some(Version(at)) => format!("W/\"{}.{hash}\"", at.0),
        None => format!("W/\"{hash}\""),
    }
}

/// Weak comparison (RFC 9110, 8.8.3.2).
pub(crate) fn matches(header: &str, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    header.trim() == "*" || header.split(',').any(|known| opaque(known) == opaque(tag))
}

/// The version that `If-Match` names: none when there is no such header, or when any version will do.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<Timestamp>, Refusal> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text == "*" {
        return Ok(None);
    }
    let version = text.trim_start_matches("W/").trim_matches('"').split('.').next().and_then(|at| at.parse().ok());
    match version {
        Some(at) => Ok(Some(Timestamp(at))),
        None => Err(Refusal::new(Kind::Invalid, "the header If-Match is not an ETag that this host gave")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_follows_from_body_and_version() {
        let one = tag_of(b"{}", None);
        assert_eq!(one, "W/\"44136fa355b3678a1146ad16\"");
        assert_ne!(one, tag_of(b"[]", None));
        assert_eq!(tag_of(b"{}", Some(&Version(Timestamp(7)))), "W/\"7.44136fa355b3678a1146ad16\"");
    }

    #[test]
    fn if_none_match_compares_weakly_and_takes_lists() {
        let tag = "W/\"abc\"";
        for (header, expect) in
            [("W/\"abc\"", true), ("\"abc\"", true), ("\"x\", W/\"abc\"", true), ("*", true), ("\"ab\"", false)]
        {
            assert_eq!(matches(header, tag), expect, "{header}");
        }
    }

    #[test]
    fn if_match_reads_the_version_alone() {
        let read = |value: &'static str| {
            let headers = HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_static(value))]);
            if_match(&headers).map_err(|_| ())
        };
        assert_eq!(read("W/\"7.44136fa3\""), Ok(Some(Timestamp(7))));
        assert_eq!(read("\"7\""), Ok(Some(Timestamp(7))));
        assert_eq!(read("*"), Ok(None));
        assert_eq!(read("\"abc\""), Err(()));
        assert_eq!(if_match(&HeaderMap::new()).unwrap(), None);
    }
}
