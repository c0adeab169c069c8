//! `POST /hooks/{connection}`: the door for deliveries. Stored first, looked at later.

use crate::app::App;
use crate::limits::Limits;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use futures::StreamExt;
use opssight_api_types::deliveries::Accepted;
use opssight_core::connections::Connection;
use opssight_core::error::Kind;
use opssight_core::id::ConnectionId;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A sender that pauses longer than this in the middle of a body has gone.
const PAUSE: Duration = Duration::from_secs(15);
/// And the whole of it may take no longer than this.
const PATIENCE: Duration = Duration::from_secs(120);
/// How much of a refused body is read and thrown away, so that the sender is still there to hear the answer.
const DRAIN: u64 = 64 << 20;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(receive_delivery))
}

/// Take a delivery.
///
/// The upstream signs it; there is no other sign-in. The answer comes once the delivery is durable. A delivery that
/// was accepted before is accepted again and changes nothing.
#[utoipa::path(
    post, path = "/hooks/{connection}", tag = "hooks",
    params(("connection" = String, Path, description = "Which connection.")),
    request_body(content_type = "application/octet-stream", description = "The raw delivery, as the upstream signs it."),
    responses(
        (status = 202, description = "Durable.", body = Accepted),
        (status = 401, description = "Not genuine.", body = opssight_api_types::Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such connection.", body = opssight_api_types::Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large.", body = opssight_api_types::Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too often; see `Retry-After`.", body = opssight_api_types::Problem, content_type = "application/problem+json"),
        (status = 503, description = "Not now; see `Retry-After`.", body = opssight_api_types::Problem, content_type = "application/problem+json"),
    ),
    security(())
)]
async fn receive_delivery(
    State(app): State<Arc<App>>,
    State(limits): State<Arc<Limits>>,
    Path(connection): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Accepted>), Refusal> {
    let connection = app.hooks.addressee(&ConnectionId(connection)).await?;
    limits.hook(&connection.id).await?;
    let told = told(&headers);
    let limit = app.config.body_limit;
    let (read, _memory) = take(&limits, limit, &headers, body).await?;
    let body = match read {
        Read::Whole(body) => body,
        Read::TooLarge(size) => return Err(app.hooks.too_large(&connection, &told, size, limit).await.into()),
    };
    let accepted = app.hooks.receive(&connection, &told, query.as_deref(), body).await?;
    count(&connection, accepted.duplicate);
    Ok((StatusCode::ACCEPTED, Json(accepted.into())))
}

fn count(connection: &Connection, duplicate: bool) {
    let plugin = connection.plugin.to_string();
    metrics::counter!("deliveries_accepted_total", "plugin" => plugin, "duplicate" => duplicate.to_string())
        .increment(1);
}

/// The headers that are text, names in lower case.
fn told(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect()
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

enum Read {
    Whole(Vec<u8>),
    TooLarge(u64),
}

/// The body, and its share of the memory that bodies may take together.
async fn take(
    limits: &Limits,
    limit: u64,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Read, Option<OwnedSemaphorePermit>), Refusal> {
    let length = content_length(headers);
    if let Some(size) = length.filter(|size| *size > limit) {
        // Who asks before sending hears the answer anyway.
        if !headers.contains_key(header::EXPECT) {
            drain(body).await;
        }
        return Ok((Read::TooLarge(size), None));
    }
    let memory = limits.body(length.unwrap_or(limit))?;
    let read = tokio::time::timeout(PATIENCE, read(body, limit)).await.map_err(|_| too_slow())??;
    Ok((read, Some(memory)))
}

/// Read a body, but never more of it than the limit into memory.
async fn read(body: Body, limit: u64) -> Result<Read, Refusal> {
    let mut whole = Vec::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = next(&mut chunks).await? {
        let size = (whole.len() as u64).saturating_add(chunk.len() as u64);
        if size > limit {
            drain(Body::from_stream(chunks)).await;
            return Ok(Read::TooLarge(size));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(Read::Whole(whole))
}

async fn next(chunks: &mut axum::body::BodyDataStream) -> Result<Option<bytes::Bytes>, Refusal> {
    match tokio::time::timeout(PAUSE, chunks.next()).await {
        Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
        Ok(None) => Ok(None),
        Ok(Some(Err(_))) => Err(Refusal::new(Kind::Invalid, "the body ended early").with_code("body-cut-off")),
        Err(_) => Err(too_slow()),
    }
}

fn too_slow() -> Refusal {
    Refusal::http(StatusCode::REQUEST_TIMEOUT, "timeout", "the body came too slowly")
}

/// Read and forget.
async fn drain(body: Body) {
    let mut chunks = body.into_data_stream();
    let mut size = 0_u64;
    let all = async {
        while let Ok(Some(chunk)) = next(&mut chunks).await {
            size = size.saturating_add(chunk.len() as u64);
            if size > DRAIN {
                return;
            }
        }
    };
    // Only politeness: a sender that takes longer is cut off.
    let _ = tokio::time::timeout(PAUSE, all).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_is_read_whole_or_known_to_be_too_large() {
        let body = |parts: Vec<&'static str>| {
            Body::from_stream(futures::stream::iter(parts.into_iter().map(Ok::<_, std::convert::Infallible>)))
        };
        assert!(matches!(read(body(vec!["ab", "cd"]), 4).await, Ok(Read::Whole(whole)) if whole == b"abcd"));
        assert!(matches!(read(body(vec!["ab", "cd", "e"]), 4).await, Ok(Read::TooLarge(5))));
        assert!(matches!(read(Body::empty(), 4).await, Ok(Read::Whole(whole)) if whole.is_empty()));
    }

    #[tokio::test]
    async fn a_body_that_is_cut_off_is_refused() {
        let cut = Body::from_stream(futures::stream::iter([Ok("ab"), Err(std::io::Error::other("reset"))]));
        let refusal = read(cut, 100).await.err().unwrap();
        assert_eq!(refusal.render(None).status(), 400);
    }

    #[test]
    fn headers_that_are_no_text_are_left_out() {
        let mut headers = HeaderMap::new();
        headers.insert("x-github-event", "push".parse().unwrap());
        headers.insert("x-odd", axum::http::HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(told(&headers), [("x-github-event".to_owned(), "push".to_owned())]);
    }
}
