//! The place of packages that hosts share, if one is configured.

use super::{Finding, failed};
use crate::config::Config;
use futures::StreamExt;
use opssight_backends::Link;
use opssight_core::blobs::Folder;
use std::sync::Arc;

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let Some(url) = &config.blobs.url else { return Vec::new() };
    let blobs = match config.blobs.open(url.expose(), None, &Arc::new(Link::new("blobs"))) {
        Ok(blobs) => blobs,
        Err(error) => return vec![Finding::failing("blobs", failed(error.as_ref()))],
    };
    // A start also writes something there; here nothing is changed.
    match blobs.list(Folder::Packages).next().await {
        Some(Err(error)) if error.is_away() => {
            let found = Finding::failing("blobs", failed(&error));
            vec![
                found.mend(
                    "a host starts all the same with what it has near; until it is there, nothing can be installed",
                ),
            ]
        }
        Some(Err(error)) => vec![Finding::failing("blobs", failed(&error))],
        Some(Ok(_)) | None => vec![Finding::ok("blobs", format!("{} can be listed", blobs.place()))],
    }
}
