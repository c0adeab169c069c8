//! Connections and their sealed credentials.

mod status;

use super::cache::{ConnectionCache, Known};
use super::error::{Doing, Error};
use super::plugins::installs;
use super::{Conn, Store, keys, notify};
use crate::secrets::{SealError, Sealed};
use crate::sql::query::{Builder, query, query_as};
use async_trait::async_trait;
use opssight_core::connections::{CheckOutcome, Connection, ConnectionStatus, ConnectionStore, Inserted};
use opssight_core::error::StoreError;
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::page::{Cursor, Page, PageOf};
use opssight_core::plugins::{CredentialSource, Credentials};
use opssight_core::time::Timestamp;
use sqlx::FromRow;
use std::sync::Arc;
use zeroize::Zeroizing;

/// So often credentials are sealed again because the master key was rotated meanwhile.
const TRIES: u32 = 5;

const COLUMNS: &str = "c.id, c.name, c.plugin, c.digest, c.enabled, c.settings, c.grants, c.created_at, c.updated_at";

#[derive(FromRow)]
struct Row {
    id: String,
    name: String,
    plugin: String,
    digest: Option<String>,
    enabled: i64,
    settings: String,
    grants: String,
    created_at: i64,
    updated_at: i64,
}

impl Row {
    fn read(self) -> Result<Connection, Error> {
        Ok(Connection {
            id: ConnectionId(self.id),
            name: self.name,
            plugin: PluginId(self.plugin),
            digest: self.digest.map(Into::into),
            enabled: self.enabled != 0,
            settings: Arc::new(serde_json::from_str(&self.settings).map_err(Error::stored("connection's settings"))?),
            grants: Arc::new(serde_json::from_str(&self.grants).map_err(Error::stored("connection's grants"))?),
            created_at: Timestamp(self.created_at),
            updated_at: Timestamp(self.updated_at),
        })
    }
}

#[derive(FromRow)]
struct RowWithCredentials {
    #[sqlx(flatten)]
    row: Row,
    data_key: Option<Vec<u8>>,
    sealed: Option<Vec<u8>>,
}

/// A connection as text for its columns.
struct Written {
    connection: Connection,
    settings: String,
    grants: String,
}

impl Written {
    fn of(connection: &Connection) -> Result<Self, Error> {
        Ok(Self {
            settings: serde_json::to_string(&*connection.settings).map_err(Error::Json)?,
            grants: serde_json::to_string(&*connection.grants).map_err(Error::Json)?,
            connection: connection.clone(),
        })
    }
}

impl Store {
    pub(super) async fn known(&self, id: &ConnectionId) -> Result<Option<Arc<Known>>, Error> {
        let generation = match self.connections.find(id) {
            Ok(known) => return Ok(Some(known)),
            Err(generation) => generation,
        };
        let row: Option<RowWithCredentials> = query_as(
            "SELECT c.id, c.name, c.plugin, c.digest, c.enabled, c.settings, c.grants, c.created_at, c.updated_at,
                    s.data_key, s.sealed
             FROM connections c LEFT JOIN credentials s ON s.connection = c.id WHERE c.id = $1",
        )
        .bind(id.as_str())
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let credentials = match (row.data_key, row.sealed) {
            (Some(data_key), Some(sealed)) => Some(Sealed { data_key, sealed }),
            _ => None,
        };
        let known = Arc::new(Known { connection: row.row.read()?, credentials });
        self.connections.keep(generation, &known);
        Ok(Some(known))
    }

    async fn seal(&self, id: &ConnectionId, credentials: &Credentials) -> Result<Sealed, Error> {
        let plain = Zeroizing::new(serde_json::to_vec(credentials).map_err(Error::Json)?);
        match self.sealer.seal(id.as_str(), &plain).await {
            // The key was rotated away since it was last used.
            Err(SealError::UnknownKey(_)) => {
                self.learn_key().await?;
                Ok(self.sealer.seal(id.as_str(), &plain).await?)
            }
            sealed => Ok(sealed?),
        }
    }

    /// Seal credentials, if there are any, and write; both again where the master key was rotated between them.
    async fn write_sealed<T, Done>(
        &self,
        doing: &'static str,
        (id, credentials): (&ConnectionId, Option<&Credentials>),
        write: impl Fn(Option<Sealed>) -> Done + Send + Sync,
    ) -> Result<T, StoreError>
    where
        T: Send,
        Done: Future<Output = Result<T, Error>> + Send,
    {
        for _ in 0..TRIES {
            let sealed = match credentials {
                Some(credentials) => Some(self.seal(id, credentials).await.doing(doing)?),
                None => None,
            };
            match write(sealed).await {
                Err(Error::Seal(SealError::Rotated)) => self.learn_key().await.doing(doing)?,
                done => return done.doing(doing),
            }
        }
        Err(Error::Seal(SealError::Rotated)).doing(doing)
    }

    /// What is done after the commit of a change of a connection.
    fn forgetting<T>(&self, id: &ConnectionId) -> impl FnOnce(Option<&T>) + Send + 'static + use<T> {
        let cache: ConnectionCache = self.connections.clone();
        let id = id.clone();
        move |_| cache.forget(&id)
    }
}

async fn write_credentials(conn: &mut Conn, id: &str, sealed: &Sealed) -> Result<(), Error> {
    keys::still_right(conn, sealed).await?;
    query(
        "INSERT INTO credentials (connection, data_key, sealed) VALUES ($1, $2, $3)
         ON CONFLICT (connection) DO UPDATE SET data_key = excluded.data_key, sealed = excluded.sealed",
    )
    .bind(id)
    .bind(sealed.data_key.as_slice())
    .bind(sealed.sealed.as_slice())
    .execute(conn)
    .await?;
    Ok(())
}

async fn insert(conn: &mut Conn, new: &Written, sealed: Option<&Sealed>, feeds: &[String]) -> Result<Inserted, Error> {
    conn.alone().await?;
    let connection = &new.connection;
    if let Some(install) = installs::find(conn, connection.plugin.as_str()).await? {
        let runs = install.active().map(|active| active.digest.clone());
        if runs.as_deref() != connection.digest.as_deref() {
            return Ok(Inserted::OtherVersion(runs));
        }
    }
    let done = query(
        "INSERT INTO connections (id, name, plugin, enabled, settings, grants, created_at, updated_at, digest)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
    )
    .bind(connection.id.as_str())
    .bind(connection.name.as_str())
    .bind(connection.plugin.as_str())
    .bind(i64::from(connection.enabled))
    .bind(new.settings.as_str())
    .bind(new.grants.as_str())
    .bind(connection.created_at.0)
    .bind(connection.updated_at.0)
    .bind(connection.digest.as_deref())
    .execute(&mut *conn)
    .await?;
    if done == 0 {
        return Ok(Inserted::NameTaken);
    }
    if let Some(sealed) = sealed {
        write_credentials(conn, connection.id.as_str(), sealed).await?;
    }
    for feed in feeds {
        super::feeds::insert(conn, &connection.id, feed, connection.created_at).await?;
    }
    Ok(Inserted::Kept)
}

async fn update(conn: &mut Conn, new: &Written, sealed: Option<&Sealed>, was: Timestamp) -> Result<bool, Error> {
    let connection = &new.connection;
    let done = query(
        "UPDATE connections SET name = $3, plugin = $4, enabled = $5, settings = $6, grants = $7, updated_at = $8
         WHERE id = $1 AND updated_at = $2 AND digest IS NOT DISTINCT FROM $9
           AND NOT EXISTS (SELECT 1 FROM connections other WHERE other.name = $3 AND other.id <> $1)",
    )
    .bind(connection.id.as_str())
    .bind(was.0)
    .bind(connection.name.as_str())
    .bind(connection.plugin.as_str())
    .bind(i64::from(connection.enabled))
    .bind(new.settings.as_str())
    .bind(new.grants.as_str())
    .bind(connection.updated_at.0)
    .bind(connection.digest.as_deref())
    .execute(&mut *conn)
    .await?;
    if done == 0 {
        return Ok(false);
    }
    if let Some(sealed) = sealed {
        write_credentials(conn, connection.id.as_str(), sealed).await?;
    }
    conn.tell(notify::CONNECTIONS, connection.id.as_str()).await?;
    Ok(true)
}

/// Credentials, feeds and state go with the row, by their foreign keys.
pub(super) async fn remove(conn: &mut Conn, id: &str) -> Result<bool, Error> {
    let done = query("DELETE FROM connections WHERE id = $1").bind(id).execute(&mut *conn).await?;
    query("DELETE FROM delivery_bodies WHERE delivery IN (SELECT id FROM deliveries WHERE connection = $1)")
        .bind(id)
        .execute(&mut *conn)
        .await?;
    query("DELETE FROM deliveries WHERE connection = $1").bind(id).execute(&mut *conn).await?;
    conn.tell(notify::CONNECTIONS, id).await?;
    Ok(done > 0)
}

#[async_trait]
impl ConnectionStore for Store {
    async fn insert(
        &self,
        connection: &Connection,
        credentials: &Credentials,
        feeds: &[String],
    ) -> Result<Inserted, StoreError> {
        const DOING: &str = "keep the new connection";
        let new = Arc::new(Written::of(connection).doing(DOING)?);
        let write = |sealed: Option<Sealed>| {
            let data = (Arc::clone(&new), sealed, feeds.to_vec());
            let after = self.forgetting(&connection.id);
            self.writer.write(
                DOING,
                data,
                |(new, sealed, feeds), conn| Box::pin(insert(conn, new, sealed.as_ref(), feeds)),
                after,
            )
        };
        self.write_sealed(DOING, (&connection.id, Some(credentials)), write).await
    }

    async fn update(
        &self,
        connection: &Connection,
        credentials: Option<&Credentials>,
        was: Timestamp,
    ) -> Result<bool, StoreError> {
        const DOING: &str = "keep the changed connection";
        let new = Arc::new(Written::of(connection).doing(DOING)?);
        let write = |sealed: Option<Sealed>| {
            let data = (Arc::clone(&new), sealed, was);
            let after = self.forgetting(&connection.id);
            self.writer.write(
                DOING,
                data,
                |(new, sealed, was), conn| Box::pin(update(conn, new, sealed.as_ref(), *was)),
                after,
            )
        };
        self.write_sealed(DOING, (&connection.id, credentials), write).await
    }

    async fn remove(&self, id: &ConnectionId) -> Result<bool, StoreError> {
        let after = self.forgetting(id);
        self.write_then("remove the connection", id.0.clone(), |id, conn| Box::pin(remove(conn, id)), after).await
    }

    async fn connection(&self, id: &ConnectionId) -> Result<Option<Connection>, StoreError> {
        let known = self.known(id).await.doing("read the connection")?;
        Ok(known.map(|known| known.connection.clone()))
    }

    async fn connections(&self, plugin: Option<&PluginId>, page: &PageOf) -> Result<Page<Connection>, StoreError> {
        const DOING: &str = "list connections";
        let mut query = Builder::new("SELECT ");
        query.push(COLUMNS).push(" FROM connections c WHERE TRUE");
        if let Some(plugin) = plugin {
            query.push(" AND c.plugin = ").push_bind(plugin.0.clone());
        }
        super::page::push(&mut query, page, "c.created_at", "c.id");
        let rows: Vec<Row> = query.build_query_as().fetch_all(&self.readers).await.doing(DOING)?;
        let rows = rows.into_iter().map(Row::read).collect::<Result<Vec<_>, _>>().doing(DOING)?;
        Ok(super::page::page(rows, page, |row| Cursor { at: row.created_at, id: row.id.0.clone() }))
    }

    async fn status(&self, id: &ConnectionId) -> Result<ConnectionStatus, StoreError> {
        self.read_status(id).await.doing("read how the connection is doing")
    }

    async fn claim_check(&self, id: &ConnectionId, before: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        self.write("take the connection's check", (id.clone(), before, now), |(id, before, now), conn| {
            Box::pin(async move {
                let taken = query(
                    "UPDATE connections SET checked_at = $3 WHERE id = $1 AND (checked_at IS NULL OR checked_at <= $2)",
                )
                .bind(id.as_str())
                .bind(before.0)
                .bind(now.0)
                .execute(conn)
                .await?;
                Ok(taken > 0)
            })
        })
        .await
    }

    async fn checked(&self, id: &ConnectionId, outcome: &CheckOutcome) -> Result<(), StoreError> {
        self.write("note the connection's check", (id.clone(), outcome.clone()), |(id, outcome), conn| {
            Box::pin(async move {
                query(
                    "UPDATE connections SET health = $2, check_summary = $3, check_fault = $4, checked_at = $5
                     WHERE id = $1",
                )
                .bind(id.as_str())
                .bind(status::health_word(outcome.health))
                .bind(outcome.summary.as_str())
                .bind(outcome.fault.as_deref())
                .bind(outcome.at.0)
                .execute(conn)
                .await?;
                Ok(())
            })
        })
        .await
    }
}

#[async_trait]
impl CredentialSource for Store {
    async fn credentials(&self, connection: &ConnectionId) -> Result<Credentials, StoreError> {
        const DOING: &str = "read the connection's credentials";
        let Some(known) = self.known(connection).await.doing(DOING)? else { return Ok(Credentials::new()) };
        let Some(sealed) = &known.credentials else { return Ok(Credentials::new()) };
        let mut plain = self.sealer.unseal(connection.as_str(), sealed).await;
        if matches!(plain, Err(SealError::UnknownKey(_) | SealError::Unseal)) {
            // What is in memory may be from before a rotation whose old key is gone by now.
            self.connections.forget(connection);
            if let Some(now) = self.known(connection).await.doing(DOING)?
                && let Some(other) = now.credentials.as_ref().filter(|now| *now != sealed)
            {
                plain = self.sealer.unseal(connection.as_str(), other).await;
            }
        }
        let plain = plain.doing(DOING)?;
        serde_json::from_slice(&plain).map_err(Error::stored("credential")).doing(DOING)
    }
}
