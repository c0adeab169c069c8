//! What a plugin did since this host started.

use crate::sync::lock;
use opssight_core::plugins::installs::VersionFigures;
use opssight_core::plugins::{CallError, CallUsage, PluginStats};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Percentiles are those of so many last calls.
const LAST: usize = 1_024;

#[derive(Default)]
pub(crate) struct Stats(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    calls: u64,
    failures: BTreeMap<&'static str, u64>,
    /// CPU and wall time of the last calls, microseconds; oldest are written over.
    cpu_us: Vec<u32>,
    wall_us: Vec<u32>,
    memory_bytes_max: u64,
    egress_requests: u64,
    egress_denied: u64,
    last_error: Option<String>,
}

impl Stats {
    pub(crate) fn record(&self, usage: &CallUsage, denied: u32, error: Option<(&'static str, &CallError)>) {
        let mut counts = lock(&self.0);
        let at = usize::try_from(counts.calls).unwrap_or(0) % LAST;
        counts.calls += 1;
        put(&mut counts.cpu_us, at, usage.cpu_us);
        put(&mut counts.wall_us, at, usage.wall_us);
        counts.memory_bytes_max = counts.memory_bytes_max.max(usage.memory_bytes);
        counts.egress_requests += u64::from(usage.requests);
        counts.egress_denied += u64::from(denied);
        if let Some((fault, error)) = error {
            *counts.failures.entry(fault).or_default() += 1;
            counts.last_error = Some(format!("{}: {}", error.code, error.message));
        }
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
        PluginStats {
            calls: counts.calls,
            failures: counts.failures.iter().map(|(fault, count)| ((*fault).to_owned(), *count)).collect(),
            cpu_us_p50: percentile(&cpu, 50),
            cpu_us_p99: percentile(&cpu, 99),
            wall_us_p50: percentile(&wall, 50),
            wall_us_p99: percentile(&wall, 99),
            memory_bytes_max: counts.memory_bytes_max,
            egress_requests: counts.egress_requests,
            egress_denied: counts.egress_denied,
            last_error: counts.last_error.clone(),
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
    use super::{Stats, percentile};
    use opssight_core::plugins::CallUsage;

    #[test]
    fn percentiles_are_those_of_the_last_calls() {
        assert_eq!(percentile(&[], 50), 0);
        assert_eq!(percentile(&[7], 99), 7);
        assert_eq!(percentile(&[1, 2, 3], 50), 2);
        let stats = Stats::default();
        for cpu_us in 0..3_000 {
            stats.record(&CallUsage { cpu_us, ..CallUsage::default() }, 0, None);
        }
        let snapshot = stats.snapshot();
        assert_eq!(snapshot.calls, 3_000);
        assert!((2_480..2_500).contains(&snapshot.cpu_us_p50), "{}", snapshot.cpu_us_p50);
    }
}
