//! The five DORA metrics of the expected deployments and changes, straight from their definitions (dora.dev): slow,
//! plain and without the host's ledger.

use super::{Deployment, Expected, Millis};
use std::collections::BTreeMap;

const DAY: f64 = 86_400_000.0;

/// The metrics of one service in one environment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::demo) struct Metrics {
    /// Deployments that succeeded, per day.
    pub(in crate::demo) deployment_frequency_per_day: f64,
    /// From a change's proposal to the deployment that carried it.
    pub(in crate::demo) change_lead_time_ms_p50: Option<f64>,
    /// Failed or taken back, of those that are over.
    pub(in crate::demo) change_fail_rate: Option<f64>,
    /// From a failure's end to the next success's end.
    pub(in crate::demo) failed_deployment_recovery_time_ms_p50: Option<f64>,
    /// Repairs, of those that are over.
    pub(in crate::demo) deployment_rework_rate: Option<f64>,
    /// Deployments that are over.
    pub(in crate::demo) over: usize,
}

/// A deployment that is over.
struct Over {
    asked: Millis,
    ended: Millis,
    good: bool,
    rollback: bool,
}

/// The scopes that have deployments which were over in `[from, to)`.
pub(in crate::demo) fn metrics(expected: &Expected, from: Millis, to: Millis) -> BTreeMap<(String, String), Metrics> {
    let mut scopes: BTreeMap<(String, String), Vec<Over>> = BTreeMap::new();
    for deployment in expected.deployments.values() {
        if let (Some(over), Some(environment)) = (deployment.over(), deployment.environment.any().last()) {
            scopes.entry((deployment.service.clone(), environment.clone())).or_default().push(over);
        }
    }
    let mut metrics = BTreeMap::new();
    for ((service, environment), mut deployments) in scopes {
        deployments.sort_by_key(|deployment| deployment.asked);
        let changes: Vec<(Millis, Millis)> = expected
            .changes
            .iter()
            .filter(|((of, _), _)| *of == service)
            .filter_map(|(_, change)| Some((*change.created.any().last()?, *change.merged.any().last()?)))
            .collect();
        let found = scope(&deployments, &changes, from, to);
        if found.over > 0 {
            metrics.insert((service, environment), found);
        }
    }
    metrics
}

fn scope(deployments: &[Over], changes: &[(Millis, Millis)], from: Millis, to: Millis) -> Metrics {
    let inside = |at: Millis| (from..to).contains(&at);
    let before = |place: usize| deployments.get(..place).unwrap_or_default();
    let after = |place: usize| deployments.get(place + 1..).unwrap_or_default();
    let mut all = Metrics::default();
    let (mut good, mut failed, mut rework) = (0_usize, 0_usize, 0_usize);
    let mut recoveries = Vec::new();
    for (place, deployment) in deployments.iter().enumerate().filter(|(_, deployment)| inside(deployment.ended)) {
        all.over += 1;
        let next_good = after(place).iter().find(|later| later.good);
        if deployment.good {
            good += 1;
        }
        // A roll-back takes back the success before it, if nothing failed in between.
        let taken_back = deployment.good && after(place).first().is_some_and(|next| next.good && next.rollback);
        if !deployment.good || taken_back {
            failed += 1;
            recoveries.extend(next_good.map(|next| (next.ended - deployment.ended).max(0)));
        }
        let repairs = deployment.good && before(place).last().is_some_and(|earlier| !earlier.good);
        if repairs || (deployment.good && deployment.rollback) {
            rework += 1;
        }
    }
    let leads = changes.iter().filter_map(|(created, merged)| {
        let carrier = deployments.iter().find(|deployment| deployment.good && deployment.asked >= *merged)?;
        inside(carrier.ended).then(|| (carrier.ended - created).max(0))
    });
    all.deployment_frequency_per_day = ratio(good, (to - from) as f64 / DAY);
    all.change_lead_time_ms_p50 = median(leads.collect());
    all.change_fail_rate = (all.over > 0).then(|| ratio(failed, all.over as f64));
    all.failed_deployment_recovery_time_ms_p50 = median(recoveries);
    all.deployment_rework_rate = (all.over > 0).then(|| ratio(rework, all.over as f64));
    all
}

impl Deployment {
    fn over(&self) -> Option<Over> {
        let ended = self.verdicts.at()?;
        let words = self.task.any().chain(self.words.any()).map(|text| text.to_lowercase());
        let rollback =
            |text: String| text.contains("rollback") || text.contains("roll back") || text.starts_with("revert");
        Some(Over {
            asked: self.created.any().last().copied().unwrap_or(ended),
            ended,
            good: self.verdicts.any().all(|good| *good),
            rollback: words.into_iter().any(rollback),
        })
    }
}

impl Expected {
    /// When deployments were over, oldest first.
    pub(in crate::demo) fn verdict_times(&self) -> Vec<Millis> {
        let mut times: Vec<Millis> = self.deployments.values().filter_map(|one| one.verdicts.at()).collect();
        times.sort_unstable();
        times
    }
}

fn ratio(part: usize, whole: f64) -> f64 {
    if whole > 0.0 { part as f64 / whole } else { 0.0 }
}

fn median(mut values: Vec<Millis>) -> Option<f64> {
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(upper as f64);
    }
    let lower = *values.get(values.len() / 2 - 1)?;
    Some((lower + upper) as f64 / 2.0)
}
