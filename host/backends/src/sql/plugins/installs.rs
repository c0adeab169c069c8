//! What is installed, whose keys are known, what was revoked and what happened.

use crate::sql::error::{Doing, Error};
use crate::sql::query::{Builder, query, query_as, query_scalar};
use crate::sql::{Conn, Store, connections, notify};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::events::Topic;
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::plugins::installs::{
    Install, InstallStore, PluginEvent, PublisherPin, RevocationTarget, Revoked, Saved,
};
use opssight_core::plugins::trust::PublisherKey;
use opssight_core::time::Timestamp;
use sqlx::FromRow;

#[derive(FromRow)]
struct EventRow {
    seq: i64,
    at: i64,
    plugin: String,
    digest: Option<String>,
    what: String,
    actor: String,
    detail: String,
}

impl From<EventRow> for PluginEvent {
    fn from(row: EventRow) -> Self {
        Self {
            seq: row.seq,
            at: Timestamp(row.at),
            plugin: PluginId(row.plugin),
            digest: row.digest,
            what: row.what,
            actor: row.actor,
            detail: row.detail,
        }
    }
}

fn read(document: &str) -> Result<Install, Error> {
    serde_json::from_str(document).map_err(Error::stored("installed plugin"))
}

/// What is installed of a plugin, as a transaction sees it.
pub(in crate::sql) async fn find(conn: &mut Conn, plugin: &str) -> Result<Option<Install>, Error> {
    let row: Option<String> = query_scalar("SELECT document FROM plugin_installs WHERE plugin = $1")
        .bind(plugin)
        .fetch_optional(conn)
        .await?;
    row.map(|row| read(&row)).transpose()
}

async fn insert_event(conn: &mut Conn, event: &PluginEvent) -> Result<(), Error> {
    query("INSERT INTO plugin_events (at, plugin, digest, what, actor, detail) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(event.at.0)
        .bind(event.plugin.as_str())
        .bind(event.digest.as_deref())
        .bind(event.what.as_str())
        .bind(event.actor.as_str())
        .bind(event.detail.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// Publisher, key, when it was pinned.
type PinRow = (String, String, i64);

fn pinned((publisher, key, at): PinRow) -> PublisherPin {
    PublisherPin { publisher, key: PublisherKey(key), at: Timestamp(at) }
}

async fn upsert_pin(conn: &mut Conn, pin: &PublisherPin) -> Result<(), Error> {
    query(
        "INSERT INTO plugin_publishers (publisher, key, pinned_at) VALUES ($1, $2, $3)
         ON CONFLICT (publisher) DO UPDATE SET key = excluded.key, pinned_at = excluded.pinned_at",
    )
    .bind(pin.publisher.as_str())
    .bind(pin.key.as_str())
    .bind(pin.at.0)
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether another key is known for the publisher: who was first stays.
async fn is_pinned_otherwise(conn: &mut Conn, pin: &PublisherPin) -> Result<bool, Error> {
    let known: Option<String> = query_scalar("SELECT key FROM plugin_publishers WHERE publisher = $1")
        .bind(pin.publisher.as_str())
        .fetch_optional(conn)
        .await?;
    Ok(known.is_some_and(|known| known != pin.key.as_str()))
}

async fn save(conn: &mut Conn, change: &Saved, document: &str) -> Result<bool, Error> {
    conn.alone().await?;
    let install = &change.install;
    if let Some(pin) = &change.pin
        && is_pinned_otherwise(conn, pin).await?
    {
        return Ok(false);
    }
    let done = if install.is_new() {
        query(
            "INSERT INTO plugin_installs (plugin, publisher, revision, document) VALUES ($1, $2, $3, $4)
             ON CONFLICT (plugin) DO NOTHING",
        )
    } else {
        query(
            "UPDATE plugin_installs SET publisher = $2, revision = $3, document = $4
             WHERE plugin = $1 AND revision = $3 - 1",
        )
    };
    let done = done
        .bind(install.plugin.as_str())
        .bind(install.publisher.as_str())
        .bind(install.revision)
        .bind(document)
        .execute(&mut *conn)
        .await?;
    if done == 0 {
        return Ok(false);
    }
    if let Some(pin) = &change.pin {
        upsert_pin(conn, pin).await?;
    }
    if let Some(digest) = &change.repin {
        query("UPDATE connections SET digest = $2 WHERE plugin = $1")
            .bind(install.plugin.as_str())
            .bind(digest.as_str())
            .execute(&mut *conn)
            .await?;
    }
    for digest in &change.unpin {
        query("UPDATE connections SET digest = NULL WHERE plugin = $1 AND digest = $2")
            .bind(install.plugin.as_str())
            .bind(digest.as_str())
            .execute(&mut *conn)
            .await?;
    }
    if change.repin.is_some() || !change.unpin.is_empty() {
        conn.tell(notify::CONNECTIONS, "").await?;
    }
    if let Some(event) = &change.event {
        insert_event(conn, event).await?;
        // A change without one is a count that grows, which nobody else waits for.
        conn.tell(notify::NEWS, notify::word(Topic::Plugins)).await?;
    }
    Ok(true)
}

async fn forget(conn: &mut Conn, plugin: &str, with_connections: bool, event: &PluginEvent) -> Result<bool, Error> {
    conn.alone().await?;
    let done = query("DELETE FROM plugin_installs WHERE plugin = $1").bind(plugin).execute(&mut *conn).await?;
    if done == 0 {
        return Ok(false);
    }
    if with_connections {
        let ids: Vec<String> =
            query_scalar("SELECT id FROM connections WHERE plugin = $1").bind(plugin).fetch_all(&mut *conn).await?;
        for id in ids {
            connections::remove(conn, &id).await?;
        }
    } else {
        // What is installed next decides what they run.
        query("UPDATE connections SET digest = NULL WHERE plugin = $1").bind(plugin).execute(&mut *conn).await?;
    }
    conn.tell(notify::CONNECTIONS, "").await?;
    conn.tell(notify::NEWS, notify::word(Topic::Plugins)).await?;
    insert_event(conn, event).await?;
    Ok(true)
}

#[async_trait]
impl InstallStore for Store {
    async fn installs(&self) -> Result<Vec<Install>, StoreError> {
        const DOING: &str = "list installed plugins";
        let rows: Vec<String> = query_scalar("SELECT document FROM plugin_installs ORDER BY plugin")
            .fetch_all(&self.readers)
            .await
            .doing(DOING)?;
        rows.iter().map(|row| read(row)).collect::<Result<_, _>>().doing(DOING)
    }

    async fn install(&self, plugin: &PluginId) -> Result<Option<Install>, StoreError> {
        const DOING: &str = "look up the installed plugin";
        let row: Option<String> = query_scalar("SELECT document FROM plugin_installs WHERE plugin = $1")
            .bind(plugin.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing(DOING)?;
        row.map(|row| read(&row)).transpose().doing(DOING)
    }

    async fn save(&self, change: Saved) -> Result<bool, StoreError> {
        const DOING: &str = "keep the change of the plugin";
        let document = serde_json::to_string(&change.install).map_err(Error::Json).doing(DOING)?;
        let cache = self.connections.clone();
        let repinned = change.repin.is_some() || !change.unpin.is_empty();
        let after = move |_: Option<&bool>| {
            if repinned {
                cache.forget_all();
            }
        };
        let data = (change, document);
        self.write_then(DOING, data, |(change, document), conn| Box::pin(save(conn, change, document)), after).await
    }

    async fn forget(&self, plugin: &PluginId, connections: bool, event: PluginEvent) -> Result<bool, StoreError> {
        let cache = self.connections.clone();
        self.write_then(
            "remove the plugin",
            (plugin.clone(), connections, event),
            |(plugin, connections, event), conn| Box::pin(forget(conn, plugin.as_str(), *connections, event)),
            move |_: Option<&bool>| cache.forget_all(),
        )
        .await
    }

    async fn pin(&self, publisher: &str) -> Result<Option<PublisherPin>, StoreError> {
        let row: Option<PinRow> =
            query_as("SELECT publisher, key, pinned_at FROM plugin_publishers WHERE publisher = $1")
                .bind(publisher)
                .fetch_optional(&self.readers)
                .await
                .doing("look up the publisher's key")?;
        Ok(row.map(pinned))
    }

    async fn pins(&self) -> Result<Vec<PublisherPin>, StoreError> {
        let rows: Vec<PinRow> = query_as("SELECT publisher, key, pinned_at FROM plugin_publishers ORDER BY publisher")
            .fetch_all(&self.readers)
            .await
            .doing("list the publishers' keys")?;
        Ok(rows.into_iter().map(pinned).collect())
    }

    async fn repin(&self, publisher: &str, pin: Option<PublisherPin>, event: PluginEvent) -> Result<(), StoreError> {
        let data = (publisher.to_owned(), pin, event);
        self.write("change the publisher's key", data, |(publisher, pin, event), conn| {
            Box::pin(async move {
                match pin {
                    Some(pin) => upsert_pin(conn, pin).await?,
                    None => {
                        query("DELETE FROM plugin_publishers WHERE publisher = $1")
                            .bind(publisher.as_str())
                            .execute(&mut *conn)
                            .await?;
                    }
                }
                insert_event(conn, event).await
            })
        })
        .await
    }

    async fn revocations(&self) -> Result<Vec<Revoked>, StoreError> {
        const DOING: &str = "list revocations";
        let rows: Vec<(String, String, i64, String)> =
            query_as("SELECT target, reason, revoked_at, actor FROM plugin_revocations ORDER BY target")
                .fetch_all(&self.readers)
                .await
                .doing(DOING)?;
        let revoked =
            |(target, reason, at, actor): (String, String, i64, String)| match RevocationTarget::parse(&target) {
                Some(target) => Ok(Revoked { target, reason, at: Timestamp(at), actor }),
                None => Err(Error::Word(target)),
            };
        rows.into_iter().map(revoked).collect::<Result<_, _>>().doing(DOING)
    }

    async fn revoke(&self, revoked: &Revoked, event: PluginEvent) -> Result<(), StoreError> {
        self.write("keep the revocation", (revoked.clone(), event), |(revoked, event), conn| {
            Box::pin(async move {
                query(
                    "INSERT INTO plugin_revocations (target, reason, revoked_at, actor) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (target) DO NOTHING",
                )
                .bind(revoked.target.text())
                .bind(revoked.reason.as_str())
                .bind(revoked.at.0)
                .bind(revoked.actor.as_str())
                .execute(&mut *conn)
                .await?;
                insert_event(conn, event).await
            })
        })
        .await
    }

    async fn pardon(&self, target: &RevocationTarget, event: PluginEvent) -> Result<bool, StoreError> {
        self.write("end the revocation", (target.text(), event), |(target, event), conn| {
            Box::pin(async move {
                let done = query("DELETE FROM plugin_revocations WHERE target = $1")
                    .bind(target.as_str())
                    .execute(&mut *conn)
                    .await?;
                if done == 0 {
                    return Ok(false);
                }
                insert_event(conn, event).await?;
                Ok(true)
            })
        })
        .await
    }

    async fn adopt(&self, plugin: &PluginId, digest: &str) -> Result<u64, StoreError> {
        let cache = self.connections.clone();
        self.write_then(
            "pin the plugin's connections",
            (plugin.clone(), digest.to_owned()),
            |(plugin, digest), conn| {
                Box::pin(async move {
                    let done = query("UPDATE connections SET digest = $2 WHERE plugin = $1 AND digest IS NULL")
                        .bind(plugin.as_str())
                        .bind(digest.as_str())
                        .execute(conn)
                        .await?;
                    Ok(done)
                })
            },
            move |_: Option<&u64>| cache.forget_all(),
        )
        .await
    }

    async fn connections_of(&self, plugin: &PluginId) -> Result<Vec<ConnectionId>, StoreError> {
        let ids: Vec<String> = query_scalar("SELECT id FROM connections WHERE plugin = $1 ORDER BY id")
            .bind(plugin.as_str())
            .fetch_all(&self.readers)
            .await
            .doing("list the plugin's connections")?;
        Ok(ids.into_iter().map(ConnectionId).collect())
    }

    async fn pinned_digests(&self, plugin: &PluginId) -> Result<Vec<String>, StoreError> {
        query_scalar("SELECT DISTINCT digest FROM connections WHERE plugin = $1 AND digest IS NOT NULL")
            .bind(plugin.as_str())
            .fetch_all(&self.readers)
            .await
            .doing("list the versions that connections run")
    }

    async fn happened(&self, plugin: &PluginId, what: &str) -> Result<bool, StoreError> {
        let seq: Option<i64> = query_scalar("SELECT seq FROM plugin_events WHERE plugin = $1 AND what = $2 LIMIT 1")
            .bind(plugin.as_str())
            .bind(what)
            .fetch_optional(&self.readers)
            .await
            .doing("look for what happened to the plugin")?;
        Ok(seq.is_some())
    }

    async fn note(&self, event: PluginEvent) -> Result<(), StoreError> {
        self.write("note what happened to the plugin", event, |event, conn| Box::pin(insert_event(conn, event))).await
    }

    async fn events(
        &self,
        plugin: Option<&PluginId>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<PluginEvent>, StoreError> {
        let mut query =
            Builder::new("SELECT seq, at, plugin, digest, what, actor, detail FROM plugin_events WHERE TRUE");
        if let Some(plugin) = plugin {
            query.push(" AND plugin = ").push_bind(plugin.0.clone());
        }
        if let Some(before) = before {
            query.push(" AND seq < ").push_bind(before);
        }
        query.push(" ORDER BY seq DESC LIMIT ").push_bind(i64::from(limit.min(500)));
        let rows: Vec<EventRow> =
            query.build_query_as().fetch_all(&self.readers).await.doing("list what happened to plugins")?;
        Ok(rows.into_iter().map(PluginEvent::from).collect())
    }
}
