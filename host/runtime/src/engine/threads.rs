//! The threads that run plugin code: a runtime of their own, so that a plugin cannot slow down the API, and at a
//! lower priority, so that it cannot slow down the machine.

use std::future::Future;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

/// Ten steps nicer than the host.
const NICE: i32 = 10;

/// Owns the runtime; calls that are under way end with it.
pub(crate) struct PluginThreads {
    runtime: Option<Runtime>,
}

impl PluginThreads {
    pub(crate) fn start(threads: usize) -> std::io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            // Name look-ups block; nothing else here does.
            .max_blocking_threads(8)
            .thread_name("plugin-call")
            .on_thread_start(|| {
                // On Linux this means the calling thread. Where it is not allowed, plugins just run at our own priority.
                let _allowed = rustix::process::setpriority_process(None, NICE);
            })
            .enable_all()
            .build()?;
        Ok(Self { runtime: Some(runtime) })
    }

    /// Run in a task of its own: a panic in there is an error of this one call.
    pub(crate) fn spawn<F>(&self, call: F) -> Option<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.runtime.as_ref().map(|runtime| runtime.spawn(call))
    }
}

impl Drop for PluginThreads {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // The last owner may well be a task, where waiting for threads is not allowed.
            runtime.shutdown_background();
        }
    }
}
