//! The statements of a rotation, on a connection of its own beside the hosts that run.

use super::{Place, RotateError};
use crate::SystemRandomness;
use crate::failpoint;
use crate::secrets::{KeyId, KeyRing, MasterKey, SealError, Sealed, Sealer, Wrapped, wrap};
use crate::sql::conn::{Conn, PgConn};
use crate::sql::keys::{self, PROBE};
use crate::sql::open::{OpenError, sql};
use crate::sql::query::{query, query_as, query_scalar};
use crate::sql::sqlite::{DirLock, Holder};
use crate::sql::{members, moving, notify, postgres, sqlite};
use sqlx::ConnectOptions;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The turn of those who rotate. One number for the whole store.
const TURN: i64 = 0x6f70_7374;

pub(super) struct Desk {
    conn: Conn,
    sealer: Sealer,
    /// Of SQLite.
    dir: Option<PathBuf>,
    /// Others wait until it is dropped.
    turn: Option<DirLock>,
}

/// Data keys that cannot be unwrapped.
pub(super) struct Unreadable {
    /// Whose they are.
    pub(super) owners: Vec<String>,
    /// Why not, of the first.
    pub(super) why: SealError,
}

/// The end of a batch.
pub(super) struct Last {
    pub(super) connection: String,
    pub(super) rows: u64,
}

impl Desk {
    pub(super) async fn open(place: &Place, ring: KeyRing) -> Result<Self, RotateError> {
        let (conn, dir) = match place {
            Place::Dir(dir) => {
                let file = dir.join("opssight.sqlite");
                if !file.exists() {
                    return Err(RotateError::Missing(file.display().to_string()));
                }
                let mut conn = sqlite::connect_options(&file).connect().await.map_err(sql("open its file"))?;
                moving::refuse_moved(&mut conn).await?;
                (Conn::Sqlite(conn), Some(dir.clone()))
            }
            Place::Database(address) => {
                let to = postgres::connect_options(address)?;
                let mut conn = postgres::connect(&to).await?;
                let has_tables: bool = sqlx::query_scalar("SELECT to_regclass('house') IS NOT NULL")
                    .fetch_one(&mut conn)
                    .await
                    .map_err(sql("look for its tables"))?;
                if !has_tables {
                    return Err(RotateError::Missing(postgres::place(&to)));
                }
                (Conn::Postgres(PgConn::new(conn)), None)
            }
        };
        let sealer = Sealer::new(ring, Arc::new(SystemRandomness), Duration::ZERO);
        Ok(Self { conn, sealer, dir, turn: None })
    }

    pub(super) async fn close(self) {
        // It ends with the process anyway.
        let _ended = self.conn.close().await;
    }

    /// One rotation at a time. False: somebody else rotates.
    pub(super) async fn take_turn(&mut self) -> Result<bool, RotateError> {
        if let Conn::Postgres(conn) = &mut self.conn {
            let take = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)").bind(TURN);
            return Ok(take.fetch_one(&mut conn.conn).await.map_err(sql("take the turn to rotate"))?);
        }
        let Some(dir) = &self.dir else { return Ok(false) };
        match DirLock::take(dir, Holder::Rotation) {
            Ok(turn) => self.turn = Some(turn),
            Err(OpenError::InUse { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        // Only now: a move has the turn until the file says that it was moved.
        if let Conn::Sqlite(conn) = &mut self.conn {
            moving::refuse_moved(conn).await?;
        }
        Ok(true)
    }

    /// The ring has what the store is sealed with; if the store never said which key it uses, it does now.
    pub(super) async fn opens(&mut self) -> Result<(), RotateError> {
        Ok(keys::check_key(&mut self.conn, &self.sealer).await?)
    }

    /// Which key data keys are under.
    pub(super) async fn sealing_key(&mut self) -> Result<KeyId, RotateError> {
        let known = keys::sealing_key(&mut self.conn).await.map_err(sql("read which master key is used"))?;
        match known {
            Some(known) => Ok(known),
            None => {
                let probe = keys::probe(&mut self.conn).await.map_err(sql("read the master key's probe"))?;
                let probe = probe.ok_or(SealError::Unseal)?;
                Ok(self.sealer.unwrap(PROBE, &probe.data_key).await?.1)
            }
        }
    }

    /// From the commit on, this one.
    pub(super) async fn use_key(&mut self, key: KeyId) -> Result<(), RotateError> {
        query("UPDATE house SET value = $1 WHERE name = 'sealing-key'")
            .bind(&key.0[..])
            .execute(&mut self.conn)
            .await
            .map_err(sql("say which master key is used"))?;
        Ok(())
    }

    /// The keys of each process that works on the store.
    pub(super) async fn holders(&mut self) -> Result<Vec<Vec<KeyId>>, RotateError> {
        let rows: Result<Vec<Option<Vec<u8>>>, _> = match &self.conn {
            Conn::Postgres(_) => {
                query_scalar(
                    "SELECT h.value FROM members m LEFT JOIN house h ON h.name = 'ring:' || m.id
                     WHERE m.seen_at >= now_us() - $1",
                )
                .bind(members::GONE_AFTER)
                .fetch_all(&mut self.conn)
                .await
            }
            Conn::Sqlite(_) if !self.has_host() => return Ok(Vec::new()),
            Conn::Sqlite(_) => {
                query_scalar("SELECT value FROM house WHERE name LIKE 'ring:%'").fetch_all(&mut self.conn).await
            }
        };
        let rows = rows.map_err(sql("ask which keys the processes have"))?;
        let ids = |value: Option<Vec<u8>>| value.unwrap_or_default().chunks(8).filter_map(KeyId::from_bytes).collect();
        let mut holders: Vec<Vec<KeyId>> = rows.into_iter().map(ids).collect();
        if holders.is_empty() && self.dir.is_some() {
            // A host that says nothing is one of a version that has no ring.
            holders.push(Vec::new());
        }
        Ok(holders)
    }

    /// Whether a host has the SQLite file open. Where that cannot be seen there may be one.
    fn has_host(&self) -> bool {
        let Some(dir) = &self.dir else { return false };
        match File::open(dir.join("opssight.lock")) {
            Ok(lock) => lock.try_lock_shared().is_err(),
            Err(error) => error.kind() != std::io::ErrorKind::NotFound,
        }
    }

    pub(super) async fn count(&mut self) -> Result<u64, RotateError> {
        let count: i64 = query_scalar("SELECT COUNT(*) FROM credentials")
            .fetch_one(&mut self.conn)
            .await
            .map_err(sql("count the data keys"))?;
        Ok(count.unsigned_abs())
    }

    /// Every data key, with whose it is.
    pub(super) async fn all(&mut self) -> Result<Vec<(String, Vec<u8>)>, RotateError> {
        let mut rows: Vec<(String, Vec<u8>)> =
            query_as("SELECT connection, data_key FROM credentials ORDER BY connection")
                .fetch_all(&mut self.conn)
                .await
                .map_err(sql("read the data keys"))?;
        let probe = keys::probe(&mut self.conn).await.map_err(sql("read the master key's probe"))?;
        rows.extend(probe.map(|probe| (PROBE.to_owned(), probe.data_key)));
        Ok(rows)
    }

    /// What a data key is under, if it is said or a key of the ring opens it.
    pub(super) fn under(&self, (owner, stored): &(String, Vec<u8>)) -> Option<(KeyId, Option<u64>)> {
        let wrapped = Wrapped::read(stored)?;
        match wrapped.by() {
            Some(by) => Some((by, wrapped.version())),
            None => Some((self.sealer.who_wrapped(owner, stored)?, None)),
        }
    }

    /// Whether something that the ring opens is not under this key, or under an older version of it. What it does not
    /// open nothing can bring under another key, and no rotation would ever be finished with it.
    pub(super) async fn has_left(&mut self, key: KeyId, least: Option<u64>) -> Result<bool, RotateError> {
        for row in self.all().await? {
            let is_done = self.under(&row).is_some_and(|under| is_under(under, key, least));
            if is_done {
                continue;
            }
            match self.sealer.unwrap(&row.0, &row.1).await {
                Ok(_) => return Ok(true),
                Err(error) if error.is_of_this_one() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// Wrap anew what comes after a connection; none: there is nothing after it.
    pub(super) async fn rewrap(
        &mut self,
        key: &MasterKey,
        least: Option<u64>,
        (after, batch): (&str, u32),
        rewrapped: &mut u64,
        unreadable: &mut Option<Unreadable>,
    ) -> Result<Option<Last>, RotateError> {
        let rows: Vec<(String, Vec<u8>)> =
            query_as("SELECT connection, data_key FROM credentials WHERE connection > $1 ORDER BY connection LIMIT $2")
                .bind(after)
                .bind(i64::from(batch.max(1)))
                .fetch_all(&mut self.conn)
                .await
                .map_err(sql("read the data keys"))?;
        let Some((last, _)) = rows.last() else { return Ok(None) };
        let last = Last { connection: last.clone(), rows: rows.len() as u64 };
        let mut anew = Vec::new();
        for (owner, was) in rows.into_iter().filter(|(_, stored)| !says_under(stored, key.id(), least)) {
            match self.sealer.unwrap(&owner, &was).await {
                Ok((data_key, _)) => {
                    let now = wrap(key, &owner, &data_key).await?;
                    anew.push((owner, was, now));
                }
                Err(why) if why.is_of_this_one() => {
                    unreadable.get_or_insert(Unreadable { owners: Vec::new(), why }).owners.push(owner);
                }
                Err(error) => return Err(error.into()),
            }
        }
        *rewrapped += self.write(anew).await?;
        Ok(Some(last))
    }

    /// In one transaction; what was sealed anew meanwhile stays as it is, and is under the new key.
    async fn write(&mut self, anew: Vec<(String, Vec<u8>, Vec<u8>)>) -> Result<u64, RotateError> {
        if anew.is_empty() {
            return Ok(0);
        }
        let conn = &mut self.conn;
        let doing = "write the data keys";
        conn.begin().await.map_err(sql(doing))?;
        let mut written = 0;
        for (owner, was, now) in anew {
            let done = query("UPDATE credentials SET data_key = $3 WHERE connection = $1 AND data_key = $2")
                .bind(owner.as_str())
                .bind(was)
                .bind(now)
                .execute(&mut *conn)
                .await
                .map_err(sql(doing))?;
            if done > 0 {
                written += done;
                conn.tell(notify::CONNECTIONS, &owner).await.map_err(sql(doing))?;
            }
        }
        conn.say("COMMIT").await.map_err(sql(doing))?;
        failpoint::reached(super::DOING, "wrote a batch");
        Ok(written)
    }

    pub(super) async fn rewrap_probe(&mut self, key: &MasterKey, least: Option<u64>) -> Result<(), RotateError> {
        let probe = keys::probe(&mut self.conn).await.map_err(sql("read the master key's probe"))?;
        let Some(Sealed { data_key: was, .. }) = probe.filter(|probe| !says_under(&probe.data_key, key.id(), least))
        else {
            return Ok(());
        };
        let (data_key, _) = self.sealer.unwrap(PROBE, &was).await?;
        let now = wrap(key, PROBE, &data_key).await?;
        query("UPDATE house SET value = $2 WHERE name = 'probe-key' AND value = $1")
            .bind(was)
            .bind(now)
            .execute(&mut self.conn)
            .await
            .map_err(sql("write the master key's probe"))?;
        Ok(())
    }
}

/// Whether it says so. What says nothing is wrapped anew as well.
fn says_under(stored: &[u8], key: KeyId, least: Option<u64>) -> bool {
    let under = |wrapped: Wrapped<'_>| Some((wrapped.by()?, wrapped.version()));
    Wrapped::read(stored).and_then(under).is_some_and(|under| is_under(under, key, least))
}

fn is_under((by, version): (KeyId, Option<u64>), key: KeyId, least: Option<u64>) -> bool {
    by == key && least.is_none_or(|least| version.is_some_and(|version| version >= least))
}
