//! An installed plugin: everything about it that can be prepared once.

use crate::bindings::exports::opssight::plugin::{actions, health, source, webhook};
use crate::budget::{Budget, Kind};
use crate::imports::log::Level;
use crate::precheck::{Surface, kinds};
use crate::state::HostState;
use crate::stats::Stats;
use crate::sync::lock;
use metrics::{Counter, Histogram};
use opssight_core::id::ConnectionId;
use opssight_core::plugins::manifest::BudgetAsk;
use opssight_core::plugins::{InstalledPlugin, Manifest};
use opssight_core::time::Timestamp;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, OnceLock};
use wasmtime::component::InstancePre;

/// Log lines that are kept for people to look at.
const LOG_LINES: usize = 200;

/// A line that a plugin logged.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LogLine {
    /// When.
    pub at: Timestamp,
    /// How loud.
    pub level: Level,
    /// For which connection.
    pub connection: ConnectionId,
    /// Cleaned and without secrets.
    pub message: String,
}

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
        })
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
