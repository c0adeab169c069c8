//! Commits say when work on a change began.
//!
//! A commit's time comes with a push, and which change it belongs to comes with the change, in either order. Both are
//! kept; whichever comes second finds the other, so that the order does not matter.

use super::json;
use crate::sql::Conn;
use crate::sql::error::Error;
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
    let times: Vec<(&str, &str, i64)> =
        times.iter().map(|((service, commit), at)| (service.as_str(), commit.as_str(), *at)).collect();
    keep(conn, connection, &json(&times)?, &json(&heads)?).await
}

async fn keep(conn: &mut Conn, connection: &ConnectionId, times: &str, heads: &str) -> Result<Met, Error> {
    // SQLite: three statements in one trip, which share their parameters, and `json_each`, because a push can have
    // thousands of commits; PostgreSQL has `jsonb_array_elements`. (`WHERE TRUE` keeps SQLite from reading ON CONFLICT
    // as part of a join.) Rows without a change count commits.
    let rows: Vec<(Option<String>, i64)> = sqlx::query_as(
        "INSERT INTO commits (connection, service, id, committed_at)
         SELECT $1, value ->> 0, value ->> 1, value ->> 2 FROM json_each($2) WHERE TRUE
         ON CONFLICT (connection, service, id) DO UPDATE SET committed_at = excluded.committed_at
             WHERE excluded.committed_at < commits.committed_at
         RETURNING NULL, 1;
         INSERT INTO change_commits (connection, service, commit_id, change_id)
         SELECT $1, value ->> 0, value ->> 1, value ->> 2 FROM json_each($3) WHERE TRUE
         ON CONFLICT DO NOTHING;
         SELECT b.change_id, MIN(c.committed_at)
         FROM (SELECT value ->> 0 AS service, value ->> 1 AS id FROM json_each($2)
               UNION SELECT value ->> 0, value ->> 1 FROM json_each($3)) said
         CROSS JOIN change_commits b ON b.connection = $1 AND b.service = said.service AND b.commit_id = said.id
         CROSS JOIN commits c ON c.connection = $1 AND c.service = said.service AND c.id = said.id
         GROUP BY b.change_id",
    )
    .bind(connection.as_str())
    .bind(times)
    .bind(heads)
    .fetch_all(conn)
    .await?;
    let mut met = Met::default();
    for (change, at) in rows {
        match change {
            Some(change) => {
                met.written.insert(change, Timestamp(at));
            }
            None => met.commits = met.commits.saturating_add(1),
        }
    }
    Ok(met)
}
