//! How much time a call has used, from clocks.

use super::{Budget, Exhausted};
use rustix::time::{ClockId, clock_gettime};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::time::{Sleep, sleep};

/// So much later than its ticks, a call that waits is given up.
const SLACK: Duration = Duration::from_millis(50);

/// So much longer than its wall time a call may take when it is the host that has no time for it. A lease of what it
/// works on lasts longer still.
const MOST_STARVED: Duration = Duration::from_secs(120);

/// CPU time of the calling thread, nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(now.tv_sec).unwrap_or(0).saturating_mul(1_000_000_000) + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// The clocks of one call.
///
/// A call may move to another thread whenever it waits, so CPU time is counted from poll to poll: what the thread
/// used while it polled this call, and nothing that it did in between. Wall time is what the call takes by itself:
/// while it could go on and the machine or the other calls have no thread for it, its clock stands still.
pub(crate) struct Meter {
    started: Instant,
    wall: Duration,
    cpu: Duration,
    spent_ns: AtomicU64,
    /// When this poll began, by the thread's clock and by the call's own.
    entered_cpu_ns: AtomicU64,
    entered_ns: AtomicU64,
    /// When the last poll ended, and whether the call could have gone on at once.
    left_ns: AtomicU64,
    stepped_back: AtomicBool,
    starved_ns: AtomicU64,
}

impl Meter {
    pub(crate) fn start(budget: &Budget) -> Self {
        Self {
            started: Instant::now(),
            wall: budget.wall,
            cpu: budget.cpu,
            spent_ns: AtomicU64::new(0),
            entered_cpu_ns: AtomicU64::new(0),
            entered_ns: AtomicU64::new(0),
            left_ns: AtomicU64::new(0),
            stepped_back: AtomicBool::new(false),
            starved_ns: AtomicU64::new(0),
        }
    }

    /// Called from within the call, at a check point.
    pub(crate) fn check(&self) -> Result<(), Exhausted> {
        let poll_cpu = thread_cpu_ns().saturating_sub(self.entered_cpu_ns.load(Ordering::Relaxed));
        let cpu = self.spent_ns.load(Ordering::Relaxed).saturating_add(poll_cpu);
        if u128::from(cpu) > self.cpu.as_nanos() {
            return Err(Exhausted::Cpu(self.cpu.as_millis()));
        }
        let poll = self.now_ns().saturating_sub(self.entered_ns.load(Ordering::Relaxed));
        self.late(Duration::from_nanos(poll.saturating_sub(poll_cpu)))
    }

    /// Whether its time is over. `starved`: in this poll, which is not counted yet.
    fn late(&self, starved: Duration) -> Result<(), Exhausted> {
        let elapsed = self.started.elapsed();
        let starved = starved + Duration::from_nanos(self.starved_ns.load(Ordering::Relaxed));
        if elapsed.saturating_sub(starved) > self.wall {
            return Err(Exhausted::Wall(self.wall.as_millis()));
        }
        if elapsed > self.longest() {
            return Err(Exhausted::Starved(elapsed.as_millis()));
        }
        Ok(())
    }

    fn longest(&self) -> Duration {
        self.wall + MOST_STARVED
    }

    /// The call gives its thread to others for a moment and could go on at once.
    pub(crate) fn step_back(&self) {
        self.stepped_back.store(true, Ordering::Relaxed);
    }

    /// What the host does for the call on threads of its own counts as the call's.
    pub(crate) fn charge(&self, cpu: Duration) {
        self.spent_ns.fetch_add(u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// When the call started.
    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// CPU time of all finished polls.
    pub(crate) fn cpu(&self) -> Duration {
        Duration::from_nanos(self.spent_ns.load(Ordering::Relaxed))
    }

    /// The same, microseconds.
    pub(crate) fn cpu_us(&self) -> u64 {
        self.spent_ns.load(Ordering::Relaxed) / 1_000
    }

    /// Time since the start, microseconds.
    pub(crate) fn wall_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// How long the call may still take.
    pub(crate) fn remaining(&self) -> Duration {
        let starved = Duration::from_nanos(self.starved_ns.load(Ordering::Relaxed));
        self.wall.saturating_add(starved).min(self.longest()).saturating_sub(self.started.elapsed())
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn enter(&self) {
        let now = self.now_ns();
        if self.stepped_back.swap(false, Ordering::Relaxed) {
            self.starve(now.saturating_sub(self.left_ns.load(Ordering::Relaxed)));
        }
        self.entered_ns.store(now, Ordering::Relaxed);
        self.entered_cpu_ns.store(thread_cpu_ns(), Ordering::Relaxed);
    }

    fn leave(&self) {
        let cpu = thread_cpu_ns().saturating_sub(self.entered_cpu_ns.load(Ordering::Relaxed));
        let now = self.now_ns();
        self.spent_ns.fetch_add(cpu, Ordering::Relaxed);
        self.starve(now.saturating_sub(self.entered_ns.load(Ordering::Relaxed)).saturating_sub(cpu));
        self.left_ns.store(now, Ordering::Relaxed);
    }

    fn starve(&self, ns: u64) {
        self.starved_ns.fetch_add(ns, Ordering::Relaxed);
    }
}

/// Why a call was given up where it waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// Its time is over.
    Late(Exhausted),
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
        let rest = || Box::pin(sleep(meter.remaining() + SLACK));
        let alarm = alarm.get_or_insert_with(rest);
        while alarm.as_mut().poll(context).is_ready() {
            if let Err(late) = meter.late(Duration::ZERO) {
                return Poll::Ready(Err(GivenUp::Late(late)));
            }
            // It starved meanwhile, and has that time left.
            *alarm = rest();
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::{Budget, Exhausted, MOST_STARVED, Meter};
    use crate::budget::Kind;
    use opssight_core::plugins::manifest::BudgetAsk;
    use std::time::Duration;

    const WALL: Duration = Duration::from_secs(30);

    /// Of a call that has been under way for so long, the last part of it outside of its thread.
    fn meter(elapsed: Duration, away: Duration) -> Meter {
        let mut meter = Meter::start(&Budget { wall: WALL, ..Budget::new(Kind::Health, None, &BudgetAsk::default()) });
        meter.started = meter.started.checked_sub(elapsed).unwrap();
        *meter.left_ns.get_mut() = u64::try_from((elapsed - away).as_nanos()).unwrap();
        meter
    }

    #[test]
    fn a_call_that_could_go_on_and_has_no_thread_keeps_its_time() {
        let starved = meter(WALL * 2, WALL * 2);
        starved.step_back();
        starved.enter();
        assert_eq!(starved.check(), Ok(()));
        assert!(starved.remaining() > WALL / 2, "{:?}", starved.remaining());
        let waited = meter(WALL * 2, WALL * 2);
        waited.enter();
        assert_eq!(waited.check(), Err(Exhausted::Wall(30_000)));
        assert_eq!(waited.remaining(), Duration::ZERO);
    }

    #[test]
    fn it_is_asked_back_only_for_the_time_that_it_stepped_back() {
        let meter = meter(WALL * 2, WALL / 2);
        meter.step_back();
        meter.enter();
        assert_eq!(meter.check(), Err(Exhausted::Wall(30_000)));
    }

    #[test]
    fn a_machine_that_never_has_time_is_not_waited_for_for_ever() {
        let elapsed = WALL + MOST_STARVED + Duration::from_secs(1);
        let meter = meter(elapsed, elapsed);
        meter.step_back();
        meter.enter();
        assert!(matches!(meter.check(), Err(Exhausted::Starved(_))), "{:?}", meter.check());
    }
}
