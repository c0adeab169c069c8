//! What one call may use. There is no way to make a store without a budget.

mod house;
mod limiter;
mod meter;

pub(crate) use house::GuestMemory;
pub(crate) use meter::{GivenUp, Meter, metered, thread_cpu_ns};

use crate::class::SizeClass;
use opssight_core::plugins::manifest::BudgetAsk;
use std::ops::{Index, IndexMut};
use std::time::Duration;

/// Linear memories of one component.
pub(crate) const MAX_MEMORIES: u32 = 4;
/// Tables of one component.
pub(crate) const MAX_TABLES: u32 = 16;
/// Entries of one table, whatever the plugin's size.
pub(crate) const MAX_TABLE_ELEMENTS: usize = 30_000;
/// The largest memory that any kind of call may have.
pub(crate) const MAX_MEMORY_BYTES: usize = 256 << 20;
/// Live component-model handles.
pub(crate) const MAX_HANDLES: usize = 1_000;
/// Entries of the host's own resource table.
pub(crate) const MAX_RESOURCES: usize = 256;
/// One set of HTTP headers, counted as the host holds them.
pub(crate) const MAX_HEADER_BYTES: usize = 64 << 10;
/// Random bytes per request.
pub(crate) const MAX_RANDOM_BYTES: u64 = 64 << 10;

/// The kinds of call, named as the manifest and the metrics name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A delivery becomes items.
    Webhook,
    /// One page of a feed.
    Source,
    /// Something is done upstream.
    Actions,
    /// Does the connection work?
    Health,
    /// People are told.
    Notifier,
    /// One page of a bill.
    Costs,
    /// One page of what is running.
    Inventory,
    /// Series are looked at.
    Detector,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Webhook,
        Self::Source,
        Self::Actions,
        Self::Health,
        Self::Notifier,
        Self::Costs,
        Self::Inventory,
        Self::Detector,
    ];

    /// As it stands in manifests, metrics and messages, and as its exported interface is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Source => "source",
            Self::Actions => "actions",
            Self::Health => "health",
            Self::Notifier => "notifier",
            Self::Costs => "costs",
            Self::Inventory => "inventory",
            Self::Detector => "detector",
        }
    }
}

/// One of something for each kind.
pub(crate) struct PerKind<T>([T; Kind::ALL.len()]);

impl<T> PerKind<T> {
    pub(crate) fn new(make: impl FnMut(Kind) -> T) -> Self {
        Self(Kind::ALL.map(make))
    }
}

impl<T> Index<Kind> for PerKind<T> {
    type Output = T;

    fn index(&self, kind: Kind) -> &T {
        #[expect(clippy::indexing_slicing, reason = "there is a place for each kind, at its number")]
        &self.0[kind as usize]
    }
}

impl<T> IndexMut<Kind> for PerKind<T> {
    fn index_mut(&mut self, kind: Kind) -> &mut T {
        #[expect(clippy::indexing_slicing, reason = "there is a place for each kind, at its number")]
        &mut self.0[kind as usize]
    }
}

/// The limits of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Budget {
    /// Thread CPU time.
    pub cpu: Duration,
    /// Time from start to end, waiting included.
    pub wall: Duration,
    /// Linear memory, bytes, over all memories.
    pub memory_bytes: usize,
    /// Entries of one table.
    pub table_elements: usize,
    /// Bytes that may cross the boundary in one call of a host function, or in the result.
    pub hostcall_bytes: usize,
    /// Calls of the host's functions.
    pub host_calls: u32,
    /// Outbound requests.
    pub requests: u32,
    /// Body of one request, bytes.
    pub request_bytes: usize,
    /// Body of one response, bytes.
    pub response_bytes: usize,
    /// Items, rows, receipts or findings in the answer.
    pub result_items: usize,
    /// Bytes in the answer.
    pub result_bytes: usize,
    /// Bytes in one item's payload.
    pub payload_bytes: usize,
    /// Log lines.
    pub log_lines: u32,
    /// Bytes in all log lines.
    pub log_bytes: usize,
    /// Keys and values that the connection may hold in the plugin's state, bytes.
    pub state_bytes: u64,
    /// Keys that the connection may hold in the plugin's state.
    pub state_keys: u64,
}

impl Budget {
    /// The least of the kind's own limit, what the manifest asks for and what the operator allows.
    pub fn new(kind: Kind, ask: Option<&BudgetAsk>, cap: &BudgetAsk) -> Self {
        Self::for_class(SizeClass::Small, kind, ask, cap)
    }

    /// The same for plugins of a size: the limit of the kind grows with it.
    pub(crate) fn for_class(class: SizeClass, kind: Kind, ask: Option<&BudgetAsk>, cap: &BudgetAsk) -> Self {
        let own = Self::of_kind(kind).of_class(class);
        let none = BudgetAsk::default();
        let ask = ask.unwrap_or(&none);
        let millis = |own: Duration, of: fn(&BudgetAsk) -> Option<u32>| {
            [of(ask), of(cap)].into_iter().flatten().map(|ms| Duration::from_millis(ms.into())).fold(own, Duration::min)
        };
        let bytes = |own: usize, unit: usize, of: fn(&BudgetAsk) -> Option<u32>| {
            let asks = [of(ask), of(cap)].into_iter().flatten();
            asks.map(|n| usize::try_from(n).unwrap_or(usize::MAX).saturating_mul(unit)).fold(own, usize::min)
        };
        let count =
            |own: u32, of: fn(&BudgetAsk) -> Option<u32>| [of(ask), of(cap)].into_iter().flatten().fold(own, u32::min);
        let long = |own: u64, unit: u64, of: fn(&BudgetAsk) -> Option<u32>| {
            [of(ask), of(cap)].into_iter().flatten().map(|n| u64::from(n) * unit).fold(own, u64::min)
        };
        let (one, kib, mib) = (1, 1 << 10, 1 << 20);
        Self {
            cpu: millis(own.cpu, |ask| ask.cpu_ms),
            wall: millis(own.wall, |ask| ask.wall_ms),
            memory_bytes: bytes(own.memory_bytes, mib, |ask| ask.memory_mib),
            table_elements: bytes(own.table_elements, one, |ask| ask.table_entries),
            host_calls: count(own.host_calls, |ask| ask.host_calls),
            hostcall_bytes: bytes(own.hostcall_bytes, kib, |ask| ask.hostcall_kib),
            requests: count(own.requests, |ask| ask.requests),
            request_bytes: bytes(own.request_bytes, kib, |ask| ask.request_kib),
            response_bytes: bytes(own.response_bytes, kib, |ask| ask.response_kib),
            result_items: bytes(own.result_items, one, |ask| ask.result_items),
            result_bytes: bytes(own.result_bytes, kib, |ask| ask.result_kib),
            payload_bytes: own.payload_bytes,
            log_lines: count(own.log_lines, |ask| ask.log_lines),
            log_bytes: bytes(own.log_bytes, kib, |ask| ask.log_kib),
            state_bytes: long(own.state_bytes, 1 << 10, |ask| ask.state_kib),
            state_keys: long(own.state_keys, 1, |ask| ask.state_keys),
        }
    }

    /// In the units that people and manifests use.
    pub(crate) fn for_people(&self) -> opssight_core::plugins::Budget {
        let millis = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let units = |bytes: usize, shift: u32| u32::try_from(bytes >> shift).unwrap_or(u32::MAX);
        opssight_core::plugins::Budget {
            cpu_ms: millis(self.cpu),
            wall_ms: millis(self.wall),
            memory_mib: units(self.memory_bytes, 20),
            requests: self.requests,
            response_kib: units(self.response_bytes, 10),
        }
    }

    fn of_kind(kind: Kind) -> Self {
        let base = Self {
            cpu: Duration::from_secs(2),
            wall: Duration::from_secs(30),
            memory_bytes: 64 << 20,
            table_elements: 10_000,
            host_calls: 200_000,
            hostcall_bytes: 8 << 20,
            requests: 10,
            request_bytes: 1 << 20,
            response_bytes: 10 << 20,
            result_items: 1_000,
            result_bytes: 8 << 20,
            payload_bytes: 512 << 10,
            log_lines: 100,
            log_bytes: 64 << 10,
            state_bytes: 4 << 20,
            state_keys: 10_000,
        };
        match kind {
            Kind::Webhook | Kind::Health => base,
            Kind::Actions => Self { wall: Duration::from_secs(60), requests: 20, ..base },
            Kind::Source | Kind::Costs | Kind::Inventory => Self {
                cpu: Duration::from_secs(10),
                wall: Duration::from_secs(120),
                memory_bytes: 128 << 20,
                host_calls: 1_000_000,
                requests: 200,
                result_items: if kind == Kind::Costs { 20_000 } else { 5_000 },
                log_lines: 500,
                ..base
            },
            // A request or two for each notification of a batch.
            Kind::Notifier => Self { wall: Duration::from_secs(60), requests: 200, ..base },
            // It has no network to wait for.
            Kind::Detector => Self { cpu: Duration::from_secs(10), memory_bytes: 128 << 20, requests: 0, ..base },
        }
    }
}

impl Budget {
    /// An interpreter brings its own heap and tables with it.
    fn of_class(self, class: SizeClass) -> Self {
        match class {
            SizeClass::Small | SizeClass::Medium => self,
            SizeClass::Large => Self {
                memory_bytes: (self.memory_bytes * 2).min(MAX_MEMORY_BYTES),
                table_elements: MAX_TABLE_ELEMENTS,
                ..self
            },
        }
    }
}

/// A budget that ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exhausted {
    #[error("it used more CPU time than a call may ({0} ms)")]
    Cpu(u128),
    #[error("it took longer than a call may ({0} ms)")]
    Wall(u128),
    #[error("the host had too little time for it: it was not over after {0} ms")]
    Starved(u128),
    #[error("it wanted more memory than a call may have ({0} MiB)")]
    Memory(usize),
    #[error(
        "all plugins together hold as much memory as they may ({0} MiB, plugins.memory_mib): it is tried again when \
         there is less to do"
    )]
    House(usize),
    #[error("it wanted larger tables than a call may have ({0} entries)")]
    Tables(usize),
    #[error("it moved more data across the boundary at once than a call may ({0} bytes)")]
    Hostcall(usize),
    #[error("it called functions of the host more often than a call may ({0} times)")]
    HostCalls(u32),
    #[error("it held more handles than a call may")]
    Handles,
}

impl Exhausted {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Cpu(_) => "budget.cpu",
            Self::Wall(_) => "budget.wall",
            Self::Starved(_) => "host.busy",
            Self::Memory(_) => "budget.memory",
            Self::House(_) => "host.memory",
            Self::Tables(_) => "budget.tables",
            Self::Hostcall(_) => "budget.hostcall",
            Self::HostCalls(_) => "budget.host-calls",
            Self::Handles => "budget.handles",
        }
    }
}

#[cfg(test)]
mod tests;
