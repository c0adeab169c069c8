//! The admin's secret and the sessions, as hashes.

mod attempts;
mod keys;
mod people;
mod sessions;

use super::error::{Doing, Error};
use super::{Conn, Store};
use crate::sql::query::{query, query_as, query_scalar};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::PersonId;
use opssight_core::identity::{IdentityStore, SecretHash, Session};
use opssight_core::time::Timestamp;

async fn reset(conn: &mut Conn, admin: &str, now: Timestamp) -> Result<(), Error> {
    query(
        "INSERT INTO admins (id, secret, changed_at) VALUES (1, $1, $2)
         ON CONFLICT (id) DO UPDATE SET secret = excluded.secret, changed_at = excluded.changed_at",
    )
    .bind(admin)
    .bind(now.0)
    .execute(&mut *conn)
    .await?;
    query("DELETE FROM sessions").execute(&mut *conn).await?;
    // Whatever hosts remember of them is nothing to those that start from now on.
    query("DELETE FROM house WHERE name = 'sessions-key'").execute(conn).await?;
    Ok(())
}

#[async_trait]
impl IdentityStore for Store {
    async fn bootstrap(&self, admin: &SecretHash, now: Timestamp) -> Result<bool, StoreError> {
        let admin = admin.0.clone();
        self.write("keep the admin's secret", (admin, now), |(admin, now), conn| {
            Box::pin(async move {
                let done =
                    query("INSERT INTO admins (id, secret, changed_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING")
                        .bind(admin)
                        .bind(now.0)
                        .execute(conn)
                        .await?;
                Ok(done > 0)
            })
        })
        .await
    }

    async fn reset(&self, admin: &SecretHash, now: Timestamp) -> Result<(), StoreError> {
        let admin = admin.0.clone();
        self.write("replace the admin's secret", (admin, now), |(admin, now), conn| Box::pin(reset(conn, admin, *now)))
            .await
    }

    async fn is_admin(&self, secret: &SecretHash) -> Result<bool, StoreError> {
        let found: Option<i64> = query_scalar("SELECT id FROM admins WHERE secret = $1")
            .bind(secret.0.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("check the admin's secret")?;
        Ok(found.is_some())
    }

    async fn insert_session(&self, session: &Session, now: Timestamp) -> Result<(), StoreError> {
        self.write("keep the session", (session.clone(), now), |(session, now), conn| {
            Box::pin(async move {
                conn.alone().await?;
                query("DELETE FROM sessions WHERE expires_at <= $1").bind(now.0).execute(&mut *conn).await?;
                sessions::insert(conn, session).await
            })
        })
        .await
    }

    async fn session(&self, token: &SecretHash, now: Timestamp) -> Result<Option<Session>, StoreError> {
        const DOING: &str = "look up the session";
        let find = "SELECT s.token, s.label, COALESCE(p.role, s.role), s.created_at, s.expires_at, p.id, p.email
                    FROM sessions s LEFT JOIN people p ON p.id = s.person
                    WHERE s.token = $1 AND s.expires_at > $2 AND COALESCE(p.suspended, 0) = 0
                      AND (s.person IS NULL OR p.id IS NOT NULL)";
        let found: Option<sessions::Row> =
            query_as(find).bind(token.0.as_str()).bind(now.0).fetch_optional(&self.readers).await.doing(DOING)?;
        found.map(sessions::session).transpose().doing(DOING)
    }

    async fn sessions(&self, owner: Option<&PersonId>, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        const DOING: &str = "list the sessions";
        // Whoever has the admin's secret sees those that it began.
        let list = "SELECT s.token, s.label, COALESCE(p.role, s.role), s.created_at, s.expires_at, p.id, p.email
                    FROM sessions s LEFT JOIN people p ON p.id = s.person
                    WHERE (s.person = $1 OR ($1 IS NULL AND s.person IS NULL)) AND s.expires_at > $2
                    ORDER BY s.created_at DESC, s.token";
        let found: Vec<sessions::Row> =
            query_as(list).bind(owner.map(PersonId::as_str)).bind(now.0).fetch_all(&self.readers).await.doing(DOING)?;
        found.into_iter().map(sessions::session).collect::<Result<_, _>>().doing(DOING)
    }

    async fn delete_session(&self, token: &SecretHash) -> Result<(), StoreError> {
        let token = token.0.clone();
        self.write("end the session", token, |token, conn| {
            Box::pin(async move {
                query("DELETE FROM sessions WHERE token = $1").bind(token).execute(conn).await?;
                Ok(())
            })
        })
        .await
    }
}
