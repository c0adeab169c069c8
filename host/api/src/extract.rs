//! Input, with refusals that name the field: query strings, JSON bodies, path parts.

use crate::problem::Refusal;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use opssight_core::error::Kind;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How long a body of at most a megabyte may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// A query string. Unknown parameters are errors that list the known ones.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|query| Self(query.0))
            .map_err(|rejection| wrong_field(&rejection.body_text(), "Failed to deserialize query string: "))
    }
}

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let read = <axum::Json<T> as FromRequest<S>>::from_request(request, state);
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(json)) => Ok(Self(json.0)),
            Ok(Err(rejection)) => Err(bad_json(rejection)),
            Err(_) => Err(Refusal::http(StatusCode::REQUEST_TIMEOUT, "timeout", "the body came too slowly")),
        }
    }
}

/// No body is no input.
impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Json<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Option<Self>, Refusal> {
        let empty = request.headers().get(header::CONTENT_LENGTH).is_some_and(|length| length == "0");
        if empty || !request.headers().contains_key(header::CONTENT_TYPE) {
            return Ok(None);
        }
        <Self as FromRequest<S>>::from_request(request, state).await.map(Some)
    }
}

fn bad_json(rejection: JsonRejection) -> Refusal {
    match rejection {
        JsonRejection::JsonDataError(error) => {
            wrong_field(&error.body_text(), "Failed to deserialize the JSON body into the target type: ")
        }
        JsonRejection::JsonSyntaxError(error) => Refusal::new(
            Kind::Invalid,
            error.body_text().replacen("Failed to parse the request body as JSON", "the body is not JSON", 1),
        ),
        JsonRejection::MissingJsonContentType(_) => Refusal::http(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            "the body must be JSON, with the header `content-type: application/json`",
        ),
        JsonRejection::BytesRejection(rejection) => bad_bytes(&rejection),
        _ => Refusal::new(Kind::Invalid, "the body cannot be read"),
    }
}

fn bad_bytes(rejection: &BytesRejection) -> Refusal {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let detail = format!("the body has more than {} bytes", crate::limits::JSON_BODY);
        return Refusal::http(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail);
    }
    Refusal::new(Kind::Invalid, "the body ended early")
}

/// Serde's "settings.base_url: invalid type ..." becomes a pointer and a problem.
fn wrong_field(text: &str, prefix: &str) -> Refusal {
    let text = text.strip_prefix(prefix).unwrap_or(text);
    let is_path = |path: &str| {
        !path.is_empty() && path.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']'))
    };
    match text.split_once(": ") {
        Some((path, problem)) if is_path(path) => {
            let at: String =
                path.replace('[', ".").replace(']', "").split('.').fold(String::new(), |at, part| at + "/" + part);
            Refusal::field(at, problem)
        }
        _ => Refusal::new(Kind::Invalid, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use opssight_api_types::connections::NewConnection;
    use opssight_api_types::pipelines::RunQuery;

    async fn told(refusal: Refusal) -> String {
        let body = axum::body::to_bytes(refusal.render(None).into_body(), 10_000).await.unwrap();
        String::from_utf8(body.to_vec()).unwrap()
    }

    async fn query(text: &str) -> Result<RunQuery, String> {
        let request = Request::builder().uri(format!("/runs?{text}")).body(Body::empty()).unwrap();
        let (mut parts, _) = request.into_parts();
        match Query::<RunQuery>::from_request_parts(&mut parts, &()).await {
            Ok(query) => Ok(query.0),
            Err(refusal) => Err(told(refusal).await),
        }
    }

    #[tokio::test]
    async fn an_unknown_parameter_is_refused_with_the_known_ones() {
        let told = query("colour=red").await.unwrap_err();
        assert!(told.contains("unknown field `colour`") && told.contains("`branch`"), "{told}");
        assert!(told.contains(r#""status":400"#), "{told}");
    }

    #[tokio::test]
    async fn a_bad_value_names_its_parameter() {
        let told = query("limit=many").await.unwrap_err();
        assert!(told.contains(r#""at":"/limit""#), "{told}");
        let told = query("result=great").await.unwrap_err();
        assert!(told.contains(r#""at":"/result""#) && told.contains("`success`"), "{told}");
        assert_eq!(query("since=2026-01-01T00:00:00Z&q=a%20b").await.unwrap().q.as_deref(), Some("a b"));
    }

    async fn body(text: &str) -> Result<NewConnection, String> {
        let request = Request::builder().header("content-type", "application/json").body(Body::from(text.to_owned()));
        match <Json<NewConnection> as FromRequest<()>>::from_request(request.unwrap(), &()).await {
            Ok(json) => Ok(json.0),
            Err(refusal) => Err(told(refusal).await),
        }
    }

    #[tokio::test]
    async fn bad_json_says_where() {
        let problem = body("{\n  \"name\": }").await.unwrap_err();
        assert!(problem.contains("the body is not JSON") && problem.contains("line 2 column"), "{problem}");
        let problem = body(r#"{"name":"a","plugin":"b","grants":{"networks":"all"}}"#).await.unwrap_err();
        assert!(problem.contains(r#""at":"/grants/networks""#), "{problem}");
        assert!(body(r#"{"name":"a","plugin":"b"}"#).await.is_ok());
    }
}
