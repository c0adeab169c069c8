//! Changes, their reviews, and the commits that say when work on them began.
//!
//! A commit's time comes with a push, its change comes with the change, in either order. Both are kept, and whichever
//! comes second lets the change learn when its commit was written, so that the order does not matter.

use super::{Scope, json, learnt};
use crate::sql::error::Error;
use crate::sql::{Conn, words};
use opssight_core::delivery::ChangeDoc;
use opssight_core::fact::clean;
use opssight_core::id::ChangeId;
use opssight_core::items::is_plausible;
use opssight_core::time::Timestamp;
use opssight_core::vocabulary as wire;
use serde_json::json;
use std::collections::BTreeMap;

async fn stored(conn: &mut Conn, id: &ChangeId) -> Result<Option<String>, Error> {
    Ok(sqlx::query_scalar("SELECT doc FROM changes WHERE id = $1").bind(id.as_str()).fetch_optional(conn).await?)
}

async fn write(conn: &mut Conn, scope: &Scope<'_>, doc: &ChangeDoc) -> Result<(), Error> {
    let change = doc.view(scope.connection);
    let event = json!({
        "service": change.service, "number": change.number, "state": words::change_state(change.state),
        "draft": change.draft,
    });
    let begun_at = change.begun_at();
    // SQLite: two statements in one trip; they share their parameters.
    sqlx::query(
        "INSERT INTO changes (id, connection, service, number, state, begun_at, merged_at, sort_at, doc)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (id) DO UPDATE SET
             state = excluded.state, begun_at = excluded.begun_at, merged_at = excluded.merged_at,
             sort_at = excluded.sort_at, doc = excluded.doc;
         INSERT INTO events (kind, connection, subject, at, data) VALUES ($10, $2, $1, $11, $12)",
    )
    .bind(change.id.as_str())
    .bind(scope.connection.as_str())
    .bind(change.service.as_str())
    .bind(i64::try_from(change.number).unwrap_or(i64::MAX))
    .bind(words::change_state(change.state))
    .bind(begun_at.map(|at| at.0))
    .bind(change.merged_at.map(|at| at.0))
    .bind(change.sort_at().0)
    .bind(json(doc)?)
    .bind(change.event_type())
    .bind(scope.now.0)
    .bind(event.to_string())
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn change(
    conn: &mut Conn,
    scope: &Scope<'_>,
    seen: &wire::Change,
    at: Timestamp,
) -> Result<u32, Error> {
    let service = clean(&seen.service);
    let id = ChangeId::of(scope.connection, &service, seen.number);
    let mut committed_at = None;
    if let Some(commit) = seen.head_commit.as_deref().map(clean).filter(|commit| !commit.is_empty()) {
        committed_at = note_head(conn, scope, &service, &commit, &id).await?;
    }
    let stored = stored(conn, &id).await?;
    let learn = |doc: &mut ChangeDoc| {
        doc.learn(seen, at);
        if let Some(committed_at) = committed_at {
            doc.learn_commit(Timestamp(committed_at));
        }
    };
    let Some(doc) = learnt(stored, "change", || ChangeDoc::new(&service, seen.number), learn)? else { return Ok(0) };
    write(conn, scope, &doc).await?;
    Ok(1)
}

/// A commit was seen at a change's head. When it was written, if that is known.
async fn note_head(
    conn: &mut Conn,
    scope: &Scope<'_>,
    service: &str,
    commit: &str,
    change: &ChangeId,
) -> Result<Option<i64>, Error> {
    sqlx::query(
        "INSERT INTO change_commits (connection, service, commit_id, change_id) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING",
    )
    .bind(scope.connection.as_str())
    .bind(service)
    .bind(commit)
    .bind(change.as_str())
    .execute(&mut *conn)
    .await?;
    let known =
        sqlx::query_scalar("SELECT committed_at FROM commits WHERE connection = $1 AND service = $2 AND id = $3")
            .bind(scope.connection.as_str())
            .bind(service)
            .bind(commit)
            .fetch_optional(conn)
            .await?;
    Ok(known)
}

pub(super) async fn review(
    conn: &mut Conn,
    scope: &Scope<'_>,
    seen: &wire::Review,
    at: Timestamp,
) -> Result<u32, Error> {
    let service = clean(&seen.service);
    let id = ChangeId::of(scope.connection, &service, seen.change);
    let stored = stored(conn, &id).await?;
    let learn = |doc: &mut ChangeDoc| doc.learn_review(seen, at);
    let Some(doc) = learnt(stored, "change", || ChangeDoc::new(&service, seen.change), learn)? else { return Ok(0) };
    write(conn, scope, &doc).await?;
    Ok(1)
}

pub(super) async fn push(conn: &mut Conn, scope: &Scope<'_>, seen: &wire::Push) -> Result<u32, Error> {
    // A commit carries whatever time its author's machine had.
    let mut commits: BTreeMap<String, i64> = BTreeMap::new();
    for commit in seen.commits.iter().filter(|commit| is_plausible(commit.committed_at)) {
        let id = clean(&commit.id);
        let at = Timestamp::from_millis(commit.committed_at).0;
        let known = commits.entry(id).or_insert(at);
        *known = (*known).min(at);
    }
    commits.remove("");
    if commits.is_empty() {
        return Ok(0);
    }
    let service = clean(&seen.service);
    let listed = json(&commits)?;
    // SQLite: a push can have thousands of commits, and `json_each` takes them in one statement. PostgreSQL has
    // `jsonb_each` for it. (`WHERE TRUE` keeps SQLite from reading ON CONFLICT as part of a join.)
    let done = sqlx::query(
        "INSERT INTO commits (connection, service, id, committed_at)
         SELECT $1, $2, key, value FROM json_each($3) WHERE TRUE
         ON CONFLICT (connection, service, id) DO UPDATE SET committed_at = excluded.committed_at
             WHERE excluded.committed_at < commits.committed_at",
    )
    .bind(scope.connection.as_str())
    .bind(service.as_str())
    .bind(listed.as_str())
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(0);
    }
    let touched: Vec<(String, i64)> = sqlx::query_as(
        "SELECT cc.change_id, MIN(listed.value) FROM json_each($3) listed
         JOIN change_commits cc ON cc.connection = $1 AND cc.service = $2 AND cc.commit_id = listed.key
         GROUP BY cc.change_id",
    )
    .bind(scope.connection.as_str())
    .bind(service)
    .bind(listed)
    .fetch_all(&mut *conn)
    .await?;
    let mut changed = 1;
    for (id, committed_at) in touched {
        changed += learn_commit(conn, scope, &ChangeId(id), Timestamp(committed_at)).await?;
    }
    Ok(changed)
}

async fn learn_commit(
    conn: &mut Conn,
    scope: &Scope<'_>,
    id: &ChangeId,
    committed_at: Timestamp,
) -> Result<u32, Error> {
    let Some(stored) = stored(conn, id).await? else { return Ok(0) };
    let learn = |doc: &mut ChangeDoc| doc.learn_commit(committed_at);
    let Some(doc) = learnt(Some(stored), "change", ChangeDoc::default, learn)? else { return Ok(0) };
    write(conn, scope, &doc).await?;
    Ok(1)
}
