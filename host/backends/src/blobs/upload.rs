//! A large blob in parts. Whatever goes wrong, what was sent does not stay: a place would keep it, unseen, for good.

use super::meaning::Asked;
use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{StreamExt, TryStreamExt};
use object_store::{Error, MultipartUpload, PutPayload, UploadPart};
use opssight_core::blobs::{BlobError, Body};
use std::time::Duration;

/// Of one part, bytes. All places take ten thousand parts at most, of at least 5 MiB.
pub(super) const PART: usize = 16 << 20;
const MOST_PARTS: usize = 10_000;
/// So many parts are in memory and under way.
const AT_ONCE: usize = 3;
/// When an upload that could not be given up is given up again: a place that was away may be back.
const AGAIN: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60), Duration::from_secs(600)];

/// An upload under way. Dropped before its end, because whoever waited for it is gone, it is given up as well.
pub(super) struct Upload {
    /// None once there is nothing to give up.
    open: Option<Box<dyn MultipartUpload>>,
    under_way: FuturesUnordered<UploadPart>,
    parts: usize,
    part: Vec<Bytes>,
    size: usize,
}

impl Upload {
    pub(super) fn new(open: Box<dyn MultipartUpload>) -> Self {
        Self { open: Some(open), under_way: FuturesUnordered::new(), parts: 0, part: Vec::new(), size: 0 }
    }

    /// Send all of it; the blob is there when this returns well, and nothing of it is when it does not.
    pub(super) async fn send(mut self, start: Vec<Bytes>, body: Body, asked: &Asked<'_>) -> Result<(), BlobError> {
        let sent = self.pieces(start, body, asked).await;
        let Some(mut open) = self.open.take() else { return sent };
        let sent = match sent {
            Ok(()) => open.complete().await.map(drop).map_err(|error| asked.meaning(&error)),
            Err(error) => Err(error),
        };
        // No part may arrive after it was given up.
        self.under_way.clear();
        if sent.is_err() && !is_given_up(&mut open).await {
            tokio::spawn(give_up(open));
        }
        sent
    }

    async fn pieces(&mut self, start: Vec<Bytes>, mut body: Body, asked: &Asked<'_>) -> Result<(), BlobError> {
        for piece in start {
            self.add(piece, asked).await?;
        }
        while let Some(piece) = body.try_next().await? {
            self.add(piece, asked).await?;
        }
        if !self.part.is_empty() {
            self.send_part(asked).await?;
        }
        while let Some(sent) = self.under_way.next().await {
            sent.map_err(|error| asked.meaning(&error))?;
        }
        Ok(())
    }

    async fn add(&mut self, mut piece: Bytes, asked: &Asked<'_>) -> Result<(), BlobError> {
        while self.size + piece.len() >= PART {
            let rest = piece.split_off(PART - self.size);
            self.part.push(piece);
            self.send_part(asked).await?;
            piece = rest;
        }
        self.size += piece.len();
        if !piece.is_empty() {
            self.part.push(piece);
        }
        Ok(())
    }

    async fn send_part(&mut self, asked: &Asked<'_>) -> Result<(), BlobError> {
        self.size = 0;
        let part = PutPayload::from_iter(std::mem::take(&mut self.part));
        if self.parts == MOST_PARTS {
            return Err(asked.refused(format!("it is larger than {} GiB", (PART * MOST_PARTS) >> 30)));
        }
        if let Some(open) = &mut self.open {
            self.under_way.push(open.put_part(part));
        }
        self.parts += 1;
        if self.under_way.len() < AT_ONCE {
            return Ok(());
        }
        let sent = self.under_way.next().await.unwrap_or(Ok(()));
        sent.map_err(|error| asked.meaning(&error))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let (Some(open), Ok(runtime)) = (self.open.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(give_up(open));
        }
    }
}

/// As long as it makes sense; what is left even so is for the bucket's own rule about unfinished uploads.
async fn give_up(mut open: Box<dyn MultipartUpload>) {
    for pause in AGAIN {
        if is_given_up(&mut open).await {
            return;
        }
        tokio::time::sleep(pause).await;
    }
    if !is_given_up(&mut open).await {
        tracing::warn!("an unfinished upload could not be given up: the bucket's rule about them must remove it");
    }
}

/// One that the place does not know any more is given up, or was finished and nobody heard of it.
async fn is_given_up(open: &mut Box<dyn MultipartUpload>) -> bool {
    matches!(open.abort().await, Ok(()) | Err(Error::NotFound { .. }))
}
