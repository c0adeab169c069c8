//! The place of blobs that hosts share.

use crate::config::Config;
use opssight_backends::{Link, Store};
use opssight_core::blobs::BlobStore;
use std::sync::Arc;

/// A place that several hosts use, and how it is.
pub(crate) struct Shared {
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) link: Arc<Link>,
}

/// The place that is configured, if there is one; in it, the folder of this installation, so that none removes what another
/// refers to. One that is away is waited for; one that cannot be used is an error.
pub(crate) async fn open(config: &Config, store: &Store) -> anyhow::Result<Option<Shared>> {
    let Some(url) = &config.blobs.url else { return Ok(None) };
    let link = Arc::new(Link::new("blobs"));
    let installation = store.installation().await?;
    let blobs = config.blobs.open(url.expose(), Some(&installation), &link)?;
    match blobs.check().await {
        Ok(()) => tracing::info!(place = blobs.place(), "packages of plugins are shared"),
        Err(error) if error.is_away() => tracing::warn!(
            error = %error,
            "the packages that hosts share cannot be reached: what is kept near is run, and nothing can be installed"
        ),
        Err(error) => return Err(error.into()),
    }
    Ok(Some(Shared { blobs, link }))
}
