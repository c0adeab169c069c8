//! How much of the records is whose, and making room: whoever takes most lets go first, so that no plugin's records
//! crowd out those of the others.

use crate::sql::Conn;
use crate::sql::error::Error;
use crate::sql::query::{query, query_as, query_scalar};
use opssight_core::plugins::evidence::KeepCalls;
use std::collections::BTreeMap;

/// Records that go in one transaction; the writer is free for others in between.
const BATCH: u64 = 200;

/// Count bytes to a plugin's records, or from them.
pub(super) async fn count(conn: &mut Conn, plugin: &str, bytes: i64) -> Result<(), Error> {
    query(
        "INSERT INTO plugin_calls_kept (plugin, bytes) VALUES ($1, $2)
         ON CONFLICT (plugin) DO UPDATE SET bytes = plugin_calls_kept.bytes + excluded.bytes",
    )
    .bind(plugin)
    .bind(bytes)
    .execute(conn)
    .await?;
    Ok(())
}

/// Those past their time, and if there are none, as many of those who take most as it takes, the oldest first.
pub(super) async fn purge(conn: &mut Conn, keep: &KeepCalls) -> Result<u64, Error> {
    conn.alone().await?;
    let old: Vec<(String, i64)> = query_as(
        "DELETE FROM plugin_calls WHERE id IN (SELECT id FROM plugin_calls WHERE at < $1 ORDER BY at, id LIMIT $2)
         RETURNING plugin, size",
    )
    .bind(keep.since.0)
    .bind(i64::try_from(BATCH).unwrap_or(i64::MAX))
    .fetch_all(&mut *conn)
    .await?;
    if old.is_empty() {
        return make_room(conn, i64::try_from(keep.bytes).unwrap_or(i64::MAX)).await;
    }
    let mut freed: BTreeMap<&str, i64> = BTreeMap::new();
    for (plugin, size) in &old {
        *freed.entry(plugin).or_default() += size;
    }
    for (plugin, bytes) in freed {
        count(conn, plugin, -bytes).await?;
    }
    Ok(old.len() as u64)
}

async fn make_room(conn: &mut Conn, most: i64) -> Result<u64, Error> {
    let rows: Vec<(String, i64)> =
        query_as("SELECT plugin, bytes FROM plugin_calls_kept").fetch_all(&mut *conn).await?;
    let mut kept: BTreeMap<String, i64> = rows.into_iter().collect();
    let (mut all, mut gone) = (kept.values().sum::<i64>(), 0);
    let mut changed: BTreeMap<String, i64> = BTreeMap::new();
    while all > most && gone < BATCH {
        let Some((plugin, bytes)) = kept.iter_mut().max_by_key(|(_, bytes)| **bytes) else { break };
        let oldest: Option<i64> = query_scalar(
            "DELETE FROM plugin_calls WHERE id = (SELECT id FROM plugin_calls WHERE plugin = $1 ORDER BY at, id LIMIT 1)
             RETURNING size",
        )
        .bind(plugin.as_str())
        .fetch_optional(&mut *conn)
        .await?;
        // None: it has no records whatever was counted, and from now on the count says so.
        let freed = oldest.unwrap_or(*bytes).max(1);
        gone += u64::from(oldest.is_some());
        (*bytes, all) = (*bytes - freed, all - freed);
        *changed.entry(plugin.clone()).or_default() -= freed;
    }
    for (plugin, bytes) in changed {
        count(conn, &plugin, bytes).await?;
    }
    query("DELETE FROM plugin_calls_kept WHERE bytes <= 0").execute(conn).await?;
    Ok(gone)
}
