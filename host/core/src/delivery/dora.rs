//! The five DORA metrics (dora.dev, guide of January 2026), per service and environment.
//!
//! Everything follows from one ordered list of deployments that are over and one list of changes that landed:
//!
//! - *Deployment frequency*: deployments that succeeded.
//! - *Change lead time*: a change is carried by the first successful deployment that was asked for at or after the
//!   change landed; the time runs from its first known commit (or its proposal) to that deployment's end.
//! - *Change fail rate*: of the deployments that are over, those that failed, or that the next successful
//!   deployment took back by its own account (a rollback).
//! - *Failed deployment recovery time*: from a failed deployment's end to the end of the next that succeeded.
//! - *Deployment rework rate*: of the deployments that are over, those made to repair: the first success after a
//!   failure, and rollbacks.
//!
//! What a deployment means depends only on its neighbours up to the next successful one on each side. The ledger is
//! therefore kept up to date by deriving a small slice again ([`derive`] over what lies between anchors), and equals
//! deriving everything.

use crate::id::{ChangeId, DeploymentId};
use crate::time::Timestamp;

/// A deployment that is over, as the metrics see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// Which.
    pub id: DeploymentId,
    /// When it was asked for (its end, where that is not known): its place in the order.
    pub asked_at: Timestamp,
    /// When it was over.
    pub finished_at: Timestamp,
    /// Whether it worked.
    pub succeeded: bool,
    /// Whether it says that it takes an earlier one back.
    pub rollback: bool,
}

/// A change that landed, as the metrics see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// Which.
    pub id: ChangeId,
    /// When work on it began.
    pub begun_at: Timestamp,
    /// When it landed.
    pub merged_at: Timestamp,
}

/// What a deployment means for the metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentRow {
    /// Which.
    pub deployment: DeploymentId,
    /// Its place in the order.
    pub asked_at: Timestamp,
    /// When it was over: the window that it counts in.
    pub finished_at: Timestamp,
    /// It worked (it may still have been taken back).
    pub succeeded: bool,
    /// It failed, or was taken back.
    pub failed: bool,
    /// The rollback that took it back.
    pub taken_back_by: Option<DeploymentId>,
    /// The success that ended the failure, and microseconds from this one's end to that one's.
    pub recovery: Option<(DeploymentId, i64)>,
    /// It repaired the earlier deployment of that id.
    pub repairs: Option<DeploymentId>,
    /// It was made to repair (also when what it repairs is not known).
    pub rework: bool,
}

/// A change and the deployment that carried it first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRow {
    /// Which change.
    pub change: ChangeId,
    /// The deployment.
    pub deployment: DeploymentId,
    /// Microseconds from the beginning of work to the deployment's end; never negative.
    pub lead_micros: i64,
}

/// One of the five.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// How often.
    DeploymentFrequency,
    /// How fast.
    ChangeLeadTime,
    /// How safely.
    ChangeFailRate,
    /// How fast repaired.
    FailedDeploymentRecoveryTime,
    /// How much repair.
    DeploymentReworkRate,
}

/// The order of deployments.
pub fn order(one: &Deployed) -> (Timestamp, &DeploymentId) {
    (one.asked_at, &one.id)
}

/// What every deployment of one service in one environment means. `deployments` in any order.
pub fn derive(deployments: &[Deployed]) -> Vec<DeploymentRow> {
    let mut sorted: Vec<&Deployed> = deployments.iter().collect();
    sorted.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut rows: Vec<DeploymentRow> = Vec::with_capacity(sorted.len());
    // Failures that no success has ended yet, as places in `rows`.
    let mut open: Vec<usize> = Vec::new();
    let mut last_success: Option<usize> = None;
    for deployed in sorted {
        let mut row = DeploymentRow {
            deployment: deployed.id.clone(),
            asked_at: deployed.asked_at,
            finished_at: deployed.finished_at,
            succeeded: deployed.succeeded,
            failed: !deployed.succeeded,
            taken_back_by: None,
            recovery: None,
            repairs: None,
            rework: false,
        };
        if deployed.succeeded {
            let recovered =
                |row: &DeploymentRow| Some((deployed.id.clone(), deployed.finished_at.since(row.finished_at).max(0)));
            for place in &open {
                if let Some(failure) = rows.get_mut(*place) {
                    failure.recovery = recovered(failure);
                    row.repairs = Some(failure.deployment.clone());
                    row.rework = true;
                }
            }
            if deployed.rollback {
                row.rework = true;
                // With failures in between, they are what was rolled back; without, the last success was.
                if open.is_empty()
                    && let Some(previous) = last_success.and_then(|place| rows.get_mut(place))
                {
                    previous.failed = true;
                    previous.taken_back_by = Some(deployed.id.clone());
                    previous.recovery = recovered(previous);
                    row.repairs = Some(previous.deployment.clone());
                }
            }
            open.clear();
            last_success = Some(rows.len());
        } else {
            open.push(rows.len());
        }
        rows.push(row);
    }
    rows
}

/// Which deployment carried each change first. Changes that none has carried yet are left out.
pub fn carried(deployments: &[Deployed], changes: &[Landed]) -> Vec<ChangeRow> {
    let mut successes: Vec<&Deployed> = deployments.iter().filter(|deployed| deployed.succeeded).collect();
    successes.sort_by(|a, b| order(a).cmp(&order(b)));
    let mut rows: Vec<ChangeRow> = changes
        .iter()
        .filter_map(|change| {
            let place = successes.partition_point(|deployed| deployed.asked_at < change.merged_at);
            let deployed = successes.get(place)?;
            Some(ChangeRow {
                change: change.id.clone(),
                deployment: deployed.id.clone(),
                lead_micros: deployed.finished_at.since(change.begun_at).max(0),
            })
        })
        .collect();
    rows.sort_by(|a, b| a.change.cmp(&b.change));
    rows
}

/// The middle one; of an even number, the mean of the two in the middle.
pub fn median(values: &mut [i64]) -> Option<i64> {
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = *values.get(values.len() / 2 - 1)?;
    Some(lower + (upper - lower) / 2)
}
