//! What a guest prints becomes lines of its log, within its quota; it never blocks and never traps.

use crate::context::CallContext;
use crate::imports::log;
use crate::sync::lock;
use bytes::Bytes;
use opssight_core::plugins::LogLevel as Level;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Longer lines are cut here.
const LINE: usize = 4 << 10;

/// One of the two output streams of a call. All handles to it share the unfinished line.
#[derive(Clone)]
pub(super) struct Captured {
    call: Arc<CallContext>,
    level: Level,
    line: Arc<Mutex<Vec<u8>>>,
}

impl Captured {
    pub(super) fn new(call: Arc<CallContext>, level: Level) -> Self {
        Self { call, level, line: Arc::default() }
    }

    fn take(&self, bytes: &[u8]) {
        let mut line = lock(&self.line);
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = LINE.saturating_sub(line.len());
            line.extend(part.iter().take(room));
            if part.ends_with(b"\n") {
                self.end_line(&std::mem::take(&mut *line));
            }
        }
    }

    fn end_line(&self, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        if line.is_empty() {
            return;
        }
        if self.level == Level::Warn {
            self.call.note_last_words(line);
        }
        log::write(&self.call, self.level, line, &[]);
    }
}

impl IsTerminal for Captured {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Captured {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Captured {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

#[async_trait::async_trait]
impl Pollable for Captured {
    async fn ready(&mut self) {}
}

impl AsyncWrite for Captured {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Captured {
    fn drop(&mut self) {
        // Only the last handle: a panic message that lacks its line end is still worth reading.
        if Arc::strong_count(&self.line) == 1 {
            let rest = std::mem::take(&mut *lock(&self.line));
            self.end_line(&rest);
        }
    }
}
