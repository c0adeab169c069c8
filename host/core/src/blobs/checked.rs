//! Bytes that are checked on their way.

use super::{BlobError, BlobName, Body};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

/// The digest of bytes that come in pieces.
#[derive(Clone, Default)]
pub struct DigestSoFar(Sha256);

impl DigestSoFar {
    /// One more piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// `sha256:` and 64 lower-case hexadecimal digits.
    pub fn digest(self) -> String {
        crate::plugins::digest_text(&self.0.finalize())
    }
}

/// The same bytes, with an error at their end if they are not those of this digest: a reader cannot tell before it read
/// the last of them, and must not use the first before.
pub fn checked(body: Body, name: &BlobName, otherwise: impl FnOnce() -> BlobError + Send + 'static) -> Body {
    let wanted = name.digest();
    let state = Some((body, DigestSoFar::default(), wanted, otherwise));
    stream::unfold(state, |state| async {
        let (mut body, mut so_far, wanted, otherwise) = state?;
        match body.next().await {
            Some(Ok(piece)) => {
                so_far.add(&piece);
                Some((Ok(piece), Some((body, so_far, wanted, otherwise))))
            }
            Some(Err(error)) => Some((Err(error), None)),
            None if so_far.digest() == wanted => None,
            None => Some((Err(otherwise()), None)),
        }
    })
    .boxed()
}

/// All of it in memory.
pub async fn whole(body: Body) -> Result<Vec<u8>, BlobError> {
    body.try_fold(Vec::new(), |mut all, piece| async move {
        all.extend_from_slice(&piece);
        Ok(all)
    })
    .await
}

/// What is in memory already.
pub fn body_of(bytes: impl Into<Bytes>) -> Body {
    stream::once(std::future::ready(Ok(bytes.into()))).boxed()
}
