//! The web app, embedded: `web/out` as it was when this was compiled.
//!
//! The app is exported as plain files. A page about one thing (`/pipelines/<run>/`) is exported once, as
//! `/pipelines/_/`, and finds out in the browser which thing it is about.

mod csp;

use crate::problem::Refusal;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use rust_embed::RustEmbed;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/out"]
struct Embedded;

/// The files and what is sent with them, worked out once.
pub(crate) struct Assets {
    files: BTreeMap<String, File>,
    /// First parts of paths whose second part is a thing: "pipelines".
    shells: BTreeSet<String>,
}

struct File {
    body: Bytes,
    etag: String,
    kind: &'static str,
    cache: &'static str,
    policy: Option<String>,
}

impl Assets {
    /// Those of `web/out`.
    pub(crate) fn embedded() -> Self {
        Self::of(Embedded::iter().filter_map(|path| {
            let file = Embedded::get(&path)?;
            let body = match file.data {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => Bytes::from(bytes),
            };
            Some((path.into_owned(), body, hex::encode(file.metadata.sha256_hash())))
        }))
    }

    fn of(files: impl Iterator<Item = (String, Bytes, String)>) -> Self {
        let files: BTreeMap<String, File> =
            files.map(|(path, body, hash)| (path.clone(), File::of(&path, body, &hash))).collect();
        let shells = files.keys().filter_map(|path| path.strip_suffix("/_/index.html")).map(str::to_owned).collect();
        Self { files, shells }
    }

    /// The file that a path means.
    fn find(&self, path: &str) -> Option<&File> {
        let path = decoded(path.trim_start_matches('/'))?;
        let candidates: &[String] = match path.as_str() {
            "" => &["index.html".to_owned()],
            folder if folder.ends_with('/') => &[format!("{folder}index.html")],
            file => &[file.to_owned(), format!("{file}/index.html")],
        };
        candidates.iter().find_map(|path| self.files.get(path).or_else(|| self.files.get(&self.shell(path)?)))
    }

    /// The exported page behind a page about one thing.
    fn shell(&self, path: &str) -> Option<String> {
        let (first, rest) = path.split_once('/')?;
        let (_, rest) = rest.split_once('/')?;
        self.shells.contains(first).then(|| format!("{first}/_/{rest}"))
    }
}

impl File {
    fn of(path: &str, body: Bytes, hash: &str) -> Self {
        let kind = kind(path);
        let policy = match kind {
            page if page.starts_with("text/html") => Some(csp::policy(&String::from_utf8_lossy(&body))),
            script if script.starts_with("text/javascript") => Some(csp::WORKER.to_owned()),
            _ => None,
        };
        // Names under `_next/static` contain a hash of what they hold.
        let cache = if path.starts_with("_next/static/") { "public, max-age=31536000, immutable" } else { "no-cache" };
        Self { body, etag: format!("W/\"{}\"", hash.get(..24).unwrap_or(hash)), kind, cache, policy }
    }

    fn respond(&self, status: StatusCode, known: Option<&HeaderValue>) -> Response {
        let known = known.and_then(|known| known.to_str().ok());
        let unchanged = status == StatusCode::OK && known.is_some_and(|known| crate::etag::matches(known, &self.etag));
        let (status, body) = match unchanged {
            true => (StatusCode::NOT_MODIFIED, Body::empty()),
            false => (status, Body::from(self.body.clone())),
        };
        let mut response = (
            status,
            [(header::CONTENT_TYPE, self.kind), (header::CACHE_CONTROL, self.cache), (header::ETAG, &self.etag)],
            body,
        )
            .into_response();
        if let Some(policy) = self.policy.as_ref().and_then(|policy| HeaderValue::from_str(policy).ok()) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }
}

/// Everything that is no route.
pub(crate) async fn serve(State(assets): State<Arc<Assets>>, request: Request) -> Response {
    let path = request.uri().path();
    let is_read = request.method() == Method::GET || request.method() == Method::HEAD;
    if !is_read || path.starts_with("/api/") || path.starts_with("/hooks/") {
        return Refusal::not_found("endpoint", path).into_response();
    }
    let known = request.headers().get(header::IF_NONE_MATCH);
    match (assets.find(path), assets.files.get("404.html")) {
        (Some(file), _) => file.respond(StatusCode::OK, known),
        (None, Some(page)) => page.respond(StatusCode::NOT_FOUND, None),
        (None, None) => Refusal::not_found("page", path).into_response(),
    }
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("txt") => "text/plain; charset=utf-8",
        Some("xml") => "application/xml",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("avif") => "image/avif",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    }
}

/// Percent-decoded; what is not UTF-8 afterwards names no file of ours.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).filter(|_| *first == b'%').and_then(|digits| hex::decode(digits).ok());
        match escaped.as_deref() {
            Some([byte]) => {
                bytes.push(*byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
