//! How much time a call has used, from clocks.

use super::{Budget, Exhausted};
use rustix::time::{ClockId, clock_gettime};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::time::{Sleep, sleep};

/// So much later than its ticks, a call that waits is given up.
const SLACK: Duration = Duration::from_millis(50);

/// CPU time of the calling thread, nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(now.tv_sec).unwrap_or(0).saturating_mul(1_000_000_000) + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// The clocks of one call.
///
/// A call may move to another thread whenever it waits, so CPU time is counted from poll to poll: what the thread
/// used while it polled this call, and nothing that it did in between.
pub(crate) struct Meter {
    started: Instant,
    wall: Duration,
    cpu: Duration,
    spent_ns: AtomicU64,
    entered_ns: AtomicU64,
}

impl Meter {
    pub(crate) fn start(budget: &Budget) -> Self {
        Self {
            started: Instant::now(),
            wall: budget.wall,
            cpu: budget.cpu,
            spent_ns: AtomicU64::new(0),
            entered_ns: AtomicU64::new(0),
        }
    }

    /// Called from within the call, at a check point.
    pub(crate) fn check(&self) -> Result<(), Exhausted> {
        let this_poll = thread_cpu_ns().saturating_sub(self.entered_ns.load(Ordering::Relaxed));
        let cpu = self.spent_ns.load(Ordering::Relaxed).saturating_add(this_poll);
        if u128::from(cpu) > self.cpu.as_nanos() {
            return Err(Exhausted::Cpu(self.cpu.as_millis()));
        }
        if self.started.elapsed() > self.wall {
            return Err(Exhausted::Wall(self.wall.as_millis()));
        }
        Ok(())
    }

    /// When the call started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// CPU time of all finished polls, microseconds.
    pub(crate) fn cpu_us(&self) -> u64 {
        self.spent_ns.load(Ordering::Relaxed) / 1_000
    }

    /// Time since the start, microseconds.
    pub(crate) fn wall_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// How long the call may still take.
    pub(crate) fn remaining(&self) -> Duration {
        self.wall.saturating_sub(self.started.elapsed())
    }

    /// The whole of it.
    pub(crate) fn wall(&self) -> Duration {
        self.wall
    }

    fn enter(&self) {
        self.entered_ns.store(thread_cpu_ns(), Ordering::Relaxed);
    }

    fn leave(&self) {
        let used = thread_cpu_ns().saturating_sub(self.entered_ns.load(Ordering::Relaxed));
        self.spent_ns.fetch_add(used, Ordering::Relaxed);
    }
}

/// Why a call was given up where it waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// Its time is over.
    Late,
    /// Its plugin was taken out of service.
    Stopped,
    /// Nobody waits for its answer any more.
    Abandoned,
}

/// Drive a call, count its CPU time, and give it up when its wall time is over or `stopped` resolves: ticks stop a
/// guest that computes, but not one that waits in the host.
pub(crate) async fn metered<F: Future>(
    meter: &Meter,
    stopped: impl Future<Output = GivenUp>,
    call: F,
) -> Result<F::Output, GivenUp> {
    let mut call = pin!(call);
    let mut stopped = pin!(stopped);
    // Most calls are over at the first poll and need no alarm.
    let mut alarm: Option<Pin<Box<Sleep>>> = None;
    poll_fn(|context| {
        meter.enter();
        let poll = call.as_mut().poll(context);
        meter.leave();
        if let Poll::Ready(answer) = poll {
            return Poll::Ready(Ok(answer));
        }
        if let Poll::Ready(why) = stopped.as_mut().poll(context) {
            return Poll::Ready(Err(why));
        }
        let alarm = alarm.get_or_insert_with(|| Box::pin(sleep(meter.remaining() + SLACK)));
        alarm.as_mut().poll(context).map(|()| Err(GivenUp::Late))
    })
    .await
}
