//! A package in a request: its bytes, or where the catalogue has it.

use crate::app::App;
use crate::problem::Refusal;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use opssight_api_types::plugins::installs::FromCatalogue;
use opssight_core::error::Kind;
use opssight_core::plugins::installs::Source;
use std::sync::Arc;

/// Largest package, bytes.
pub(super) const MAX_BYTES: usize = 32 << 20;

/// What a request brings.
pub(super) enum Package {
    /// The bytes themselves.
    Bytes(Bytes),
    /// A name in the catalogue.
    Named(FromCatalogue),
}

impl<S: Send + Sync> FromRequest<S> for Package {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        match kind.split(';').next().unwrap_or_default().trim() {
            "application/json" => crate::extract::Json::<FromCatalogue>::from_request(request, state)
                .await
                .map(|json| Self::Named(json.0)),
            "application/wasm" | "application/octet-stream" => {
                let bytes = Bytes::from_request(request, state).await.map_err(|rejection| {
                    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                        let detail = format!("the package has more than {MAX_BYTES} bytes");
                        return Refusal::http(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail);
                    }
                    Refusal::new(Kind::Invalid, "the package ended early")
                })?;
                Ok(Self::Bytes(bytes))
            }
            _ => Err(Refusal::http(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "send the package's bytes as `application/wasm`, or where the catalogue has it as `application/json`",
            )),
        }
    }
}

impl Package {
    /// The bytes, fetched if need be, and where they came from.
    pub(super) async fn take(self, app: &App) -> Result<(Arc<[u8]>, Source), Refusal> {
        match self {
            Self::Bytes(bytes) => Ok((bytes.to_vec().into(), Source::Upload)),
            Self::Named(FromCatalogue { id, version }) => {
                let (bytes, reference) = app.catalogue.fetch(&id, version.as_deref()).await?;
                Ok((bytes.into(), Source::Catalogue { reference }))
            }
        }
    }
}
