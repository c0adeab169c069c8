//! Bringing the ledger up to date with some deployments and changes.
//!
//! The ledger computes from its own copy of what a deployment is (its input), never from the read model beside it,
//! which may already be further along than the events that were taken in. Every move of an input is thus seen with
//! the place that it leaves and the place that it goes to, and both neighbourhoods are derived again.

use super::slice::{self, Moved, Scope};
use crate::sql::Conn;
use crate::sql::error::Error;
use crate::sql::query::{query, query_as};
use opssight_core::delivery::dora::{ChangeRow, Deployed, Landed, carried};
use opssight_core::id::{ChangeId, DeploymentId};
use opssight_core::time::Timestamp;
use sqlx::FromRow;
use std::collections::BTreeMap;

/// What the metrics need of a deployment that is over.
#[derive(FromRow, PartialEq)]
struct Input {
    connection: String,
    service: String,
    environment: String,
    asked_at: i64,
    finished_at: i64,
    succeeded: i64,
    is_rollback: i64,
}

impl Input {
    fn scope(&self) -> Scope {
        Scope {
            connection: self.connection.clone(),
            service: self.service.clone(),
            environment: self.environment.clone(),
        }
    }
}

/// These deployments and changes may be different from what the ledger knows of them, or gone.
pub(in crate::sql) async fn take_in(conn: &mut Conn, deployments: &[String], changes: &[String]) -> Result<(), Error> {
    let mut moved: BTreeMap<Scope, Vec<Moved>> = BTreeMap::new();
    for id in deployments {
        let known: Option<Input> = query_as(
            "SELECT connection, service, environment, asked_at, finished_at, succeeded, is_rollback
             FROM ledger_deployments WHERE deployment = $1",
        )
        .bind(id)
        .fetch_optional(&mut *conn)
        .await?;
        let now: Option<Input> = query_as(
            "SELECT connection, service, environment, asked_at, finished_at,
                    CAST(CASE WHEN outcome = 'succeeded' THEN 1 ELSE 0 END AS BIGINT) AS succeeded, is_rollback
             FROM deployments WHERE id = $1 AND asked_at IS NOT NULL",
        )
        .bind(id)
        .fetch_optional(&mut *conn)
        .await?;
        if known == now {
            continue;
        }
        for input in known.iter().chain(&now) {
            let place = (input.asked_at, id.clone());
            moved.entry(input.scope()).or_default().push(Moved { place, carries: input.succeeded != 0 });
        }
        write_input(conn, id, now).await?;
    }
    for (scope, moved) in moved {
        slice::derive_around(conn, &scope, moved).await?;
    }
    for id in changes {
        carry(conn, id).await?;
    }
    Ok(())
}

async fn write_input(conn: &mut Conn, id: &str, input: Option<Input>) -> Result<(), Error> {
    let Some(input) = input else {
        query("DELETE FROM ledger_deployments WHERE deployment = $1").bind(id).execute(conn).await?;
        return Ok(());
    };
    // What it means is written when its new neighbourhood is derived.
    query(
        "INSERT INTO ledger_deployments (deployment, connection, service, environment, asked_at, finished_at,
                                         succeeded, is_rollback)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (deployment) DO UPDATE SET
             connection = excluded.connection, service = excluded.service, environment = excluded.environment,
             asked_at = excluded.asked_at, finished_at = excluded.finished_at, succeeded = excluded.succeeded,
             is_rollback = excluded.is_rollback",
    )
    .bind(id)
    .bind(input.connection)
    .bind(input.service)
    .bind(input.environment)
    .bind(input.asked_at)
    .bind(input.finished_at)
    .bind(input.succeeded)
    .bind(input.is_rollback)
    .execute(conn)
    .await?;
    Ok(())
}

#[derive(FromRow)]
struct LandedRow {
    connection: String,
    service: String,
    begun_at: i64,
    merged_at: i64,
}

/// One change anew, in every environment of its service.
async fn carry(conn: &mut Conn, id: &str) -> Result<(), Error> {
    let landed: Option<LandedRow> = query_as(
        "SELECT connection, service, COALESCE(begun_at, merged_at) AS begun_at, merged_at FROM changes
         WHERE id = $1 AND merged_at IS NOT NULL",
    )
    .bind(id)
    .fetch_optional(&mut *conn)
    .await?;
    let known: Vec<KnownChange> = query_as(
        "SELECT change_id, environment, deployment, finished_at, lead_us FROM ledger_changes WHERE change_id = $1",
    )
    .bind(id)
    .fetch_all(&mut *conn)
    .await?;
    let Some(landed) = landed else {
        for row in known {
            delete_change(conn, id, &row.environment).await?;
        }
        return Ok(());
    };
    let carriers = carriers(conn, &landed).await?;
    let change = Landed {
        id: ChangeId(id.to_owned()),
        begun_at: Timestamp(landed.begun_at),
        merged_at: Timestamp(landed.merged_at),
    };
    for row in known.iter().filter(|row| !carriers.contains_key(&row.environment)) {
        delete_change(conn, id, &row.environment).await?;
    }
    for (environment, carrier) in carriers {
        let finished_at = carrier.finished_at.0;
        for row in carried(&[carrier], std::slice::from_ref(&change)) {
            let new = KnownChange::of(&row, &environment, finished_at);
            if !known.contains(&new) {
                write_change(conn, &landed.service, new).await?;
            }
        }
    }
    Ok(())
}

/// In each environment of the service, the first success that was asked for at or after the change landed.
async fn carriers(conn: &mut Conn, landed: &LandedRow) -> Result<BTreeMap<String, Deployed>, Error> {
    // The recursion hops over the index from one environment to the next.
    let rows: Vec<(String, String, i64, i64)> = query_as(
        "WITH RECURSIVE hop (environment) AS (
             SELECT MIN(environment) FROM ledger_deployments WHERE connection = $1 AND service = $2
             UNION ALL
             SELECT (SELECT MIN(l.environment) FROM ledger_deployments l
                     WHERE l.connection = $1 AND l.service = $2 AND l.environment > hop.environment)
             FROM hop WHERE hop.environment IS NOT NULL)
         SELECT d.environment, d.deployment, d.asked_at, d.finished_at
         FROM hop JOIN ledger_deployments d ON d.deployment = (
             SELECT l.deployment FROM ledger_deployments l
             WHERE l.connection = $1 AND l.service = $2 AND l.environment = hop.environment
               AND l.succeeded = 1 AND l.asked_at >= $3
             ORDER BY l.asked_at, l.deployment LIMIT 1)",
    )
    .bind(landed.connection.as_str())
    .bind(landed.service.as_str())
    .bind(landed.merged_at)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(environment, id, asked_at, finished_at)| {
            let deployed = Deployed {
                id: DeploymentId(id),
                asked_at: Timestamp(asked_at),
                finished_at: Timestamp(finished_at),
                succeeded: true,
                rollback: false,
            };
            (environment, deployed)
        })
        .collect())
}

/// A row of `ledger_changes` without its service, which follows from the change.
#[derive(FromRow, PartialEq)]
pub(super) struct KnownChange {
    pub(super) change_id: String,
    pub(super) environment: String,
    deployment: String,
    finished_at: i64,
    lead_us: i64,
}

impl KnownChange {
    pub(super) fn of(row: &ChangeRow, environment: &str, finished_at: i64) -> Self {
        Self {
            change_id: row.change.0.clone(),
            environment: environment.to_owned(),
            deployment: row.deployment.0.clone(),
            finished_at,
            lead_us: row.lead_micros,
        }
    }
}

pub(super) async fn write_change(conn: &mut Conn, service: &str, row: KnownChange) -> Result<(), Error> {
    query(
        "INSERT INTO ledger_changes (change_id, environment, service, deployment, finished_at, lead_us)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (change_id, environment) DO UPDATE SET
             service = excluded.service, deployment = excluded.deployment, finished_at = excluded.finished_at,
             lead_us = excluded.lead_us",
    )
    .bind(row.change_id)
    .bind(row.environment)
    .bind(service)
    .bind(row.deployment)
    .bind(row.finished_at)
    .bind(row.lead_us)
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn delete_change(conn: &mut Conn, change: &str, environment: &str) -> Result<(), Error> {
    query("DELETE FROM ledger_changes WHERE change_id = $1 AND environment = $2")
        .bind(change)
        .bind(environment)
        .execute(conn)
        .await?;
    Ok(())
}
