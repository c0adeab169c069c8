//! What plugins remember. Writes come with an effect, see `ingest.rs`.

mod evidence;
pub(super) mod installs;

use super::error::{Doing, Error};
use super::{Conn, Store};
use crate::sql::query::{query, query_as, query_scalar};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::ConnectionId;
use opssight_core::plugins::{PluginState, StateWrite};

#[async_trait]
impl PluginState for Store {
    async fn get(&self, connection: &ConnectionId, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        query_scalar("SELECT value FROM plugin_state WHERE connection = $1 AND name = $2")
            .bind(connection.as_str())
            .bind(key)
            .fetch_optional(&self.readers)
            .await
            .doing("read the plugin's state")
    }

    async fn keys(
        &self,
        connection: &ConnectionId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        // A key that sorts before its prefix cannot begin with it: one lower bound serves both.
        let after = after.filter(|after| *after >= prefix);
        query_scalar(
            "SELECT name FROM plugin_state
             WHERE connection = $1 AND name >= $2 AND (name > $3 OR $3 IS NULL)
               AND SUBSTR(name, 1, LENGTH($4)) = $4
             ORDER BY name LIMIT $5",
        )
        .bind(connection.as_str())
        .bind(after.unwrap_or(prefix))
        .bind(after)
        .bind(prefix)
        .bind(i64::from(limit))
        .fetch_all(&self.readers)
        .await
        .doing("list the plugin's state")
    }

    async fn usage(&self, connection: &ConnectionId) -> Result<(u64, u64), StoreError> {
        let (bytes, keys): (i64, i64) = query_as(
            "SELECT CAST(COALESCE(SUM(OCTET_LENGTH(name) + OCTET_LENGTH(value)), 0) AS BIGINT), COUNT(*)
             FROM plugin_state WHERE connection = $1",
        )
        .bind(connection.as_str())
        .fetch_one(&self.readers)
        .await
        .doing("measure the plugin's state")?;
        Ok((bytes.unsigned_abs(), keys.unsigned_abs()))
    }
}

/// Write what a call wants remembered. Nothing is remembered for a connection that is gone.
pub(super) async fn remember(conn: &mut Conn, connection: &str, writes: &[StateWrite]) -> Result<(), Error> {
    for write in writes {
        match &write.value {
            Some(value) => {
                query(
                    "INSERT INTO plugin_state (connection, name, value)
                     SELECT $1, $2, $3 WHERE EXISTS (SELECT 1 FROM connections WHERE id = $1)
                     ON CONFLICT (connection, name) DO UPDATE SET value = excluded.value",
                )
                .bind(connection)
                .bind(write.key.as_str())
                .bind(value.as_slice())
                .execute(&mut *conn)
                .await?;
            }
            None => {
                query("DELETE FROM plugin_state WHERE connection = $1 AND name = $2")
                    .bind(connection)
                    .bind(write.key.as_str())
                    .execute(&mut *conn)
                    .await?;
            }
        }
    }
    Ok(())
}
