//! What every place looks at before it keeps a blob.

use futures::TryStreamExt;
use opssight_core::blobs::{BlobError, BlobName, Body, checked};

/// What is in the place under a blob's name.
pub(super) enum Found {
    /// The blob.
    Whole,
    /// What it was changed into.
    Changed,
    Nothing,
}

/// Read what is there to its end.
pub(super) async fn found(body: Option<Body>) -> Result<Found, BlobError> {
    let Some(body) = body else { return Ok(Found::Nothing) };
    match to_its_end(body).await {
        Ok(()) => Ok(Found::Whole),
        Err(BlobError::Changed { .. }) => Ok(Found::Changed),
        Err(error) => Err(error),
    }
}

/// What was given, with an error at its end if it is not what its name says.
pub(super) fn given(body: Body, name: &BlobName) -> Body {
    let why = "its bytes are not those that its name says".to_owned();
    let wrong = BlobError::Given { name: name.clone(), why };
    checked(body, name, || wrong)
}

/// Whether all of it is as it should be. What is not what its name says is told also where nothing needs to be kept.
pub(super) async fn to_its_end(body: Body) -> Result<(), BlobError> {
    body.try_for_each(|_| std::future::ready(Ok(()))).await
}
