//! An installed plugin: everything about it that can be prepared once.

use crate::budget::{Budget, Kind, PerKind};
use crate::class::SizeClass;
use crate::exports::Exports;
pub(crate) use crate::log_gate::Admitted;
use crate::log_gate::LogGate;
use crate::precheck::{Surface, kinds};
use crate::state::HostState;
use crate::stats::Stats;
use crate::sync::lock;
use metrics::{Counter, Histogram};
use opssight_core::plugins::manifest::BudgetAsk;
use opssight_core::plugins::{InstalledPlugin, LogLine, Manifest};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};
use wasmtime::component::InstancePre;

/// Log lines that are kept for people to look at.
const LOG_LINES: usize = 200;

/// Shared by all calls of it, and alive until the last of them is over.
pub(crate) struct Plugin {
    pub(crate) manifest: Arc<Manifest>,
    /// `sha256:...` of the package.
    pub(crate) digest: Arc<str>,
    pub(crate) version: String,
    pub(crate) pre: InstancePre<HostState>,
    pub(crate) exports: Exports,
    size: u64,
    surface: Surface,
    budgets: PerKind<Budget>,
    pub(crate) stats: Stats,
    meters: PerKind<OnceLock<CallMetrics>>,
    log: Mutex<VecDeque<LogLine>>,
    log_gate: LogGate,
    /// Why no calls are made any more; set once.
    stopped: OnceLock<String>,
    stop: CancellationToken,
    running: AtomicU64,
    /// Linear memory of all its instances.
    pub(crate) held_bytes: AtomicUsize,
    /// No longer on the shelf: nothing of it is kept after a call.
    retired: AtomicBool,
}

/// A call under way.
pub(crate) struct Running(Arc<Plugin>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Looked up once per plugin and kind: finding a metric by its labels costs more than counting with it.
pub(crate) struct CallMetrics {
    pub(crate) ok: Counter,
    pub(crate) cpu_seconds: Histogram,
    pub(crate) wall_seconds: Histogram,
}

impl Plugin {
    pub(crate) fn new(
        manifest: Manifest,
        digest: String,
        size: usize,
        surface: Surface,
        pre: InstancePre<HostState>,
        caps: &BudgetAsk,
    ) -> wasmtime::Result<Self> {
        let exports = Exports::new(&kinds(&surface.exports), &pre)?;
        Ok(Self {
            budgets: PerKind::new(|kind| {
                Budget::for_class(surface.class, kind, manifest.budgets.get(kind.name()), caps)
            }),
            version: manifest.version.to_string(),
            manifest: Arc::new(manifest),
            digest: digest.into(),
            pre,
            exports,
            size: size as u64,
            surface,
            stats: Stats::default(),
            meters: PerKind::new(|_| OnceLock::new()),
            log: Mutex::default(),
            log_gate: LogGate::default(),
            stopped: OnceLock::new(),
            stop: CancellationToken::new(),
            running: AtomicU64::new(0),
            held_bytes: AtomicUsize::new(0),
            retired: AtomicBool::new(false),
        })
    }

    /// Why it was taken out of service, if it was.
    pub(crate) fn stopped(&self) -> Option<&str> {
        self.stopped.get().map(String::as_str)
    }

    /// Take it out of service: calls under way end at their next check point, or where they wait. How many there are.
    pub(crate) fn stop(&self, reason: &str) -> u64 {
        let _first_reason_stays = self.stopped.set(reason.to_owned());
        self.stop.cancel();
        self.running.load(Ordering::Relaxed)
    }

    /// Resolves when it is taken out of service.
    pub(crate) fn until_stopped(&self) -> WaitForCancellationFuture<'_> {
        self.stop.cancelled()
    }

    /// It leaves the shelf. Calls under way go on.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Of its package.
    pub(crate) fn class(&self) -> SizeClass {
        self.surface.class
    }

    /// Count a call as under way until the guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> Running {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(self))
    }

    /// Whether its code can use an interface, whatever its version.
    pub(crate) fn imports(&self, interface: &str) -> bool {
        let name = |import: &String| import.split('@').next() == Some(interface);
        self.surface.imports.iter().any(name)
    }

    /// The limits of a kind of call.
    pub(crate) fn budget(&self, kind: Kind) -> Budget {
        self.budgets[kind]
    }

    pub(crate) fn meters(&self, kind: Kind) -> &CallMetrics {
        self.meters[kind].get_or_init(|| {
            let (plugin, export) = (self.manifest.id.clone(), kind.name());
            CallMetrics {
                ok: metrics::counter!("opssight_plugin_calls_total", "plugin" => plugin.clone(), "export" => export, "outcome" => "ok", "fault" => ""),
                cpu_seconds: metrics::histogram!("opssight_plugin_call_cpu_seconds", "plugin" => plugin.clone(), "export" => export),
                wall_seconds: metrics::histogram!("opssight_plugin_call_wall_seconds", "plugin" => plugin, "export" => export),
            }
        })
    }

    /// As people see it.
    pub(crate) fn installed(&self) -> InstalledPlugin {
        InstalledPlugin {
            manifest: Arc::clone(&self.manifest),
            digest: self.digest.to_string(),
            size: self.size,
            imports: self.surface.imports.clone(),
            exports: kinds(&self.surface.exports).into_iter().map(|kind| kind.name().to_owned()).collect(),
            budgets: kinds(&self.surface.exports)
                .into_iter()
                .map(|kind| (kind.name().to_owned(), self.budget(kind).for_people()))
                .collect(),
            stats: self.stats.snapshot(),
        }
    }

    /// Whether a line of so many bytes is published. All calls of the plugin share its allowance.
    pub(crate) fn admit_line(&self, bytes: usize) -> Admitted {
        let admitted = self.log_gate.admit(bytes, Instant::now());
        if admitted == Admitted::No {
            self.count_dropped(1);
        }
        admitted
    }

    /// Lines that a call wrote beyond its quota.
    pub(crate) fn drop_lines(&self, lines: u64) {
        self.count_dropped(lines);
    }

    fn count_dropped(&self, lines: u64) {
        self.stats.dropped(lines);
        let plugin = self.manifest.id.clone();
        metrics::counter!("opssight_plugin_log_lines_dropped_total", "plugin" => plugin).increment(lines);
    }

    pub(crate) fn remember(&self, line: LogLine) {
        let mut log = lock(&self.log);
        if log.len() == LOG_LINES {
            log.pop_front();
        }
        log.push_back(line);
    }

    pub(crate) fn log(&self) -> Vec<LogLine> {
        lock(&self.log).iter().cloned().collect()
    }
}
