//! An installed plugin: everything about it that can be prepared once.

use crate::bindings::exports::opssight::plugin::{actions, health, source, webhook};
use crate::budget::{Budget, Kind};
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
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};
use wasmtime::component::InstancePre;

/// Log lines that are kept for people to look at.
const LOG_LINES: usize = 200;

/// Where the exported functions are; none for what the plugin does not export.
pub(crate) struct Exports {
    pub(crate) webhook: Option<webhook::GuestIndices>,
    pub(crate) source: Option<source::GuestIndices>,
    pub(crate) actions: Option<actions::GuestIndices>,
    pub(crate) health: Option<health::GuestIndices>,
}

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
    budgets: [Budget; Kind::ALL.len()],
    pub(crate) stats: Stats,
    meters: [OnceLock<CallMetrics>; Kind::ALL.len()],
    log: Mutex<VecDeque<LogLine>>,
    log_gate: LogGate,
    /// Why no calls are made any more; set once.
    stopped: OnceLock<String>,
    stop: CancellationToken,
    running: AtomicU64,
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
        let has = kinds(&surface.exports);
        let exports = Exports {
            webhook: has.contains(&Kind::Webhook).then(|| webhook::GuestIndices::new(&pre)).transpose()?,
            source: has.contains(&Kind::Source).then(|| source::GuestIndices::new(&pre)).transpose()?,
            actions: has.contains(&Kind::Actions).then(|| actions::GuestIndices::new(&pre)).transpose()?,
            health: has.contains(&Kind::Health).then(|| health::GuestIndices::new(&pre)).transpose()?,
        };
        Ok(Self {
            budgets: Kind::ALL.map(|kind| Budget::new(kind, manifest.budgets.get(kind.name()), caps)),
            version: manifest.version.to_string(),
            manifest: Arc::new(manifest),
            digest: digest.into(),
            pre,
            exports,
            size: size as u64,
            surface,
            stats: Stats::default(),
            meters: Default::default(),
            log: Mutex::default(),
            log_gate: LogGate::default(),
            stopped: OnceLock::new(),
            stop: CancellationToken::new(),
            running: AtomicU64::new(0),
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
        let [webhook, source, actions, health] = self.budgets;
        match kind {
            Kind::Webhook => webhook,
            Kind::Source => source,
            Kind::Actions => actions,
            Kind::Health => health,
        }
    }

    pub(crate) fn meters(&self, kind: Kind) -> &CallMetrics {
        let [webhook, source, actions, health] = &self.meters;
        let place = match kind {
            Kind::Webhook => webhook,
            Kind::Source => source,
            Kind::Actions => actions,
            Kind::Health => health,
        };
        place.get_or_init(|| {
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
