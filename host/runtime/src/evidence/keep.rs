//! What is recorded and what is kept.

use super::develop::develop;
use super::shadow::{Shadow, Shadows};
use super::tape::Tape;
use crate::context::CallContext;
use crate::plugin::Plugin;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use opssight_core::id::ConnectionId;
use opssight_core::plugins::evidence::{EvidenceStore, KeepCalls, Outcome};
use opssight_core::plugins::{CallError, CallUsage, FailureClass, FaultSource, StateWrite};
use opssight_core::time::{Clock, Timestamp};
use serde::Serialize;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Records that may wait to be written. Each holds at most `record_bytes`.
const WAITING: usize = 16;
/// How often what is old is let go of.
const PURGE_EVERY: Duration = Duration::from_secs(600);
/// And after this much was written meanwhile.
const PURGE_AFTER_BYTES: usize = 16 << 20;

/// Failures of one connection that are recorded at once, and after that in a minute. One more record of the same failure
/// says nothing new, and writing it takes time that others want.
const AT_ONCE: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
const PER_MINUTE: NonZeroU32 = NonZeroU32::MIN.saturating_add(1);

/// Which calls are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Record {
    /// Those that failed; of a connection that keeps failing some of them.
    #[default]
    Failures,
    /// All of them.
    All,
    /// None.
    None,
}

/// What is kept, where, and for how long.
#[derive(Clone)]
#[non_exhaustive]
pub struct EvidenceConfig {
    /// Which calls.
    pub record: Record,
    /// Most bytes that one call may hold back until it is decided whether its record is kept. What exceeds it is cut,
    /// and the record says so.
    pub record_bytes: usize,
    /// How long, seconds.
    pub keep_secs: i64,
    /// All records together, bytes.
    pub keep_bytes: u64,
    /// Where; nothing is kept without one.
    pub store: Option<Arc<dyn EvidenceStore>>,
}

impl Default for EvidenceConfig {
    fn default() -> Self {
        Self {
            record: Record::default(),
            record_bytes: 2 << 20,
            keep_secs: 14 * 86_400,
            keep_bytes: 256 << 20,
            store: None,
        }
    }
}

/// By connection.
type Failures = DefaultKeyedRateLimiter<ConnectionId>;

/// The recording side of a host.
pub(crate) struct Evidence {
    record: Record,
    record_bytes: usize,
    pub(crate) shadows: Shadows,
    failures: Arc<Failures>,
    jobs: Option<mpsc::Sender<Job>>,
}

/// A call that is over and of which something is wanted.
pub(crate) struct Job {
    call: Arc<CallContext>,
    outcome: Outcome,
    usage: CallUsage,
    keep: bool,
    shadow: Option<Arc<Shadow>>,
}

impl Evidence {
    /// Nothing is recorded.
    pub(crate) fn off() -> Self {
        Self::with(Record::None, 0, None)
    }

    /// And the work that goes with it, to be spawned.
    pub(crate) fn new(config: &EvidenceConfig, clock: Arc<dyn Clock>) -> (Self, impl Future<Output = ()> + use<>) {
        let (jobs, waiting) = mpsc::channel(WAITING);
        let record = if config.store.is_some() { config.record } else { Record::None };
        let evidence = Self::with(record, config.record_bytes, Some(jobs));
        let work = work(waiting, config.clone(), clock, Arc::clone(&evidence.failures));
        (evidence, work)
    }

    fn with(record: Record, record_bytes: usize, jobs: Option<mpsc::Sender<Job>>) -> Self {
        let failures = RateLimiter::keyed(Quota::per_minute(PER_MINUTE).allow_burst(AT_ONCE));
        Self { record, record_bytes, shadows: Shadows::default(), failures: Arc::new(failures), jobs }
    }

    /// The tape of a call that is about to be made.
    pub(crate) fn tape(&self, plugin: &Plugin, clock: &dyn Clock) -> Tape {
        if self.record == Record::None && self.shadows.of(plugin).is_none() {
            return Tape::default();
        }
        Tape::recording(clock.now(), self.record_bytes)
    }
}

/// A call is over: hand its tape over if it is wanted, and forget it otherwise.
pub(crate) fn settle<T: Serialize>(
    call: &Arc<CallContext>,
    outcome: Result<(&T, &[StateWrite]), &CallError>,
    usage: CallUsage,
) {
    if call.tape.recorder().is_none() || call.tape.is_playing() {
        return;
    }
    let evidence = &call.services.evidence;
    let keep = match evidence.record {
        Record::All => true,
        Record::Failures => outcome.is_err() && evidence.failures.check_key(&call.target.connection).is_ok(),
        Record::None => false,
    };
    // What the host did to a call, or its machine, says nothing about the version.
    let accident = outcome.err().is_some_and(|error| {
        error.fault == FaultSource::Host || matches!(error.class, FailureClass::Unavailable | FailureClass::Budget)
    });
    let shadow = if accident { None } else { evidence.shadows.of(&call.plugin) };
    let (Some(jobs), true) = (&evidence.jobs, keep || shadow.is_some()) else { return };
    let Ok(place) = jobs.try_reserve() else {
        let plugin = call.plugin.manifest.id.clone();
        metrics::counter!("opssight_plugin_records_dropped_total", "plugin" => plugin).increment(1);
        return;
    };
    let outcome = match outcome {
        Ok((value, writes)) => {
            Outcome::Answer { value: serde_json::to_value(value).unwrap_or_default(), writes: writes.to_vec() }
        }
        Err(error) => Outcome::from(error),
    };
    place.send(Job { call: Arc::clone(call), outcome, usage, keep, shadow });
}

/// Until the host is gone: develop tapes, keep records, hand them to the shadow, and let go of what is old.
async fn work(
    mut waiting: mpsc::Receiver<Job>,
    config: EvidenceConfig,
    clock: Arc<dyn Clock>,
    failures: Arc<Failures>,
) {
    let mut written = 0_usize;
    let mut due = tokio::time::interval(PURGE_EVERY);
    loop {
        let job = tokio::select! {
            job = waiting.recv() => job,
            _ = due.tick() => {
                failures.retain_recent();
                purge(&config, clock.now()).await;
                continue;
            }
        };
        let Some(Job { call, outcome, usage, keep, shadow }) = job else { return };
        let Some(record) = develop(&call, outcome, usage).await else { continue };
        drop(call);
        let record = Arc::new(record);
        if keep && let Some(store) = &config.store {
            written = written.saturating_add(record.document().len());
            if let Err(error) = store.put(&record).await {
                tracing::error!(error = %error, source = ?error.source, "cannot keep the record of a call");
            }
            if written >= PURGE_AFTER_BYTES {
                written = 0;
                purge(&config, clock.now()).await;
            }
        }
        if let Some(shadow) = shadow {
            shadow.offer(record);
        }
    }
}

async fn purge(config: &EvidenceConfig, now: Timestamp) {
    let Some(store) = &config.store else { return };
    let keep = KeepCalls { since: now.plus_secs(-config.keep_secs), bytes: config.keep_bytes };
    loop {
        match store.purge_calls(&keep).await {
            Ok(0) => return,
            Ok(gone) => tracing::debug!(gone, "let go of old records of calls"),
            Err(error) => {
                tracing::error!(error = %error, source = ?error.source, "cannot let go of old records of calls");
                return;
            }
        }
    }
}
