//! The admin's secret and the sessions, as hashes.

mod keys;

use super::error::{Doing, Error};
use super::{Conn, Store};
use crate::sql::query::{query, query_as, query_scalar};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::identity::{IdentityStore, Role, SecretHash, Session};
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
                query("DELETE FROM sessions WHERE expires_at <= $1").bind(now.0).execute(&mut *conn).await?;
                query("INSERT INTO sessions (token, label, created_at, expires_at, role) VALUES ($1, $2, $3, $4, $5)")
                    .bind(session.token.0.as_str())
                    .bind(session.label.as_str())
                    .bind(now.0)
                    .bind(session.expires_at.0)
                    .bind(session.role.name())
                    .execute(conn)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    async fn session(&self, token: &SecretHash, now: Timestamp) -> Result<Option<Session>, StoreError> {
        const DOING: &str = "look up the session";
        let found: Option<(String, i64, String)> =
            query_as("SELECT label, expires_at, role FROM sessions WHERE token = $1 AND expires_at > $2")
                .bind(token.0.as_str())
                .bind(now.0)
                .fetch_optional(&self.readers)
                .await
                .doing(DOING)?;
        let session = |(label, expires_at, role): (String, i64, String)| {
            let role = Role::parse(&role).ok_or(Error::Word(role))?;
            Ok::<_, Error>(Session { token: token.clone(), label, role, expires_at: Timestamp(expires_at) })
        };
        found.map(session).transpose().doing(DOING)
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
