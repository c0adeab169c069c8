//! The clock hand that lets the engine interrupt guests.

use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;
use wasmtime::Engine;

/// How often a running guest is looked at. A tick is only an occasion to look: budgets are decided from clocks,
/// because on a busy machine ticks come late.
const TICK: Duration = Duration::from_millis(5);

/// An operating system thread, because a guest that spins must not be able to hold up what stops it.
pub(super) struct Ticker {
    /// Dropped first: the thread sees its channel close and ends.
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(super) fn start(engine: Engine) -> std::io::Result<Self> {
        let (stop, stopped) = mpsc::sync_channel::<()>(1);
        let thread = std::thread::Builder::new().name("plugin-ticker".to_owned()).spawn(move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                engine.increment_epoch();
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // It only fails if the thread panicked, and then it is gone as well.
            let _ended = thread.join();
        }
    }
}
