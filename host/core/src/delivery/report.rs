//! The five metrics of a window, from the rows of its ledger.

use super::LedgerRow;
use super::dora::median;
use crate::time::Timestamp;
use std::collections::BTreeMap;

const DAY: i64 = 24 * 3600 * 1_000_000;
/// Where no start is given.
const USUAL_DAYS: i64 = 30;
const LONGEST_DAYS: i64 = 400;

/// A stretch of time, `[from, to)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Start.
    pub from: Timestamp,
    /// End, exclusive.
    pub to: Timestamp,
}

/// A window that cannot be reported on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WindowError {
    /// It ends before it starts.
    #[error("must be before `to`")]
    Backwards,
    /// It is too long.
    #[error("must be at most 400 days before `to`")]
    TooLong,
}

impl Window {
    /// The window from `from` (30 days before its end unless told) to `to` (now unless told).
    pub fn of(from: Option<Timestamp>, to: Option<Timestamp>, now: Timestamp) -> Result<Self, WindowError> {
        let to = to.unwrap_or(now);
        let from = from.unwrap_or(to.plus_micros(-USUAL_DAYS * DAY));
        match to.since(from) {
            ..=0 => Err(WindowError::Backwards),
            length if length > LONGEST_DAYS * DAY => Err(WindowError::TooLong),
            _ => Ok(Self { from, to }),
        }
    }

    /// Its length in days.
    pub fn days(self) -> f64 {
        self.to.since(self.from) as f64 / DAY as f64
    }
}

/// What a set of rows adds up to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Deployments that are over.
    pub over: u64,
    /// Of those, the ones that succeeded (also when they were taken back later).
    pub succeeded: u64,
    /// Of those, the ones that failed or were taken back.
    pub failed: u64,
    /// Of the failed, the ones that a success ended.
    pub recovered: u64,
    /// Of all, the ones made to repair.
    pub rework: u64,
    /// Changes delivered.
    pub changes: u64,
    /// Median lead time of the changes, microseconds.
    pub lead_micros_p50: Option<i64>,
    /// Median time of recovery, microseconds.
    pub recovery_micros_p50: Option<i64>,
}

impl Summary {
    /// Add up.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a LedgerRow>) -> Self {
        let mut summary = Self::default();
        let (mut leads, mut recoveries) = (Vec::new(), Vec::new());
        for row in rows {
            let deployment = &row.deployment;
            summary.over += 1;
            summary.succeeded += u64::from(deployment.succeeded);
            summary.failed += u64::from(deployment.failed);
            summary.rework += u64::from(deployment.rework);
            recoveries.extend(deployment.recovery.as_ref().map(|(_, micros)| *micros));
            leads.extend(row.changes.iter().map(|change| change.lead_micros));
        }
        summary.recovered = recoveries.len() as u64;
        summary.changes = leads.len() as u64;
        summary.lead_micros_p50 = median(&mut leads);
        summary.recovery_micros_p50 = median(&mut recoveries);
        summary
    }
}

/// One summary per service and environment, in their order; they are never blended.
pub fn per_scope(rows: &[LedgerRow]) -> Vec<(&str, &str, Summary)> {
    let mut scopes: BTreeMap<(&str, &str), Vec<&LedgerRow>> = BTreeMap::new();
    for row in rows {
        scopes.entry((&row.service, &row.environment)).or_default().push(row);
    }
    scopes.into_iter().map(|((service, environment), rows)| (service, environment, Summary::of(rows))).collect()
}

/// One summary per day (UTC) that the window touches, by the end of the deployments.
pub fn per_day(rows: &[LedgerRow], window: Window) -> Vec<(Timestamp, Summary)> {
    let day_of = |at: Timestamp| at.0.div_euclid(DAY);
    let mut days: BTreeMap<i64, Vec<&LedgerRow>> = BTreeMap::new();
    for row in rows {
        days.entry(day_of(row.deployment.finished_at)).or_default().push(row);
    }
    (day_of(window.from)..=day_of(window.to.plus_micros(-1)))
        .map(|day| (Timestamp(day.saturating_mul(DAY)), Summary::of(days.remove(&day).unwrap_or_default())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::dora::{ChangeRow, Deployed, DeploymentRow, derive};
    use super::*;

    fn row(service: &str, deployment: DeploymentRow, leads: &[i64]) -> LedgerRow {
        let change = |lead: &i64| ChangeRow {
            change: format!("c{lead}").into(),
            deployment: deployment.deployment.clone(),
            lead_micros: *lead,
        };
        LedgerRow {
            service: service.to_owned(),
            environment: "production".to_owned(),
            changes: leads.iter().map(change).collect(),
            deployment,
        }
    }

    fn ledger() -> Vec<LedgerRow> {
        let deployed = |id: &str, at: i64, succeeded, rollback| Deployed {
            id: id.into(),
            asked_at: Timestamp(at),
            finished_at: Timestamp(at),
            succeeded,
            rollback,
        };
        let rows = derive(&[
            deployed("d1", DAY, true, false),
            deployed("d2", 2 * DAY, false, false),
            deployed("d3", 2 * DAY + 500, true, false),
            deployed("d4", 4 * DAY, true, true),
        ]);
        let leads: [&[i64]; 4] = [&[10, 20], &[], &[60], &[]];
        rows.into_iter().zip(leads).map(|(deployment, leads)| row("acme/shop", deployment, leads)).collect()
    }

    #[test]
    fn a_summary_counts_failures_recoveries_and_rework() {
        let rows = ledger();
        let summary = Summary::of(&rows);
        assert_eq!(
            (summary.over, summary.succeeded, summary.failed, summary.recovered, summary.rework, summary.changes),
            (4, 3, 2, 2, 2, 3)
        );
        assert_eq!(summary.lead_micros_p50, Some(20));
        assert_eq!(summary.recovery_micros_p50, median(&mut [500, 2 * DAY - 500]));
        assert_eq!(per_scope(&rows), vec![("acme/shop", "production", summary)]);
    }

    #[test]
    fn days_without_deployments_are_there_and_empty() {
        let days = per_day(&ledger(), Window { from: Timestamp(DAY), to: Timestamp(5 * DAY) });
        let over: Vec<u64> = days.iter().map(|(_, summary)| summary.over).collect();
        assert_eq!(over, [1, 2, 0, 1]);
        assert_eq!(days[0].0, Timestamp(DAY));
        assert_eq!(days[2].1, Summary::default());
    }

    #[test]
    fn a_window_has_a_start_an_end_and_a_limit() {
        let now = Timestamp(1000 * DAY);
        let day = |n: i64| Some(Timestamp(n * DAY));
        assert_eq!(Window::of(None, None, now).map(Window::days), Ok(30.0));
        assert_eq!(Window::of(day(600), None, now).map(Window::days), Ok(400.0));
        assert_eq!(Window::of(day(599), None, now), Err(WindowError::TooLong));
        assert_eq!(Window::of(day(10), day(10), now), Err(WindowError::Backwards));
        assert_eq!(Window::of(day(1001), None, now), Err(WindowError::Backwards));
    }
}
