//! From items to rows: load the document that an item touches, let it learn, write it if it is different now, and
//! append an event. Everything runs in the transaction of whoever calls.
//!
//! Nothing that is written here may depend on when or in which order items come; events do, they are the log.

mod changes;
mod delivery;
mod pipelines;

use super::error::Error;
use super::{Conn, Store, plugins};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::events::Topic;
use opssight_core::id::ConnectionId;
use opssight_core::ingest::{Applied, Effect, Ingest};
use opssight_core::items::Body;
use opssight_core::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// On whose behalf, and when.
struct Scope<'a> {
    connection: &'a ConnectionId,
    now: Timestamp,
}

/// Take in what a call brought.
pub(super) async fn apply(conn: &mut Conn, effect: &Effect) -> Result<Applied, Error> {
    let scope = Scope { connection: &effect.connection, now: effect.now };
    let mut applied = Applied::default();
    for item in &effect.items {
        let at = item.at;
        let changed = match &item.body {
            Body::Run(seen) => pipelines::run(conn, &scope, seen, at).await?,
            Body::Job(seen) => pipelines::job(conn, &scope, seen, at).await?,
            Body::Deployment(seen) => delivery::deployment(conn, &scope, seen, at).await?,
            Body::Release(seen) => delivery::release(conn, &scope, seen, at).await?,
            Body::Repository(seen) => delivery::repository(conn, &scope, seen, at).await?,
            Body::Change(seen) => changes::change(conn, &scope, seen, at).await?,
            Body::Review(seen) => changes::review(conn, &scope, seen, at).await?,
            Body::Push(seen) => changes::push(conn, &scope, seen).await?,
            // The list of kinds may grow; an item must never vanish silently.
            _ => return Err(Error::UnknownKind),
        };
        applied.items = applied.items.saturating_add(1);
        applied.changed = applied.changed.saturating_add(changed);
    }
    plugins::remember(conn, effect.connection.as_str(), &effect.state).await?;
    Ok(applied)
}

/// A document as it was and as it is after learning.
fn learnt<D: DeserializeOwned + PartialEq + Clone>(
    stored: Option<String>,
    what: &'static str,
    new: impl FnOnce() -> D,
    learn: impl FnOnce(&mut D),
) -> Result<Option<D>, Error> {
    let Some(stored) = stored else {
        let mut doc = new();
        learn(&mut doc);
        return Ok(Some(doc));
    };
    let known: D = serde_json::from_str(&stored).map_err(Error::stored(what))?;
    let mut doc = known.clone();
    learn(&mut doc);
    Ok((doc != known).then_some(doc))
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
