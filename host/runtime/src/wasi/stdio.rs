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

/// What a store's guest prints. Guests keep their streams as long as they live, so the call that it is printed for is
/// looked up each time: a kept instance serves one call after the other.
pub(crate) struct Printed {
    call: Mutex<Arc<CallContext>>,
    /// Unfinished lines of standard output and of standard error.
    output: Mutex<Vec<u8>>,
    error: Mutex<Vec<u8>>,
}

impl Printed {
    pub(crate) fn new(call: Arc<CallContext>) -> Self {
        Self { call: Mutex::new(call), output: Mutex::default(), error: Mutex::default() }
    }

    /// From here on it is printed for this call; what the last one left unfinished is still the last one's.
    pub(crate) fn serve(&self, call: Arc<CallContext>) {
        self.end_lines();
        *lock(&self.call) = call;
    }

    fn take(&self, level: Level, bytes: &[u8]) {
        let mut line = lock(self.line(level));
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = LINE.saturating_sub(line.len());
            line.extend(part.iter().take(room));
            if part.ends_with(b"\n") {
                self.end_line(level, &std::mem::take(&mut *line));
            }
        }
    }

    fn line(&self, level: Level) -> &Mutex<Vec<u8>> {
        if level == Level::Warn { &self.error } else { &self.output }
    }

    fn end_lines(&self) {
        for level in [Level::Debug, Level::Warn] {
            let rest = std::mem::take(&mut *lock(self.line(level)));
            self.end_line(level, &rest);
        }
    }

    fn end_line(&self, level: Level, line: &[u8]) {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        if line.is_empty() {
            return;
        }
        let call = Arc::clone(&lock(&self.call));
        if level == Level::Warn {
            call.note_last_words(line);
        }
        log::write(&call, level, line, &[]);
    }
}

impl Drop for Printed {
    fn drop(&mut self) {
        // A panic message that lacks its line end is still worth reading.
        self.end_lines();
    }
}

/// One of the two output streams.
#[derive(Clone)]
pub(super) struct Captured {
    printed: Arc<Printed>,
    level: Level,
}

impl Captured {
    pub(super) fn new(printed: Arc<Printed>, level: Level) -> Self {
        Self { printed, level }
    }

    fn take(&self, bytes: &[u8]) {
        self.printed.take(self.level, bytes);
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
