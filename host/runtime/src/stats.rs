//! What a plugin did since this host started.

use crate::context::CallContext;
use crate::sync::lock;
use opssight_core::id::ConnectionId;
use opssight_core::plugins::installs::VersionFigures;
use opssight_core::plugins::{CallError, CallUsage, ConnectionFault, KindStats, PluginStats};
use opssight_core::time::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

/// Percentiles are those of so many last calls.
const LAST: usize = 1_024;

/// Connections whose last failure is remembered.
const CONNECTIONS: usize = 100;

#[derive(Default)]
pub(crate) struct Stats(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    calls: u64,
    failures: BTreeMap<&'static str, u64>,
    classes: BTreeMap<&'static str, u64>,
    kinds: BTreeMap<&'static str, KindStats>,
    /// CPU and wall time of the last calls, microseconds; oldest are written over.
    cpu_us: Vec<u32>,
    wall_us: Vec<u32>,
    cpu_us_total: u64,
    memory_bytes_max: u64,
    egress_requests: u64,
    egress_denied: u64,
    log_lines_dropped: u64,
    last_error: Option<String>,
    last_faults: HashMap<ConnectionId, ConnectionFault>,
}

impl Stats {
    /// A call that is over.
    pub(crate) fn record(&self, call: &CallContext, usage: &CallUsage, denied: u32, error: Option<&CallError>) {
        let at = error.map(|_| call.services.clock.now()).unwrap_or_default();
        self.count(call.kind.name(), usage, denied, error.map(|error| (at, error)));
    }

    fn count(&self, kind: &'static str, usage: &CallUsage, denied: u32, error: Option<(Timestamp, &CallError)>) {
        let mut counts = lock(&self.0);
        let place = usize::try_from(counts.calls).unwrap_or(0) % LAST;
        counts.calls += 1;
        put(&mut counts.cpu_us, place, usage.cpu_us);
        put(&mut counts.wall_us, place, usage.wall_us);
        counts.cpu_us_total = counts.cpu_us_total.saturating_add(usage.cpu_us);
        counts.memory_bytes_max = counts.memory_bytes_max.max(usage.memory_bytes);
        counts.egress_requests += u64::from(usage.requests);
        counts.egress_denied += u64::from(denied);
        let of_kind = counts.kinds.entry(kind).or_default();
        of_kind.calls += 1;
        of_kind.failed += u64::from(error.is_some());
        if let Some((at, error)) = error {
            counts.fail(kind, at, error);
        }
    }

    /// Log lines that are gone.
    pub(crate) fn dropped(&self, lines: u64) {
        let mut counts = lock(&self.0);
        counts.log_lines_dropped = counts.log_lines_dropped.saturating_add(lines);
    }

    /// What decides whether a version stays.
    pub(crate) fn figures(&self) -> VersionFigures {
        let counts = lock(&self.0);
        VersionFigures { calls: counts.calls, faults: counts.failures.get("plugin").copied().unwrap_or(0) }
    }

    pub(crate) fn snapshot(&self) -> PluginStats {
        let counts = lock(&self.0);
        let (mut cpu, mut wall) = (counts.cpu_us.clone(), counts.wall_us.clone());
        cpu.sort_unstable();
        wall.sort_unstable();
        let named = |counts: &BTreeMap<&'static str, u64>| {
            counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
        };
        let mut last_faults: Vec<_> = counts.last_faults.values().cloned().collect();
        last_faults.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.connection.cmp(&b.connection)));
        PluginStats {
            calls: counts.calls,
            failures: named(&counts.failures),
            classes: named(&counts.classes),
            kinds: counts.kinds.iter().map(|(kind, stats)| ((*kind).to_owned(), *stats)).collect(),
            cpu_us_p50: percentile(&cpu, 50),
            cpu_us_p99: percentile(&cpu, 99),
            cpu_ms_total: counts.cpu_us_total / 1_000,
            wall_us_p50: percentile(&wall, 50),
            wall_us_p99: percentile(&wall, 99),
            memory_bytes_max: counts.memory_bytes_max,
            egress_requests: counts.egress_requests,
            egress_denied: counts.egress_denied,
            log_lines_dropped: counts.log_lines_dropped,
            last_error: counts.last_error.clone(),
            last_faults,
        }
    }
}

impl Counts {
    fn fail(&mut self, kind: &'static str, at: Timestamp, error: &CallError) {
        *self.failures.entry(error.fault.name()).or_default() += 1;
        *self.classes.entry(error.class.name()).or_default() += 1;
        self.last_error = Some(format!("{}: {}", error.code, error.message));
        let fault = ConnectionFault {
            connection: error.connection.clone(),
            at,
            kind: kind.to_owned(),
            fault: error.fault,
            class: error.class,
            code: error.code.clone(),
            message: error.message.clone(),
        };
        self.last_faults.insert(error.connection.clone(), fault);
        if self.last_faults.len() > CONNECTIONS {
            let oldest = self.last_faults.values().min_by_key(|fault| fault.at).map(|fault| fault.connection.clone());
            oldest.and_then(|oldest| self.last_faults.remove(&oldest));
        }
    }
}

fn put(ring: &mut Vec<u32>, at: usize, value: u64) {
    let value = u32::try_from(value).unwrap_or(u32::MAX);
    match ring.get_mut(at) {
        Some(place) => *place = value,
        None => ring.push(value),
    }
}

/// Of sorted values; 0 when there are none.
fn percentile(sorted: &[u32], percent: usize) -> u64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last * percent).div_ceil(100)).copied().unwrap_or(0).into()
}

#[cfg(test)]
mod tests {
    use super::{CONNECTIONS, Stats, percentile};
    use opssight_core::plugins::{CallError, CallUsage, FailureClass, FaultSource};
    use opssight_core::time::Timestamp;

    #[test]
    fn percentiles_are_those_of_the_last_calls() {
        assert_eq!(percentile(&[], 50), 0);
        assert_eq!(percentile(&[7], 99), 7);
        assert_eq!(percentile(&[1, 2, 3], 50), 2);
        let stats = Stats::default();
        for cpu_us in 0..3_000 {
            stats.count("webhook", &CallUsage { cpu_us, ..CallUsage::default() }, 0, None);
        }
        let snapshot = stats.snapshot();
        assert_eq!(snapshot.calls, 3_000);
        assert!((2_480..2_500).contains(&snapshot.cpu_us_p50), "{}", snapshot.cpu_us_p50);
        assert_eq!(snapshot.cpu_ms_total, 3_000 * 2_999 / 2 / 1_000);
    }

    fn error(connection: usize, fault: FaultSource, class: FailureClass) -> CallError {
        CallError {
            plugin: "probe".into(),
            version: "1.0.0".into(),
            connection: format!("c{connection}").into(),
            fault,
            class,
            code: "trap".into(),
            message: "it died".into(),
            retry_after_ms: None,
        }
    }

    #[test]
    fn failures_are_told_apart_by_fault_class_kind_and_connection() {
        let stats = Stats::default();
        let usage = CallUsage::default();
        stats.count("source", &usage, 0, None);
        let trap = error(1, FaultSource::Plugin, FailureClass::Trap);
        stats.count("source", &usage, 0, Some((Timestamp(1), &trap)));
        let auth = error(1, FaultSource::Upstream, FailureClass::Auth);
        stats.count("webhook", &usage, 2, Some((Timestamp(2), &auth)));
        stats.dropped(3);
        let snapshot = stats.snapshot();
        assert_eq!((snapshot.failures["plugin"], snapshot.failures["upstream"]), (1, 1));
        assert_eq!((snapshot.classes["trap"], snapshot.classes["auth"]), (1, 1));
        assert_eq!((snapshot.kinds["source"].calls, snapshot.kinds["source"].failed), (2, 1));
        assert_eq!((snapshot.egress_denied, snapshot.log_lines_dropped), (2, 3));
        assert_eq!(snapshot.last_faults.len(), 1);
        assert_eq!((snapshot.last_faults[0].at, snapshot.last_faults[0].class), (Timestamp(2), FailureClass::Auth));
    }

    #[test]
    fn only_so_many_connections_are_remembered() {
        let stats = Stats::default();
        for at in 0..2 * CONNECTIONS {
            let error = error(at, FaultSource::Plugin, FailureClass::Trap);
            stats.count("source", &CallUsage::default(), 0, Some((Timestamp(at as i64), &error)));
        }
        let faults = stats.snapshot().last_faults;
        assert_eq!(faults.len(), CONNECTIONS);
        assert_eq!(faults[0].connection.as_str(), format!("c{}", 2 * CONNECTIONS - 1));
    }
}
