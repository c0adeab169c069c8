//! Upstreams that do not do what they should.

use crate::upstream::Response;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;

/// What goes wrong.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// The request is taken and never answered.
    Silence,
    /// 429, with so many seconds in `retry-after`.
    RateLimited {
        /// How long to wait.
        retry_after_secs: u32,
    },
    /// A status with a short body: 500, 502, 503.
    Status(u16),
    /// The answer announces this body and breaks off in the middle of it.
    Truncated(Response),
    /// The answer's body comes a few bytes at a time.
    Slow {
        /// What is answered.
        response: Response,
        /// Bytes at a time.
        piece: usize,
        /// Time before each piece.
        every: Duration,
    },
}

impl From<Fault> for Response {
    fn from(fault: Fault) -> Self {
        let manner = |response: Response, manner| Response { manner, ..response };
        match fault {
            Fault::Silence => manner(Response::new(200, &[], ""), Manner::Never),
            Fault::RateLimited { retry_after_secs } => {
                Response::new(429, &[("retry-after", retry_after_secs.to_string().as_str())], "slow down")
            }
            Fault::Status(status) => Response::new(status, &[], "it failed"),
            Fault::Truncated(response) => manner(response, Manner::Truncated),
            Fault::Slow { response, piece, every } => manner(response, Manner::Slow { piece: piece.max(1), every }),
        }
    }
}

/// How an answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Whole,
    Never,
    Truncated,
    Slow { piece: usize, every: Duration },
}

/// A body that is sent in its manner. Its length is always the announced one.
pub(crate) struct Paced {
    rest: Bytes,
    announced: u64,
    manner: Manner,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Paced {
    pub(crate) fn new(body: Bytes, manner: Manner) -> Self {
        // A body without bytes could not break off.
        let announced = body.len() as u64 + u64::from(manner == Manner::Truncated && body.is_empty());
        Self { rest: body, announced, manner, pause: None }
    }
}

impl Body for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = &mut *self;
        let size = match this.manner {
            Manner::Whole | Manner::Never => this.rest.len(),
            // The first half, then the end.
            Manner::Truncated if this.rest.len() as u64 == this.announced => this.rest.len() / 2,
            Manner::Truncated => return Poll::Ready(Some(Err(io::ErrorKind::BrokenPipe.into()))),
            Manner::Slow { piece, every } => {
                let pause = this.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(every)));
                ready!(pause.as_mut().poll(context));
                this.pause = None;
                piece.min(this.rest.len())
            }
        };
        if this.rest.is_empty() {
            return Poll::Ready(None);
        }
        if size == 0 {
            return Poll::Ready(Some(Err(io::ErrorKind::BrokenPipe.into())));
        }
        Poll::Ready(Some(Ok(Frame::data(this.rest.split_to(size)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.manner != Manner::Truncated
    }

    fn size_hint(&self) -> SizeHint {
        match self.manner {
            Manner::Truncated => SizeHint::with_exact(self.announced),
            _ => SizeHint::with_exact(self.rest.len() as u64),
        }
    }
}
