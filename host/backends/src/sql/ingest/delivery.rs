//! Deployments, releases and repositories.

use super::{Scope, json, learnt};
use crate::sql::Conn;
use crate::sql::error::Error;
use opssight_core::delivery::{Deployment, DeploymentDoc, Outcome, ReleaseDoc, RepositoryDoc};
use opssight_core::fact::clean;
use opssight_core::id::DeploymentId;
use opssight_core::time::Timestamp;
use opssight_core::vocabulary as wire;
use serde_json::json;

/// A deployment's place in the ledger's order; none until it is over. One that was replaced before anything was
/// known of it says nothing about how well deploying works.
fn asked_at(deployment: &Deployment) -> Option<Timestamp> {
    match deployment.outcome {
        Outcome::Succeeded | Outcome::Failed => deployment.created_at.or(deployment.finished_at),
        Outcome::Pending | Outcome::Superseded => None,
    }
}

pub(super) async fn deployment(
    conn: &mut Conn,
    scope: &Scope<'_>,
    seen: &wire::Deployment,
    at: Timestamp,
) -> Result<u32, Error> {
    let id = DeploymentId::of(scope.connection, &seen.id);
    let stored = sqlx::query_scalar("SELECT doc FROM deployments WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(&mut *conn)
        .await?;
    let learn = |doc: &mut DeploymentDoc| doc.learn(seen, at);
    let Some(doc) = learnt(stored, "deployment", DeploymentDoc::default, learn)? else { return Ok(0) };
    let deployment = doc.view(scope.connection);
    let event = json!({
        "service": deployment.service, "environment": deployment.environment, "commit": deployment.commit,
        "state": deployment.state, "outcome": deployment.outcome,
    });
    // SQLite: two statements in one trip; they share their parameters.
    sqlx::query(
        "INSERT INTO deployments (id, connection, service, environment, outcome, is_rollback, asked_at, finished_at,
                                  sort_at, doc)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (id) DO UPDATE SET
             service = excluded.service, environment = excluded.environment, outcome = excluded.outcome,
             is_rollback = excluded.is_rollback, asked_at = excluded.asked_at, finished_at = excluded.finished_at,
             sort_at = excluded.sort_at, doc = excluded.doc;
         INSERT INTO events (kind, connection, subject, at, data) VALUES ($11, $2, $1, $12, $13)",
    )
    .bind(id.as_str())
    .bind(scope.connection.as_str())
    .bind(deployment.service.as_str())
    .bind(deployment.environment.as_str())
    .bind(deployment.outcome.as_str())
    .bind(i64::from(deployment.is_rollback()))
    .bind(asked_at(&deployment).map(|at| at.0))
    .bind(deployment.finished_at.map(|at| at.0))
    .bind(deployment.sort_at().0)
    .bind(json(&doc)?)
    .bind(deployment.event_type())
    .bind(scope.now.0)
    .bind(event.to_string())
    .execute(conn)
    .await?;
    Ok(1)
}

pub(super) async fn release(
    conn: &mut Conn,
    scope: &Scope<'_>,
    seen: &wire::Release,
    at: Timestamp,
) -> Result<u32, Error> {
    // The document knows how its id follows from what was seen.
    let mut fresh = ReleaseDoc::default();
    fresh.learn(seen, at);
    let id = fresh.view(scope.connection).id;
    let stored = sqlx::query_scalar("SELECT doc FROM releases WHERE id = $1")
        .bind(id.as_str())
        .fetch_optional(&mut *conn)
        .await?;
    let learn = |doc: &mut ReleaseDoc| doc.learn(seen, at);
    let Some(doc) = learnt(stored, "release", ReleaseDoc::default, learn)? else { return Ok(0) };
    let release = doc.view(scope.connection);
    let event = json!({
        "service": release.service, "tag": release.tag, "prerelease": release.prerelease, "deleted": release.deleted,
    });
    // SQLite: two statements in one trip; they share their parameters.
    sqlx::query(
        "INSERT INTO releases (id, connection, service, tag, deleted, sort_at, doc)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (id) DO UPDATE SET
             service = excluded.service, tag = excluded.tag, deleted = excluded.deleted, sort_at = excluded.sort_at,
             doc = excluded.doc;
         INSERT INTO events (kind, connection, subject, at, data) VALUES ($8, $2, $1, $9, $10)",
    )
    .bind(id.as_str())
    .bind(scope.connection.as_str())
    .bind(release.service.as_str())
    .bind(release.tag.as_str())
    .bind(i64::from(release.deleted))
    .bind(release.at.0)
    .bind(json(&doc)?)
    // CDEvents has no word for a release.
    .bind("dev.opssight.release.updated.0.1.0")
    .bind(scope.now.0)
    .bind(event.to_string())
    .execute(conn)
    .await?;
    Ok(1)
}

pub(super) async fn repository(
    conn: &mut Conn,
    scope: &Scope<'_>,
    seen: &wire::Repository,
    at: Timestamp,
) -> Result<u32, Error> {
    let service = clean(&seen.service);
    let stored = sqlx::query_scalar("SELECT doc FROM repositories WHERE connection = $1 AND service = $2")
        .bind(scope.connection.as_str())
        .bind(service.as_str())
        .fetch_optional(&mut *conn)
        .await?;
    let learn = |doc: &mut RepositoryDoc| doc.learn(seen, at);
    let Some(doc) = learnt(stored, "repository", RepositoryDoc::default, learn)? else { return Ok(0) };
    let repository = doc.view();
    let event = json!({
        "service": repository.service, "archived": repository.archived, "removed": repository.removed,
    });
    // SQLite: two statements in one trip; they share their parameters.
    sqlx::query(
        "INSERT INTO repositories (connection, service, archived, removed, doc) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (connection, service) DO UPDATE SET
             archived = excluded.archived, removed = excluded.removed, doc = excluded.doc;
         INSERT INTO events (kind, connection, subject, at, data) VALUES ($6, $1, $2, $7, $8)",
    )
    .bind(scope.connection.as_str())
    .bind(service)
    .bind(i64::from(repository.archived))
    .bind(i64::from(repository.removed))
    .bind(json(&doc)?)
    .bind(if repository.removed {
        "dev.cdevents.repository.deleted.0.3.0"
    } else {
        "dev.cdevents.repository.modified.0.3.0"
    })
    .bind(scope.now.0)
    .bind(event.to_string())
    .execute(conn)
    .await?;
    Ok(1)
}
