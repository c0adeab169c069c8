//! The threads that run plugin code: runtimes of their own, so that a plugin cannot slow down the API, and at lower
//! priorities, so that it cannot slow down the machine. Calls that compute for long have threads apart from the others,
//! which find theirs free ([`crate::lanes`]).

use crate::lanes::Lane;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{JoinError, JoinHandle};

/// Ten steps nicer than the host.
const NICE: i32 = 10;
/// As nice as can be.
const NICEST: i32 = 19;

/// Owns the runtimes; calls that are under way end with it.
pub(crate) struct PluginThreads {
    live: Option<Runtime>,
    heavy: Option<Runtime>,
}

impl PluginThreads {
    /// So many threads for each lane.
    pub(crate) fn start(threads: usize) -> std::io::Result<Self> {
        Ok(Self {
            live: Some(runtime(threads, "plugin-call", || nice(NICE))?),
            heavy: Some(runtime(threads, "plugin-heavy", idle)?),
        })
    }

    /// Run in a task of its own: a panic in there is an error of this one call.
    pub(crate) fn spawn<F>(&self, lane: Lane, work: F) -> Option<JoinHandle<F::Output>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let runtime = match lane {
            Lane::Live => &self.live,
            Lane::Heavy => &self.heavy,
        };
        runtime.as_ref().map(|runtime| runtime.spawn(work))
    }

    /// Run on the live threads until it turns out to be heavy: asked whenever the work waits or steps back.
    pub(crate) fn spawn_live<F>(
        &self,
        work: F,
        is_heavy: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Option<JoinHandle<Result<F::Output, JoinError>>>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let heavy = self.heavy.as_ref()?.handle().clone();
        self.spawn(Lane::Live, moving(Box::pin(work), is_heavy, heavy))
    }
}

/// The work itself moves, with everything that it has done so far.
async fn moving<F>(mut work: Pin<Box<F>>, is_heavy: impl Fn() -> bool, heavy: Handle) -> Result<F::Output, JoinError>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let ended = poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if is_heavy() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await;
    match ended {
        Some(output) => Ok(output),
        None => heavy.spawn(work).await,
    }
}

/// On Linux this is about the calling thread. Where it is not allowed, plugins just run at our own priority.
fn nice(steps: i32) {
    let _allowed = rustix::process::setpriority_process(None, steps);
}

/// The machine's other work goes first, at once: a thread that is only nice keeps its core for some milliseconds when
/// another wakes up, and a delivery wakes a dozen of them on its way.
fn idle() {
    nice(NICEST);
    #[cfg(target_os = "linux")]
    {
        use thread_priority::{NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy};
        let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
        let thread = thread_priority::thread_native_id();
        if let Err(error) = thread_priority::set_thread_priority_and_policy(thread, ThreadPriority::Min, idle) {
            tracing::warn!(?error, "plugins that compute for long may slow down others: no thread may be idle");
        }
    }
}

fn runtime(threads: usize, name: &str, started: impl Fn() + Send + Sync + 'static) -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(threads.max(1))
        // Name look-ups block; nothing else here does.
        .max_blocking_threads(8)
        .thread_name(name)
        .on_thread_start(started)
        .enable_all()
        .build()
}

impl Drop for PluginThreads {
    fn drop(&mut self) {
        for runtime in [self.live.take(), self.heavy.take()].into_iter().flatten() {
            // The last owner may well be a task, where waiting for threads is not allowed.
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PluginThreads;
    use crate::lanes::Lane;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn here() -> String {
        std::thread::current().name().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn work_that_turns_out_heavy_moves_with_what_it_has_done() {
        let threads = PluginThreads::start(1).unwrap();
        let heavy = Arc::new(AtomicBool::new(false));
        let work = {
            let heavy = Arc::clone(&heavy);
            async move {
                let mut seen = vec![here()];
                tokio::task::yield_now().await;
                seen.push(here());
                heavy.store(true, Ordering::Relaxed);
                tokio::task::yield_now().await;
                seen.push(here());
                seen
            }
        };
        let seen = threads.spawn_live(work, move || heavy.load(Ordering::Relaxed)).unwrap().await.unwrap().unwrap();
        assert_eq!(seen, ["plugin-call", "plugin-call", "plugin-heavy"]);
        assert_eq!(threads.spawn(Lane::Heavy, async { here() }).unwrap().await.unwrap(), "plugin-heavy");
    }

    #[tokio::test]
    async fn a_panic_after_the_move_is_an_error_of_the_one_who_waits() {
        let threads = PluginThreads::start(1).unwrap();
        let work = async {
            tokio::task::yield_now().await;
            panic!("after the move");
        };
        let ended: Result<(), _> = threads.spawn_live(work, || true).unwrap().await.unwrap();
        assert!(ended.unwrap_err().is_panic());
    }
}
