//! Evidence, with the reason why it counts in words.

use chrono::SecondsFormat;
use opssight_api_types::delivery::{Change, Deployment, Evidence};
use opssight_core::delivery as core;
use opssight_core::delivery::dora::{DeploymentRow, Metric};
use opssight_core::time::Timestamp;

/// A piece of evidence as people see it.
pub(super) fn shown(metric: Metric, evidence: core::Evidence) -> Evidence {
    let core::Evidence { row, deployment, change } = evidence;
    let recovery = row.recovery.as_ref();
    let (micros, related) = match metric {
        Metric::DeploymentFrequency => (None, None),
        Metric::ChangeLeadTime => (change.as_ref().map(|(row, _)| row.lead_micros), None),
        Metric::ChangeFailRate => (None, row.taken_back_by.as_ref()),
        Metric::FailedDeploymentRecoveryTime => (recovery.map(|(_, micros)| *micros), recovery.map(|(by, _)| by)),
        Metric::DeploymentReworkRate => (None, row.repairs.as_ref()),
    };
    Evidence {
        value_ms: micros.map(|micros| micros.div_euclid(1000)),
        related: related.map(ToString::to_string),
        because: because(metric, &row, change.as_ref().map(|(_, change)| change)),
        deployment: Deployment::of(deployment, Some(&row)),
        change: change.map(|(_, change)| Change::from(change)),
    }
}

fn because(metric: Metric, row: &DeploymentRow, change: Option<&core::Change>) -> String {
    let ended = time(Some(row.finished_at));
    match metric {
        Metric::DeploymentFrequency => format!("it succeeded, at {ended}"),
        Metric::ChangeLeadTime => match change {
            Some(change) => format!(
                "change #{} was begun at {} and landed at {}; this is the first successful deployment that was asked for after that, and it ended at {ended}",
                change.number,
                time(change.begun_at()),
                time(change.merged_at),
            ),
            None => format!("it carried the change first, and ended at {ended}"),
        },
        Metric::ChangeFailRate => match &row.taken_back_by {
            Some(by) => format!("it succeeded at {ended}, and the rollback {by} took it back"),
            None if row.failed => format!("it failed, at {ended}"),
            None => format!("it is over since {ended} and did not fail: it counts in the whole"),
        },
        Metric::FailedDeploymentRecoveryTime => match &row.recovery {
            Some((by, micros)) => format!("it failed, at {ended}; {by} succeeded {} after that", length(*micros)),
            None => format!("it failed, at {ended}; no deployment has succeeded since"),
        },
        Metric::DeploymentReworkRate => match &row.repairs {
            Some(repaired) => format!("it repaired {repaired}: it is the success that ended that failure"),
            None if row.rework => "it says of itself that it takes an earlier deployment back".to_owned(),
            None => format!("it is over since {ended} and repairs nothing: it counts in the whole"),
        },
    }
}

fn time(at: Option<Timestamp>) -> String {
    at.and_then(Timestamp::to_utc)
        .map_or_else(|| "an unknown time".to_owned(), |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// The two largest units.
fn length(micros: i64) -> String {
    let secs = micros.max(0).div_euclid(1_000_000);
    let units = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut rest = secs;
    let mut parts = Vec::new();
    for (size, unit) in units {
        let n = rest.div_euclid(size);
        rest = rest.rem_euclid(size);
        if n > 0 {
            parts.push(format!("{n} {unit}"));
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> DeploymentRow {
        DeploymentRow {
            deployment: "dep_1".into(),
            asked_at: Timestamp(0),
            finished_at: Timestamp::from_millis(1_767_225_600_000),
            succeeded: false,
            failed: true,
            taken_back_by: None,
            recovery: Some(("dep_2".into(), 5_400_000_000)),
            repairs: None,
            rework: false,
        }
    }

    #[test]
    fn each_metric_gives_its_own_reason() {
        let check = |metric, row: &DeploymentRow, expect: &str| assert_eq!(because(metric, row, None), expect);
        check(Metric::ChangeFailRate, &row(), "it failed, at 2026-01-01T00:00:00Z");
        check(
            Metric::FailedDeploymentRecoveryTime,
            &row(),
            "it failed, at 2026-01-01T00:00:00Z; dep_2 succeeded 1 h 30 min after that",
        );
        let rollback = DeploymentRow { rework: true, ..row() };
        check(Metric::DeploymentReworkRate, &rollback, "it says of itself that it takes an earlier deployment back");
        let taken_back = DeploymentRow { succeeded: true, taken_back_by: Some("dep_3".into()), ..row() };
        check(
            Metric::ChangeFailRate,
            &taken_back,
            "it succeeded at 2026-01-01T00:00:00Z, and the rollback dep_3 took it back",
        );
    }

    #[test]
    fn lengths_are_short() {
        for (micros, expect) in
            [(0, "0 s"), (61_000_000, "1 min 1 s"), (90_061_000_000, "1 d 1 h"), (-5_000_000, "0 s")]
        {
            assert_eq!(length(micros), expect);
        }
    }
}
