//! Commits say when work on a change began.
//!
//! A commit's time comes with a push, and which change it belongs to comes with the change, in either order. Both are
//! kept; whichever comes second finds the other, so that the order does not matter.

use super::chunks;
use crate::sql::Conn;
use crate::sql::error::Error;
use crate::sql::query::Builder;
use opssight_core::fact::clean;
use opssight_core::id::ConnectionId;
use opssight_core::items::{Body, Item, is_plausible};
use opssight_core::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What the commits of some items came to.
#[derive(Default)]
pub(super) struct Met {
    /// Changes that the items or their commits belong to, and when the earliest of those commits was written.
    pub(super) written: BTreeMap<String, Timestamp>,
    /// Commits of which something new was learnt.
    pub(super) commits: u32,
}

/// Keep what the items say of commits.
pub(super) async fn meet(conn: &mut Conn, connection: &ConnectionId, items: &[Item]) -> Result<Met, Error> {
    // Service and commit, with the earliest time that is said.
    let mut times: BTreeMap<(String, String), i64> = BTreeMap::new();
    // Service, commit, change.
    let mut heads: BTreeSet<(String, String, String)> = BTreeSet::new();
    for item in items {
        match &item.body {
            Body::Push(push) => {
                let service = clean(&push.service);
                // A commit carries whatever time its author's machine had.
                for commit in push.commits.iter().filter(|commit| is_plausible(commit.committed_at)) {
                    let at = Timestamp::from_millis(commit.committed_at).0;
                    let known = times.entry((service.clone(), clean(&commit.id))).or_insert(at);
                    *known = (*known).min(at);
                }
            }
            Body::Change(change) => {
                if let Some(commit) = change.head_commit.as_deref().map(clean).filter(|commit| !commit.is_empty()) {
                    let id = super::changes::id(connection, &change.service, change.number);
                    heads.insert((clean(&change.service), commit, id));
                }
            }
            _ => {}
        }
    }
    times.retain(|(_, commit), _| !commit.is_empty());
    if times.is_empty() && heads.is_empty() {
        return Ok(Met::default());
    }
    keep(conn, connection.as_str(), times, heads).await
}

type Times = BTreeMap<(String, String), i64>;
type Heads = BTreeSet<(String, String, String)>;

async fn keep(conn: &mut Conn, connection: &str, times: Times, heads: Heads) -> Result<Met, Error> {
    let said: BTreeSet<(String, String)> = times
        .keys()
        .cloned()
        .chain(heads.iter().map(|(service, commit, _)| (service.clone(), commit.clone())))
        .collect();
    let mut met = Met::default();
    for some in chunks(times.into_iter().collect()) {
        let mut sql = Builder::new("INSERT INTO commits (connection, service, id, committed_at) ");
        sql.push_values(some, |row, ((service, commit), at)| {
            row.push_bind(connection).push_bind(service).push_bind(commit).push_bind(at);
        });
        sql.push(
            " ON CONFLICT (connection, service, id) DO UPDATE SET committed_at = excluded.committed_at
              WHERE excluded.committed_at < commits.committed_at",
        );
        let new = sql.build().execute(&mut *conn).await?;
        met.commits = met.commits.saturating_add(u32::try_from(new).unwrap_or(u32::MAX));
    }
    for some in chunks(heads.into_iter().collect()) {
        let mut sql = Builder::new("INSERT INTO change_commits (connection, service, commit_id, change_id) ");
        sql.push_values(some, |row, (service, commit, change)| {
            row.push_bind(connection).push_bind(service).push_bind(commit).push_bind(change);
        });
        sql.push(" ON CONFLICT DO NOTHING");
        sql.build().execute(&mut *conn).await?;
    }
    for some in chunks(said.into_iter().collect()) {
        let mut sql = Builder::new(
            "SELECT b.change_id, MIN(c.committed_at) FROM change_commits b
             JOIN commits c ON c.connection = b.connection AND c.service = b.service AND c.id = b.commit_id
             WHERE b.connection = ",
        );
        sql.push_bind(connection).push(" AND (b.service, b.commit_id) IN (");
        sql.push_values(some, |row, (service, commit)| {
            row.push_bind(service).push_bind(commit);
        });
        sql.push(") GROUP BY b.change_id");
        let written: Vec<(String, i64)> = sql.build_query_as().fetch_all(&mut *conn).await?;
        for (change, at) in written {
            let known = met.written.entry(change).or_insert(Timestamp(at));
            *known = (*known).min(Timestamp(at));
        }
    }
    Ok(met)
}
