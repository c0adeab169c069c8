//! One call: for whom, of which plugin, within which limits, and what the host saw while it ran.

use crate::budget::{Budget, GuestMemory, Kind, Meter};
use crate::config::UpstreamConfig;
use crate::credentials::Secrets;
use crate::egress::{Accounts, Refusal, Resolver};
use crate::evidence::{Evidence, Tape};
use crate::lifecycle::Notices;
use crate::plugin::Plugin;
use crate::rate::Upstreams;
use crate::sync::lock;
use opssight_core::plugins::{CallTarget, CallUsage, CredentialSource, Credentials, PluginState, abilities};
use opssight_core::time::Clock;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

/// What every call needs from the house.
pub(crate) struct Services {
    pub(crate) credentials: Arc<dyn CredentialSource>,
    pub(crate) state: Arc<dyn PluginState>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) accounts: Accounts,
    pub(crate) notices: Arc<Notices>,
    pub(crate) upstreams: Upstreams,
    pub(crate) upstream: UpstreamConfig,
    /// Certificate authorities beside the system's own.
    pub(crate) roots: Arc<[reqwest::Certificate]>,
    pub(crate) evidence: Evidence,
    /// Of all calls together.
    pub(crate) memory: Arc<GuestMemory>,
}

/// Shared by the store, the requests that it makes and whoever waits for the answer.
pub(crate) struct CallContext {
    pub(crate) services: Arc<Services>,
    pub(crate) plugin: Arc<Plugin>,
    pub(crate) target: CallTarget,
    pub(crate) kind: Kind,
    pub(crate) budget: Budget,
    pub(crate) meter: Meter,
    pub(crate) memory_peak: AtomicU64,
    pub(crate) requests: AtomicU32,
    pub(crate) denied: AtomicU32,
    /// Bodies of answers that the guest has not let go of.
    held_bytes: AtomicUsize,
    /// Cancelled when nobody waits for the answer any more.
    pub(crate) abandoned: CancellationToken,
    /// Secrets that were used for this call: never to be seen again.
    pub(crate) secrets: Secrets,
    /// Read when the first request needs one.
    pub(crate) credentials: OnceCell<Credentials>,
    /// What it learns from outside, written down or read from a record.
    pub(crate) tape: Tape,
    notes: Mutex<Notes>,
}

/// An answer's body that the host holds for a guest.
pub(crate) struct Held {
    call: Arc<CallContext>,
    bytes: usize,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.call.held_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Notes {
    /// Why the last outbound request did not go through; cleared by one that does.
    refusal: Option<Refusal>,
    log_lines: u32,
    log_bytes: usize,
    log_dropped: u32,
    /// The last line that the plugin wrote to its standard error: its panic message, if it panicked.
    last_words: Option<String>,
    reveals: u32,
}

/// Secrets that one call reads in clear. Each is on record, so that more would bury the record.
const MAX_REVEALS: u32 = 10;

impl CallContext {
    pub(crate) fn new(services: Arc<Services>, plugin: Arc<Plugin>, target: CallTarget, kind: Kind) -> Self {
        let budget = plugin.budget(kind);
        let tape = services.evidence.tape(&plugin, &*services.clock);
        Self {
            services,
            plugin,
            target,
            kind,
            meter: Meter::start(&budget),
            budget,
            memory_peak: AtomicU64::new(0),
            requests: AtomicU32::new(0),
            denied: AtomicU32::new(0),
            held_bytes: AtomicUsize::new(0),
            abandoned: CancellationToken::new(),
            secrets: Secrets::default(),
            credentials: OnceCell::new(),
            tape,
            notes: Mutex::default(),
        }
    }

    /// A context for the same connection in which nothing has happened.
    pub(crate) fn blank(&self) -> Self {
        let mut blank = Self::new(Arc::clone(&self.services), Arc::clone(&self.plugin), self.target.clone(), self.kind);
        // Between calls nothing is recorded.
        blank.tape = Tape::default();
        blank
    }

    /// Keep the body of an answer for the guest: so many bytes. None: it has too many that it never read, which the
    /// host holds on top of the guest's own memory.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> Option<Held> {
        let limit = self.budget.response_bytes.saturating_mul(2);
        let before = self.held_bytes.fetch_add(bytes, Ordering::Relaxed);
        let held = Held { call: Arc::clone(self), bytes };
        (before.saturating_add(bytes) <= limit).then_some(held)
    }

    /// Another budget than the plugin's, before the call starts. Only the benches do this.
    pub(crate) fn grant(&mut self, budget: Budget) {
        self.budget = budget;
        self.meter = Meter::start(&budget);
    }

    /// Whether the connection lets the plugin use one of the host's interfaces.
    pub(crate) fn gives(&self, interface: &str) -> bool {
        let grants = &self.target.grants;
        grants.withheld.is_empty() || grants.allow(&abilities::interface_key(interface))
    }

    /// Take one reading of a secret from the quota.
    pub(crate) fn may_reveal(&self) -> bool {
        let mut notes = lock(&self.notes);
        notes.reveals += 1;
        notes.reveals <= MAX_REVEALS
    }

    /// What has been used so far.
    pub(crate) fn usage(&self) -> CallUsage {
        CallUsage {
            cpu_us: self.meter.cpu_us(),
            wall_us: self.meter.wall_us(),
            requests: self.requests.load(Ordering::Relaxed),
            memory_bytes: self.memory_peak.load(Ordering::Relaxed),
        }
    }

    /// Remember how the last request went.
    pub(crate) fn note_request(&self, outcome: Option<Refusal>) {
        if outcome.as_ref().is_some_and(Refusal::is_denial) {
            self.denied.fetch_add(1, Ordering::Relaxed);
        }
        lock(&self.notes).refusal = outcome;
    }

    /// Why the last request did not go through.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        lock(&self.notes).refusal.clone()
    }

    /// Take one log line of so many bytes from the quota. False: there is nothing left of it.
    pub(crate) fn may_log(&self, bytes: usize) -> bool {
        let mut notes = lock(&self.notes);
        if notes.log_lines >= self.budget.log_lines || notes.log_bytes >= self.budget.log_bytes {
            notes.log_dropped = notes.log_dropped.saturating_add(1);
            return false;
        }
        notes.log_lines += 1;
        notes.log_bytes = notes.log_bytes.saturating_add(bytes);
        true
    }

    /// How many lines were too many, once.
    pub(crate) fn take_dropped(&self) -> u32 {
        std::mem::take(&mut lock(&self.notes).log_dropped)
    }

    pub(crate) fn note_last_words(&self, line: &str) {
        lock(&self.notes).last_words = Some(line.to_owned());
    }

    pub(crate) fn last_words(&self) -> Option<String> {
        lock(&self.notes).last_words.clone()
    }
}
