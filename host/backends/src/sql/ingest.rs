//! From items to rows: load the documents that a call's items touch, let them learn, write those that are different
//! now, and append events. Everything runs in the transaction of whoever calls, in few trips to the connection: one
//! to load, one to write, one more if commits are spoken of.
//!
//! Nothing that is written here may depend on when or in which order items come; events do, they are the log.

mod changes;
mod commits;
mod delivery;
mod docs;
mod pipelines;

use super::error::Error;
use super::{Conn, Store, plugins};
use crate::sql::query::{Builder, Trip};
use async_trait::async_trait;
use changes::ChangeRow;
use delivery::{DeploymentRow, ReleaseRow, RepositoryRow};
use docs::{Docs, push_rows};
use opssight_core::delivery::{ChangeDoc, DeploymentDoc, ReleaseDoc, RepositoryDoc};
use opssight_core::error::StoreError;
use opssight_core::events::Topic;
use opssight_core::id::ConnectionId;
use opssight_core::ingest::{Applied, Effect, Ingest};
use opssight_core::items::{Body, Item};
use opssight_core::pipelines::{JobDoc, RunDoc};
use opssight_core::time::Timestamp;
use pipelines::{JobRow, RunRow};
use serde::Serialize;

/// A write that must go first, and whether it found its row: it returns `('held', '', '')` if it did.
pub(super) type First = Builder;

/// Rows of one statement; SQLite takes 32,766 parameters, PostgreSQL 65,535.
const ROWS_AT_ONCE: usize = 100;

/// Take in what a call brought.
pub(super) async fn apply(conn: &mut Conn, effect: &Effect) -> Result<Applied, Error> {
    Ok(apply_after(conn, effect, None).await?.unwrap_or_default())
}

/// Take in what a call brought, if the first write finds its row.
pub(super) async fn apply_after(
    conn: &mut Conn,
    effect: &Effect,
    first: Option<First>,
) -> Result<Option<Applied>, Error> {
    // Documents are read, learn, and are written: nobody else may do so in between.
    conn.alone().await?;
    let mut batch = Batch::new(&effect.connection, effect.now);
    let keys = effect.items.iter().map(|item| batch.want(item)).collect::<Result<Vec<_>, _>>()?;
    if !batch.load(conn, first).await? {
        return Ok(None);
    }
    let met = commits::meet(conn, &effect.connection, &effect.items).await?;
    for change in met.written.keys() {
        batch.changes.want(change.clone());
    }
    batch.load(conn, None).await?;
    batch.written = met.written;
    let mut applied = Applied { items: 0, changed: met.commits };
    for (item, key) in effect.items.iter().zip(&keys) {
        applied.items = applied.items.saturating_add(1);
        applied.changed = applied.changed.saturating_add(u32::from(batch.learn(item, key)?));
    }
    applied.changed = applied.changed.saturating_add(batch.learn_commits()?);
    batch.write(conn).await?;
    plugins::remember(conn, effect.connection.as_str(), &effect.state).await?;
    Ok(Some(applied))
}

/// The documents that a call's items touch, and the events that come of it.
struct Batch<'a> {
    connection: &'a ConnectionId,
    now: Timestamp,
    runs: Docs<RunDoc, RunRow>,
    jobs: Docs<JobDoc, JobRow>,
    deployments: Docs<DeploymentDoc, DeploymentRow>,
    releases: Docs<ReleaseDoc, ReleaseRow>,
    changes: Docs<ChangeDoc, ChangeRow>,
    repositories: Docs<RepositoryDoc, RepositoryRow>,
    /// When commits of changes were written, by change, until the change has learnt it.
    written: std::collections::BTreeMap<String, Timestamp>,
    events: Vec<NewEvent>,
}

struct NewEvent {
    kind: &'static str,
    subject: String,
    data: String,
}

impl<'a> Batch<'a> {
    fn new(connection: &'a ConnectionId, now: Timestamp) -> Self {
        Self {
            connection,
            now,
            runs: Docs::new("run"),
            jobs: Docs::new("job"),
            deployments: Docs::new("deployment"),
            releases: Docs::new("release"),
            changes: Docs::new("change"),
            repositories: Docs::new("repository"),
            written: Default::default(),
            events: Vec::new(),
        }
    }

    /// The id of the document that an item is about, which will be loaded.
    fn want(&mut self, item: &Item) -> Result<String, Error> {
        let connection = self.connection;
        Ok(match &item.body {
            Body::Run(seen) => self.runs.want(pipelines::run_id(connection, seen)),
            Body::Job(seen) => self.jobs.want(pipelines::job_id(connection, seen)),
            Body::Deployment(seen) => self.deployments.want(delivery::deployment_id(connection, seen)),
            Body::Release(seen) => self.releases.want(delivery::release_id(connection, seen)),
            Body::Repository(seen) => self.repositories.want(opssight_core::fact::clean(&seen.service)),
            Body::Change(seen) => self.changes.want(changes::id(connection, &seen.service, seen.number)),
            Body::Review(seen) => self.changes.want(changes::id(connection, &seen.service, seen.change)),
            // Commits are no documents.
            Body::Push(_) => String::new(),
            // The list of kinds may grow; an item must never vanish silently.
            _ => return Err(Error::UnknownKind),
        })
    }

    /// Load what is wanted and not loaded. False: the first write found no row, nothing was loaded.
    async fn load(&mut self, conn: &mut Conn, first: Option<First>) -> Result<bool, Error> {
        let guarded = first.is_some();
        let mut trip = Trip::default();
        if let Some(first) = first {
            trip.push(first);
        }
        let mut sql = Builder::default();
        for (select, ids) in [
            ("SELECT 'run', id, doc FROM runs WHERE id", self.runs.missing()?),
            ("SELECT 'job', id, doc FROM jobs WHERE id", self.jobs.missing()?),
            ("SELECT 'deployment', id, doc FROM deployments WHERE id", self.deployments.missing()?),
            ("SELECT 'release', id, doc FROM releases WHERE id", self.releases.missing()?),
            ("SELECT 'change', id, doc FROM changes WHERE id", self.changes.missing()?),
            ("SELECT 'repository', service, doc FROM repositories WHERE service", self.repositories.missing()?),
        ] {
            let Some(ids) = ids else { continue };
            if !sql.is_empty() {
                sql.push(" UNION ALL ");
            }
            // Any number of ids is the same statement.
            sql.push(select).push(" IN (SELECT value FROM json_each(").push_bind(ids).push("))");
            if select.contains("repositories") {
                sql.push(" AND connection = ").push_bind(self.connection.0.clone());
            }
        }
        if !sql.is_empty() {
            trip.push(sql);
        }
        if trip.is_empty() {
            return Ok(true);
        }
        let rows: Vec<(String, String, String)> = trip.fetch_all(conn).await?;
        let mut held = !guarded;
        for (kind, id, doc) in rows {
            match kind.as_str() {
                "held" => held = true,
                "run" => self.runs.put(&id, &doc)?,
                "job" => self.jobs.put(&id, &doc)?,
                "deployment" => self.deployments.put(&id, &doc)?,
                "release" => self.releases.put(&id, &doc)?,
                "change" => self.changes.put(&id, &doc)?,
                _ => self.repositories.put(&id, &doc)?,
            }
        }
        Ok(held)
    }

    /// Take in one item. Whether its document is different now.
    fn learn(&mut self, item: &Item, id: &str) -> Result<bool, Error> {
        match &item.body {
            Body::Run(seen) => self.learn_run(id, seen, item.at),
            Body::Job(seen) => self.learn_job(id, seen, item.at),
            Body::Deployment(seen) => self.learn_deployment(id, seen, item.at),
            Body::Release(seen) => self.learn_release(id, seen, item.at),
            Body::Repository(seen) => self.learn_repository(id, seen, item.at),
            Body::Change(seen) => self.learn_change(id, seen, item.at),
            Body::Review(seen) => self.learn_review(id, seen, item.at),
            Body::Push(_) => Ok(false),
            _ => Err(Error::UnknownKind),
        }
    }

    fn event(&mut self, kind: &'static str, subject: &str, data: &serde_json::Value) {
        self.events.push(NewEvent { kind, subject: subject.to_owned(), data: data.to_string() });
    }

    /// Write what is different now, and the events.
    async fn write(self, conn: &mut Conn) -> Result<(), Error> {
        let connection = self.connection.as_str();
        let mut trip = Trip::default();
        push_rows(&mut trip, connection, self.runs.rows());
        push_rows(&mut trip, connection, self.jobs.rows());
        push_rows(&mut trip, connection, self.deployments.rows());
        push_rows(&mut trip, connection, self.releases.rows());
        push_rows(&mut trip, connection, self.changes.rows());
        push_rows(&mut trip, connection, self.repositories.rows());
        push_events(&mut trip, connection, self.now, self.events);
        Ok(trip.execute(conn).await?)
    }
}

fn push_events(trip: &mut Trip, connection: &str, now: Timestamp, events: Vec<NewEvent>) {
    for some in chunks(events) {
        let mut sql = Builder::new("INSERT INTO events (kind, connection, subject, at, data) ");
        sql.push_values(some, |row, event| {
            row.push_bind(event.kind).push_bind(connection).push_bind(event.subject);
            row.push_bind(now.0).push_bind(event.data);
        });
        trip.push(sql);
    }
}

/// As many as one statement takes, a time.
fn chunks<T>(rows: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let some: Vec<T> = rows.by_ref().take(ROWS_AT_ONCE).collect();
        (!some.is_empty()).then_some(some)
    })
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(Error::Json)
}

#[async_trait]
impl Ingest for Store {
    async fn apply(&self, effect: Effect) -> Result<Applied, StoreError> {
        self.write_and_wake(
            "keep what changed",
            (Topic::Events, |applied: &Applied| applied.changed > 0),
            effect,
            |effect, conn| Box::pin(apply(conn, effect)),
        )
        .await
    }
}
