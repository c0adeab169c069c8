//! What the store knows of master keys: by which of them data keys are wrapped now, and which of them each process has.
//! Rotation ([`super::rotation`]) goes by both, so that no row is ever under a key that somebody who works on the store
//! does not have.

use super::Store;
use super::conn::{Conn, Readers};
use super::error::{Doing, Error};
use super::open::{OpenError, sql};
use super::query::{Spelt, query, query_as, query_scalar};
use crate::secrets::{KeyId, SealError, Sealed, Sealer, Wrapped};
use opssight_core::error::StoreError;
use std::sync::Weak;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often a process looks whether its keys are others by now.
const EVERY: Duration = Duration::from_secs(2);

/// So many of those later it says again which it has.
const AGAIN: u32 = 5;

pub(super) const PROBE: &str = "probe";

/// Which key data keys are to be under.
const SEALING_KEY: &str = "SELECT value FROM house WHERE name = 'sealing-key'";

/// A store remembers something that only its master key opens, so that a wrong key is found now and not when the
/// first delivery comes; and which key it is that new data keys are under.
pub(super) async fn check_key(conn: &mut Conn, sealer: &Sealer) -> Result<(), OpenError> {
    let probe = match probe(conn).await.map_err(sql("read the master key's probe"))? {
        Some(probe) => probe,
        None => make_probe(conn, sealer).await?,
    };
    let by = unseal_probe(sealer, &probe).await?;
    // A store from before there was a ring: what its probe is under.
    query("INSERT INTO house (name, value) VALUES ('sealing-key', $1) ON CONFLICT (name) DO NOTHING")
        .bind(&by.0[..])
        .execute(&mut *conn)
        .await
        .map_err(sql("note which master key is used"))?;
    wrap_as_told(conn, sealer, by).await
}

/// The same without noting anything.
pub(super) async fn open_probe(conn: &mut Conn, sealer: &Sealer, probe: &Sealed) -> Result<(), OpenError> {
    let by = unseal_probe(sealer, probe).await?;
    wrap_as_told(conn, sealer, by).await
}

/// Which key the probe is under.
async fn unseal_probe(sealer: &Sealer, probe: &Sealed) -> Result<KeyId, OpenError> {
    let (data_key, by) = sealer.unwrap(PROBE, &probe.data_key).await.map_err(wrong)?;
    sealer.open(PROBE, &data_key, probe).map_err(wrong)?;
    Ok(by)
}

/// New data keys are under the key that the store says, or under that of the probe.
async fn wrap_as_told(conn: &mut Conn, sealer: &Sealer, by: KeyId) -> Result<(), OpenError> {
    let under = sealing_key(conn).await.map_err(sql("read which master key is used"))?.unwrap_or(by);
    sealer.wrap_under(under).map_err(|_| OpenError::MissingKey(under))
}

fn wrong(error: SealError) -> OpenError {
    match error {
        SealError::Unseal => OpenError::WrongKey,
        SealError::UnknownKey(id) => OpenError::MissingKey(id),
        error => OpenError::Seal(error),
    }
}

async fn make_probe(conn: &mut Conn, sealer: &Sealer) -> Result<Sealed, OpenError> {
    let sealed = sealer.seal(PROBE, PROBE.as_bytes()).await?;
    // Both or neither, also where another process has another key.
    query("INSERT INTO house (name, value) VALUES ('probe-key', $1), ('probe', $2) ON CONFLICT (name) DO NOTHING")
        .bind(sealed.data_key.clone())
        .bind(sealed.sealed.clone())
        .execute(&mut *conn)
        .await
        .map_err(sql("keep the master key's probe"))?;
    // Another process may have been quicker, with a key of its own.
    Ok(probe(conn).await.map_err(sql("read the master key's probe"))?.unwrap_or(sealed))
}

pub(super) async fn probe(conn: &mut Conn) -> Result<Option<Sealed>, sqlx::Error> {
    let known: Vec<(String, Vec<u8>)> =
        query_as("SELECT name, value FROM house WHERE name IN ('probe-key', 'probe')").fetch_all(conn).await?;
    let find = |wanted: &str| known.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.clone());
    Ok(find("probe-key").zip(find("probe")).map(|(data_key, sealed)| Sealed { data_key, sealed }))
}

/// Which key data keys are to be under.
pub(super) async fn sealing_key(conn: &mut Conn) -> Result<Option<KeyId>, sqlx::Error> {
    let value: Option<Vec<u8>> = query_scalar(SEALING_KEY).fetch_optional(conn).await?;
    Ok(value.and_then(|value| KeyId::from_bytes(&value)))
}

/// Called in the transaction that writes a data key. A rotation that has begun waits for its end, or it waits for that
/// of the rotation and sees what it decided: after a rotation has looked through all rows, none comes under the old key.
pub(super) async fn still_right(conn: &mut Conn, sealed: &Sealed) -> Result<(), Error> {
    const NOW: Spelt =
        Spelt { sqlite: SEALING_KEY, postgres: "SELECT value FROM house WHERE name = 'sealing-key' FOR SHARE" };
    let now: Option<Vec<u8>> = query_scalar(NOW.for_conn(conn)).fetch_optional(conn).await?;
    let under = Wrapped::read(&sealed.data_key).and_then(|wrapped| wrapped.by());
    if now.and_then(|now| KeyId::from_bytes(&now)) == under { Ok(()) } else { Err(SealError::Rotated.into()) }
}

impl Store {
    /// The name of this installation: all who work on this store have it, and nobody else. It stays when master keys
    /// are rotated, which the probe's own text outlives.
    pub async fn installation(&self) -> Result<String, StoreError> {
        let probe: Vec<u8> = query_scalar("SELECT value FROM house WHERE name = 'probe'")
            .fetch_one(&self.readers)
            .await
            .doing("read the name of the installation")?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &probe);
        Ok(digest.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }

    /// What proves that something about a session comes from somebody who works on this store. It is made when it is
    /// first asked for, and is another one once the admin's secret was replaced.
    pub async fn sessions_key(&self) -> Result<Vec<u8>, StoreError> {
        let mut fresh = vec![0_u8; 32];
        self.random.fill(&mut fresh);
        self.write("make a key for sessions", fresh, |fresh, conn| {
            Box::pin(async move {
                query("INSERT INTO house (name, value) VALUES ('sessions-key', $1) ON CONFLICT (name) DO NOTHING")
                    .bind(fresh.as_slice())
                    .execute(&mut *conn)
                    .await?;
                Ok(query_scalar("SELECT value FROM house WHERE name = 'sessions-key'").fetch_one(conn).await?)
            })
        })
        .await
    }

    /// Use the key that the store says.
    pub(super) async fn learn_key(&self) -> Result<(), Error> {
        let value: Option<Vec<u8>> = query_scalar(SEALING_KEY).fetch_optional(&self.readers).await?;
        let under = value.and_then(|value| KeyId::from_bytes(&value)).ok_or(SealError::Rotated)?;
        Ok(self.sealer.wrap_under(under)?)
    }

    /// Tell those who rotate which keys this process has; returns those.
    pub(super) async fn tell_keys(&self) -> Result<Vec<KeyId>, StoreError> {
        let told = self.sealer.ring().ids();
        let data = (format!("ring:{}", self.member), told.iter().flat_map(|id| id.0).collect::<Vec<u8>>());
        self.write("say which master keys this process has", data, |(name, ids), conn| {
            Box::pin(async move {
                // Of processes that are gone. SQLite has one process at a time.
                const GONE: Spelt = Spelt {
                    sqlite: "DELETE FROM house WHERE name LIKE 'ring:%'",
                    postgres: "DELETE FROM house WHERE name LIKE 'ring:%'
                                 AND NOT EXISTS (SELECT 1 FROM members m WHERE house.name = 'ring:' || m.id)",
                };
                query(GONE.for_conn(conn)).execute(&mut *conn).await?;
                query(
                    "INSERT INTO house (name, value) VALUES ($1, $2)
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                )
                .bind(name.as_str())
                .bind(ids.as_slice())
                .execute(conn)
                .await?;
                Ok(())
            })
        })
        .await?;
        Ok(told)
    }
}

/// Until the store is gone or closed, look whether there are other keys than were `told`, and say so. On PostgreSQL it is said now and
/// then in any case: whoever was slow for a while may have been taken for gone.
pub(super) async fn watch(store: Weak<Store>, mut told: Vec<KeyId>, stop: CancellationToken) {
    let mut rounds = 0_u32;
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        let Some(store) = store.upgrade() else { return };
        rounds = rounds.wrapping_add(1);
        if let Err(error) = store.sealer.ring().read_again() {
            tracing::warn!(error = %error, "the master keys cannot be read again; those that are known are used");
        }
        let is_shared = matches!(store.readers, Readers::Postgres(_));
        if told == store.sealer.ring().ids() && !(is_shared && rounds.is_multiple_of(AGAIN)) {
            continue;
        }
        match store.tell_keys().await {
            Ok(now) => told = now,
            Err(error) => {
                tracing::warn!(error = %error, source = ?error.source, "failed to say which master keys this process has");
            }
        }
    }
}
