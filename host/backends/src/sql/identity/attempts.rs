//! How often passwords were tried, by account.
//!
//! Whoever writes takes the turn first: rows are held until the commit, and hosts that took them in another order would
//! wait for each other.

use crate::sql::Store;
use crate::sql::query::{query, query_scalar};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::identity::{AttemptStore, SecretHash, wait_after};
use opssight_core::time::Timestamp;

/// What was tried longer ago than this is forgotten: the longest wait is long over.
const FORGOTTEN_SECS: i64 = 24 * 3600;

#[async_trait]
impl AttemptStore for Store {
    async fn attempt(&self, account: &SecretHash, now: Timestamp) -> Result<Result<(), Timestamp>, StoreError> {
        self.write("count the attempt", (account.0.clone(), now), |(account, now), conn| {
            Box::pin(async move {
                conn.alone().await?;
                query("DELETE FROM sign_in_attempts WHERE last_at < $1")
                    .bind(now.plus_secs(-FORGOTTEN_SECS).0)
                    .execute(&mut *conn)
                    .await?;
                let counted: Option<i64> = query_scalar(
                    "INSERT INTO sign_in_attempts (account, attempts, retry_at, last_at) VALUES ($1, 1, 0, $2)
                     ON CONFLICT (account) DO UPDATE SET attempts = sign_in_attempts.attempts + 1, last_at = $2
                       WHERE sign_in_attempts.retry_at <= $2
                     RETURNING attempts",
                )
                .bind(account.as_str())
                .bind(now.0)
                .fetch_optional(&mut *conn)
                .await?;
                let Some(attempts) = counted else {
                    let until: i64 = query_scalar("SELECT retry_at FROM sign_in_attempts WHERE account = $1")
                        .bind(account.as_str())
                        .fetch_one(conn)
                        .await?;
                    return Ok(Err(Timestamp(until)));
                };
                let wait = wait_after(u32::try_from(attempts).unwrap_or(u32::MAX)).as_secs();
                let retry_at = now.plus_secs(i64::try_from(wait).unwrap_or(i64::MAX));
                query("UPDATE sign_in_attempts SET retry_at = $2 WHERE account = $1")
                    .bind(account.as_str())
                    .bind(retry_at.0)
                    .execute(conn)
                    .await?;
                Ok(Ok(()))
            })
        })
        .await
    }

    async fn succeeded(&self, account: &SecretHash) -> Result<(), StoreError> {
        self.write("forget the attempts", account.0.clone(), |account, conn| {
            Box::pin(async move {
                conn.alone().await?;
                query("DELETE FROM sign_in_attempts WHERE account = $1").bind(account.as_str()).execute(conn).await?;
                Ok(())
            })
        })
        .await
    }
}
