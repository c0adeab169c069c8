//! Removing what is old, a bounded number of rows a time.

use super::error::Error;
use super::{Conn, Store, delivery};
use crate::sql::query::{query, query_as, query_scalar};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::retention::{Keep, Purged, Retention};
use opssight_core::time::Timestamp;
use std::collections::BTreeMap;

/// Rows of one kind that go in one transaction; the writer is free for others in between.
const BATCH: i64 = 500;

/// Lines of one plugin's history: a breaker that opens and closes all day must not fill the disk before they are old.
const PLUGIN_EVENTS: i64 = 10_000;

async fn bodies(conn: &mut Conn, since: Timestamp) -> Result<u64, Error> {
    // Ids begin with the time of arrival, so that what is old stands first.
    let bound = delivery_id_bound(since);
    let done = query(
        "DELETE FROM delivery_bodies WHERE delivery IN (
             SELECT b.delivery FROM delivery_bodies b JOIN deliveries d ON d.id = b.delivery
             WHERE b.delivery < $1 AND d.due_at IS NULL ORDER BY b.delivery LIMIT $2)",
    )
    .bind(bound)
    .bind(BATCH)
    .execute(conn)
    .await?;
    Ok(done)
}

/// The least id of a delivery that arrived at `since` or later.
fn delivery_id_bound(since: Timestamp) -> String {
    let millis = u64::try_from(since.millis()).unwrap_or(0) & 0xffff_ffff_ffff;
    format!("dlv_{millis:012x}")
}

async fn deliveries(conn: &mut Conn, since: Timestamp) -> Result<u64, Error> {
    let old: Vec<String> = query_scalar(
        "SELECT id FROM deliveries WHERE received_at < $1 AND due_at IS NULL ORDER BY received_at LIMIT $2",
    )
    .bind(since.0)
    .bind(BATCH)
    .fetch_all(&mut *conn)
    .await?;
    for id in &old {
        query("DELETE FROM deliveries WHERE id = $1").bind(id).execute(&mut *conn).await?;
        query("DELETE FROM delivery_bodies WHERE delivery = $1").bind(id).execute(&mut *conn).await?;
    }
    Ok(old.len() as u64)
}

/// What has no time at all (zero) stays: it is not known to be old.
async fn runs(conn: &mut Conn, since: Timestamp) -> Result<u64, Error> {
    let old: Vec<String> =
        query_scalar("SELECT id FROM runs WHERE sort_at < $1 AND sort_at > 0 ORDER BY sort_at LIMIT $2")
            .bind(since.0)
            .bind(BATCH)
            .fetch_all(&mut *conn)
            .await?;
    for id in &old {
        query("DELETE FROM jobs WHERE run = $1").bind(id).execute(&mut *conn).await?;
        query("DELETE FROM runs WHERE id = $1").bind(id).execute(&mut *conn).await?;
    }
    // Jobs whose run was never seen.
    let orphans = query(
        "DELETE FROM jobs WHERE id IN (
             SELECT j.id FROM jobs j WHERE j.sort_at < $1 AND j.sort_at > 0
               AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.id = j.run) LIMIT $2)",
    )
    .bind(since.0)
    .bind(BATCH)
    .execute(conn)
    .await?;
    Ok(old.len() as u64 + orphans)
}

async fn delivery_rows(conn: &mut Conn, since: Timestamp) -> Result<u64, Error> {
    conn.alone().await?;
    let changes: Vec<String> =
        query_scalar("SELECT id FROM changes WHERE sort_at < $1 AND sort_at > 0 ORDER BY sort_at LIMIT $2")
            .bind(since.0)
            .bind(BATCH)
            .fetch_all(&mut *conn)
            .await?;
    for id in &changes {
        query("DELETE FROM changes WHERE id = $1").bind(id).execute(&mut *conn).await?;
        query("DELETE FROM change_commits WHERE change_id = $1").bind(id).execute(&mut *conn).await?;
    }
    // Old changes go before the deployments that carried them: else a later deployment would seem to have.
    let deployments: Vec<String> = if changes.is_empty() {
        query_scalar("SELECT id FROM deployments WHERE sort_at < $1 AND sort_at > 0 ORDER BY sort_at LIMIT $2")
            .bind(since.0)
            .bind(BATCH)
            .fetch_all(&mut *conn)
            .await?
    } else {
        Vec::new()
    };
    for id in &deployments {
        query("DELETE FROM deployments WHERE id = $1").bind(id).execute(&mut *conn).await?;
    }
    let mut others = 0;
    for statement in [
        "DELETE FROM commits WHERE (connection, service, id) IN (
             SELECT connection, service, id FROM commits WHERE committed_at < $1 LIMIT $2)",
        "DELETE FROM releases WHERE id IN (
             SELECT id FROM releases WHERE sort_at < $1 AND sort_at > 0 LIMIT $2)",
    ] {
        others += query(statement).bind(since.0).bind(BATCH).execute(&mut *conn).await?;
    }
    // What is left means something else without its older neighbours.
    delivery::take_in(conn, &deployments, &changes).await?;
    Ok((deployments.len() + changes.len()) as u64 + others)
}

/// How many went, and how many of these each relay in use had not handed on.
async fn events(conn: &mut Conn, keep: &Keep) -> Result<(u64, BTreeMap<String, u64>), Error> {
    let since = keep.events_since;
    let unrelayed_since = keep.unrelayed_since.min(since);
    let lost: Vec<(String, i64)> = query_as(
        "SELECT r.name, COUNT(*) FROM relays r JOIN (
             SELECT seq, at FROM events WHERE seq <= (SELECT MIN(seq) FROM subscribers) ORDER BY seq LIMIT $2
         ) e ON e.seq > r.seq WHERE e.at < $1 GROUP BY r.name",
    )
    .bind(unrelayed_since.0)
    .bind(BATCH)
    .fetch_all(&mut *conn)
    .await?;
    let gone = query(
        "DELETE FROM events WHERE seq IN (
             SELECT seq FROM events WHERE seq <= (SELECT MIN(seq) FROM subscribers) ORDER BY seq LIMIT $2)
           AND at < $1 AND (at < $3 OR seq <= COALESCE((SELECT MIN(seq) FROM relays), seq))",
    )
    .bind(since.0)
    .bind(BATCH)
    .bind(unrelayed_since.0)
    .execute(conn)
    .await?;
    let lost = lost.into_iter().filter(|(relay, _)| keep.relays.contains(relay));
    Ok((gone, lost.map(|(relay, events)| (relay, u64::try_from(events).unwrap_or(0))).collect()))
}

/// What is old, and of a plugin of which there is far too much, the oldest. That a plugin was uninstalled is not only
/// told but acted on: a file that was left in the plugin folder must not bring it back.
async fn plugin_events(conn: &mut Conn, since: Timestamp) -> Result<u64, Error> {
    let old = query(
        "DELETE FROM plugin_events WHERE seq IN (
             SELECT e.seq FROM plugin_events e WHERE e.at < $1
                AND (e.what <> 'uninstalled' OR EXISTS (
                     SELECT 1 FROM plugin_events n
                     WHERE n.plugin = e.plugin AND n.what = 'uninstalled' AND n.seq > e.seq))
             ORDER BY e.at, e.seq LIMIT $2)",
    )
    .bind(since.0)
    .bind(BATCH)
    .execute(&mut *conn)
    .await?;
    let mut gone = old;
    let loud: Vec<(String, i64)> =
        query_as("SELECT plugin, COUNT(*) FROM plugin_events GROUP BY plugin HAVING COUNT(*) > $1")
            .bind(PLUGIN_EVENTS)
            .fetch_all(&mut *conn)
            .await?;
    for (plugin, count) in loud {
        let surplus = query(
            "DELETE FROM plugin_events WHERE seq IN (
                 SELECT seq FROM plugin_events WHERE plugin = $1 AND what <> 'uninstalled' ORDER BY seq LIMIT $2)",
        )
        .bind(plugin)
        .bind(count.saturating_sub(PLUGIN_EVENTS).min(BATCH))
        .execute(&mut *conn)
        .await?;
        gone += surplus;
    }
    Ok(gone)
}

#[async_trait]
impl Retention for Store {
    async fn purge(&self, keep: &Keep) -> Result<Purged, StoreError> {
        const DOING: &str = "remove what is old";
        let Keep { bodies_since, deliveries_since, runs_since, delivery_since, plugin_events_since, .. } = *keep;
        let (events, unrelayed) = self.write(DOING, keep.clone(), |keep, conn| Box::pin(events(conn, keep))).await?;
        // A command each: the writer may do something else in between.
        Ok(Purged {
            bodies: self.write(DOING, bodies_since, |since, conn| Box::pin(bodies(conn, *since))).await?,
            deliveries: self.write(DOING, deliveries_since, |since, conn| Box::pin(deliveries(conn, *since))).await?,
            runs: self.write(DOING, runs_since, |since, conn| Box::pin(runs(conn, *since))).await?,
            delivery: self.write(DOING, delivery_since, |since, conn| Box::pin(delivery_rows(conn, *since))).await?,
            events,
            unrelayed,
            plugin_events: self
                .write(DOING, plugin_events_since, |since, conn| Box::pin(plugin_events(conn, *since)))
                .await?,
        })
    }
}
