//! Keys of programs, as hashes.
//!
//! Whoever writes takes the turn first: rows are held until the commit, and hosts that took them in another order would
//! wait for each other.

use crate::sql::Store;
use crate::sql::error::{Doing, Error};
use crate::sql::query::{query, query_as};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::ApiKeyId;
use opssight_core::identity::{ApiKey, KeyStore, Role, SecretHash};
use opssight_core::time::Timestamp;

type Row = (String, String, String, i64, String, i64, Option<i64>);

const LIST: &str =
    "SELECT id, name, role, created_at, created_by, expires_at, last_used_at FROM api_keys ORDER BY name";
const FIND: &str =
    "SELECT id, name, role, created_at, created_by, expires_at, last_used_at FROM api_keys WHERE secret = $1";

fn key((id, name, role, created_at, created_by, expires_at, last_used_at): Row) -> Result<ApiKey, Error> {
    Ok(ApiKey {
        id: ApiKeyId(id),
        name,
        role: Role::parse(&role).ok_or(Error::Word(role))?,
        created_at: Timestamp(created_at),
        created_by,
        expires_at: Timestamp(expires_at),
        last_used_at: last_used_at.map(Timestamp),
    })
}

#[async_trait]
impl KeyStore for Store {
    async fn insert_key(&self, key: &ApiKey, secret: &SecretHash) -> Result<bool, StoreError> {
        self.write("keep the key", (key.clone(), secret.0.clone()), |(key, secret), conn| {
            Box::pin(async move {
                conn.alone().await?;
                let insert = "INSERT INTO api_keys (id, name, secret, role, created_at, created_by, expires_at)
                              VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (name) DO NOTHING";
                let kept = query(insert)
                    .bind(key.id.as_str())
                    .bind(key.name.as_str())
                    .bind(secret.as_str())
                    .bind(key.role.name())
                    .bind(key.created_at.0)
                    .bind(key.created_by.as_str())
                    .bind(key.expires_at.0)
                    .execute(conn)
                    .await?;
                Ok(kept > 0)
            })
        })
        .await
    }

    async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        const DOING: &str = "list the keys";
        let rows: Vec<Row> = query_as(LIST).fetch_all(&self.readers).await.doing(DOING)?;
        rows.into_iter().map(key).collect::<Result<_, _>>().doing(DOING)
    }

    async fn key_of(&self, secret: &SecretHash) -> Result<Option<ApiKey>, StoreError> {
        const DOING: &str = "look up the key";
        let row: Option<Row> =
            query_as(FIND).bind(secret.0.as_str()).fetch_optional(&self.readers).await.doing(DOING)?;
        row.map(key).transpose().doing(DOING)
    }

    async fn key_was_used(&self, id: &ApiKeyId, at: Timestamp) -> Result<(), StoreError> {
        self.write("note that the key was used", (id.clone(), at), |(id, at), conn| {
            Box::pin(async move {
                conn.alone().await?;
                let note = "UPDATE api_keys SET last_used_at = $2
                            WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)";
                query(note).bind(id.as_str()).bind(at.0).execute(conn).await?;
                Ok(())
            })
        })
        .await
    }

    async fn delete_key(&self, id: &ApiKeyId) -> Result<bool, StoreError> {
        self.write("revoke the key", id.clone(), |id, conn| {
            Box::pin(async move {
                conn.alone().await?;
                Ok(query("DELETE FROM api_keys WHERE id = $1").bind(id.as_str()).execute(conn).await? > 0)
            })
        })
        .await
    }
}
