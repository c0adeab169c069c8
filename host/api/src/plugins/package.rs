//! The body of a request that brings a package: its bytes, or what the catalogue calls it.

use crate::extract;
use crate::problem::Refusal;
use crate::router::Api;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use opssight_api_types::plugins::installs::CataloguePackage;
use opssight_core::error::Kind;
use opssight_core::plugins::installs::Source;
use std::sync::Arc;
use std::time::Duration;

/// Packages are smaller than this; how much smaller, the runtime says.
pub(super) const PACKAGE_BODY: usize = 32 << 20;
/// How long one may take to arrive.
const PATIENCE: Duration = Duration::from_secs(180);

/// A package and where it came from.
pub(super) struct Package {
    pub(super) bytes: Arc<[u8]>,
    pub(super) source: Source,
}

impl FromRequest<Api> for Package {
    type Rejection = Refusal;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Refusal> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        match kind.split(';').next().unwrap_or_default().trim() {
            "application/wasm" | "application/octet-stream" => {
                let read = tokio::time::timeout(PATIENCE, Bytes::from_request(request, api)).await;
                let slow = || Refusal::http(StatusCode::REQUEST_TIMEOUT, "timeout", "the package came too slowly");
                let bytes = read.map_err(|_| slow())?.map_err(|rejection| unreadable(rejection.status()))?;
                Ok(Self { bytes: bytes.to_vec().into(), source: Source::Upload })
            }
            "application/json" => {
                let extract::Json(named) = extract::Json::<CataloguePackage>::from_request(request, api).await?;
                fetched(api, named).await
            }
            _ => Err(Refusal::http(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "send the package with `content-type: application/wasm`, or JSON that names one of the catalogue",
            )),
        }
    }
}

fn unreadable(status: StatusCode) -> Refusal {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        let detail = format!("the package has more than {PACKAGE_BODY} bytes");
        return Refusal::http(status, "too-large", detail).with_code("too-large");
    }
    Refusal::new(Kind::Invalid, "the package ended early").with_code("body-cut-off")
}

async fn fetched(api: &Api, named: CataloguePackage) -> Result<Package, Refusal> {
    let catalogue = super::catalogue::of(&api.app)?;
    let (bytes, reference) = catalogue.fetch(&named.id, named.version.as_deref()).await?;
    Ok(Package { bytes: bytes.into(), source: Source::Catalogue { reference } })
}
