//! Deriving a part of a scope's ledger again.
//!
//! What a deployment means depends on nothing beyond the nearest success on each side (see `delivery::dora`). When
//! one changes, what can mean something else now lies between the nearest success before it and the nearest after it,
//! both included; to derive those, one more success on each side is needed. Between two successes, everything can be
//! derived without looking further.

use super::ledger::StoredRow;
use super::take_in::{KnownChange, delete_change, write_change};
use crate::sql::Conn;
use crate::sql::error::Error;
use crate::sql::query::{query, query_as};
use opssight_core::delivery::dora::{Deployed, DeploymentRow, Landed, carried, derive};
use opssight_core::id::ChangeId;
use opssight_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What shares one order of deployments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope {
    pub(super) connection: String,
    pub(super) service: String,
    pub(super) environment: String,
}

/// A place in the order: when it was asked for, and the id.
type Place = (i64, String);

/// Before and after every place: ids begin with a letter.
fn first() -> Place {
    (i64::MIN, String::new())
}

fn last() -> Place {
    (i64::MAX, "~".to_owned())
}

/// A deployment came to this place, left it, or is different there.
pub(super) struct Moved {
    pub(super) place: Place,
    /// It succeeded (before or after): which changes it carries is different too.
    pub(super) carries: bool,
}

/// What has to be derived again.
struct Slice {
    /// The second success before, not to be written; or the beginning.
    from: Place,
    /// The second success after, not to be written; or the end.
    to: Place,
    /// Changes that landed in `(after, until]`.
    landed: Option<(i64, i64)>,
}

pub(super) async fn derive_around(conn: &mut Conn, scope: &Scope, mut moved: Vec<Moved>) -> Result<(), Error> {
    moved.sort_by(|a, b| a.place.cmp(&b.place));
    let mut slices: Vec<Slice> = Vec::new();
    for moved in moved {
        let new = slice_around(conn, scope, moved).await?;
        match slices.last_mut() {
            Some(known) if new.from < known.to => known.join(new),
            _ => slices.push(new),
        }
    }
    for slice in slices {
        let rows = load(conn, scope, &slice).await?;
        let deployed: Vec<Deployed> = rows.iter().map(StoredRow::deployed).collect();
        for (known, row) in rows.iter().zip(derive(&deployed)) {
            let place = (known.asked_at, known.deployment.clone());
            if place > slice.from && place < slice.to && known.row() != row {
                write_row(conn, row).await?;
            }
        }
        if let Some((after, until)) = slice.landed {
            carry_range(conn, scope, &deployed, after, until).await?;
        }
    }
    Ok(())
}

impl Slice {
    /// Take in the slice of a later place that overlaps this one.
    fn join(&mut self, other: Slice) {
        self.from = self.from.clone().min(other.from);
        self.to = self.to.clone().max(other.to);
        self.landed = match (self.landed, other.landed) {
            (Some((after, until)), Some((other_after, other_until))) => {
                Some((after.min(other_after), until.max(other_until)))
            }
            (one, other) => one.or(other),
        };
    }
}

pub(in crate::sql) const SUCCESSES_BEFORE: &str = "SELECT asked_at, deployment FROM ledger_deployments
    WHERE connection = $1 AND service = $2 AND environment = $3 AND succeeded = 1
      AND (asked_at, deployment) < ($4, $5)
    ORDER BY asked_at DESC, deployment DESC LIMIT 2";

pub(in crate::sql) const SUCCESSES_AFTER: &str = "SELECT asked_at, deployment FROM ledger_deployments
    WHERE connection = $1 AND service = $2 AND environment = $3 AND succeeded = 1
      AND (asked_at, deployment) > ($4, $5)
    ORDER BY asked_at, deployment LIMIT 2";

pub(in crate::sql) const ROWS_BETWEEN: &str = "SELECT * FROM ledger_deployments
    WHERE connection = $1 AND service = $2 AND environment = $3
      AND (asked_at, deployment) >= ($4, $5) AND (asked_at, deployment) <= ($6, $7)
    ORDER BY asked_at, deployment";

async fn slice_around(conn: &mut Conn, scope: &Scope, moved: Moved) -> Result<Slice, Error> {
    let (asked_at, id) = moved.place;
    let before: Vec<Place> = query_as(SUCCESSES_BEFORE)
        .bind(scope.connection.as_str())
        .bind(scope.service.as_str())
        .bind(scope.environment.as_str())
        .bind(asked_at)
        .bind(id.as_str())
        .fetch_all(&mut *conn)
        .await?;
    let after: Vec<Place> = query_as(SUCCESSES_AFTER)
        .bind(scope.connection.as_str())
        .bind(scope.service.as_str())
        .bind(scope.environment.as_str())
        .bind(asked_at)
        .bind(id)
        .fetch_all(conn)
        .await?;
    let landed_after = before.first().map_or(i64::MIN, |(at, _)| *at);
    Ok(Slice {
        from: before.into_iter().nth(1).unwrap_or_else(first),
        to: after.into_iter().nth(1).unwrap_or_else(last),
        landed: moved.carries.then_some((landed_after, asked_at)),
    })
}

/// A slice's rows, in order, with the successes at its ends.
async fn load(conn: &mut Conn, scope: &Scope, slice: &Slice) -> Result<Vec<StoredRow>, Error> {
    Ok(query_as(ROWS_BETWEEN)
        .bind(scope.connection.as_str())
        .bind(scope.service.as_str())
        .bind(scope.environment.as_str())
        .bind(slice.from.0)
        .bind(slice.from.1.as_str())
        .bind(slice.to.0)
        .bind(slice.to.1.as_str())
        .fetch_all(conn)
        .await?)
}

async fn write_row(conn: &mut Conn, row: DeploymentRow) -> Result<(), Error> {
    let (recovery_by, recovery_us) = row.recovery.unzip();
    query(
        "UPDATE ledger_deployments SET failed = $2, taken_back_by = $3, recovery_by = $4, recovery_us = $5,
                repairs = $6, rework = $7
         WHERE deployment = $1",
    )
    .bind(row.deployment.0)
    .bind(i64::from(row.failed))
    .bind(row.taken_back_by.map(|id| id.0))
    .bind(recovery_by.map(|id| id.0))
    .bind(recovery_us)
    .bind(row.repairs.map(|id| id.0))
    .bind(i64::from(row.rework))
    .execute(conn)
    .await?;
    Ok(())
}

/// Which deployment carried the changes that landed in `(after, until]`.
async fn carry_range(
    conn: &mut Conn,
    scope: &Scope,
    deployed: &[Deployed],
    after: i64,
    until: i64,
) -> Result<(), Error> {
    let rows: Vec<(String, i64, i64)> = query_as(
        "SELECT id, COALESCE(begun_at, merged_at), merged_at FROM changes
         WHERE connection = $1 AND service = $2 AND merged_at > $3 AND merged_at <= $4",
    )
    .bind(scope.connection.as_str())
    .bind(scope.service.as_str())
    .bind(after)
    .bind(until)
    .fetch_all(&mut *conn)
    .await?;
    let known: Vec<KnownChange> = query_as(
        "SELECT l.change_id, l.environment, l.deployment, l.finished_at, l.lead_us
         FROM changes c JOIN ledger_changes l ON l.change_id = c.id AND l.environment = $5
         WHERE c.connection = $1 AND c.service = $2 AND c.merged_at > $3 AND c.merged_at <= $4",
    )
    .bind(scope.connection.as_str())
    .bind(scope.service.as_str())
    .bind(after)
    .bind(until)
    .bind(scope.environment.as_str())
    .fetch_all(&mut *conn)
    .await?;
    let landed: Vec<Landed> = rows
        .into_iter()
        .map(|(id, begun_at, merged_at)| Landed {
            id: ChangeId(id),
            begun_at: Timestamp(begun_at),
            merged_at: Timestamp(merged_at),
        })
        .collect();
    let ends: BTreeMap<&str, i64> = deployed.iter().map(|one| (one.id.as_str(), one.finished_at.0)).collect();
    let rows = carried(deployed, &landed);
    let still: BTreeSet<&str> = rows.iter().map(|row| row.change.as_str()).collect();
    for gone in known.iter().filter(|known| !still.contains(known.change_id.as_str())) {
        delete_change(conn, &gone.change_id, &gone.environment).await?;
    }
    let known: BTreeMap<&str, &KnownChange> = known.iter().map(|row| (row.change_id.as_str(), row)).collect();
    for row in &rows {
        let finished_at = ends.get(row.deployment.as_str()).copied().unwrap_or_default();
        let new = KnownChange::of(row, &scope.environment, finished_at);
        if known.get(row.change.as_str()) != Some(&&new) {
            write_change(conn, &scope.service, new).await?;
        }
    }
    Ok(())
}
