//! The relational store: a SQLite file or a PostgreSQL database, written by one task of each process and read by a few
//! connections.
//!
//! Statements keep to what both share (`$1`, `ON CONFLICT`, `RETURNING`, text ids, microseconds, JSON as text) and
//! stand once; where the two must differ, they stand side by side ([`query::Spelt`]). Each file is one feature's port.

mod cache;
mod checkup;
mod conn;
mod connections;
mod delivery;
mod dump;
mod error;
mod events;
mod feeds;
mod hooks;
mod identity;
mod ingest;
mod keys;
mod members;
mod moving;
mod notify;
mod open;
mod page;
mod pipelines;
mod plugins;
mod postgres;
mod query;
mod relays;
mod retention;
mod rotation;
mod sqlite;
#[cfg(test)]
mod tests;
mod timers;
mod upkeep;
mod words;
mod writeback;
mod writer;

pub use checkup::{Checkup, ServerCheckup, check_up_database, check_up_file, file_holder, file_problems};
pub use moving::{MoveError, MoveStep, Moved, move_to_postgres, undo_move};
pub use open::{OpenError, StoreOptions};
pub use rotation::{
    KeyUse, Place, Rotate, RotateError, Rotated, Rotation, SecretsStatus, rotate_secrets, secrets_status,
};
pub use sqlite::CHECKED_AT_OPEN_BYTES;
pub use upkeep::{Moving, StoreStatus, UpkeepError, backup, database_status, file_status, restore};

use crate::secrets::Sealer;
use cache::ConnectionCache;
pub(crate) use conn::Conn;
use conn::Readers;
use error::{Doing, Error};
use futures::future::BoxFuture;
use open::Opened;
use opssight_core::error::StoreError;
use opssight_core::events::{Bus, Topic};
use opssight_core::time::{Randomness, Timestamp};
use sqlite::OpenFile;
use std::path::Path;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use writer::Writer;

/// All storage ports on one relational store.
pub struct Store {
    writer: Writer,
    readers: Readers,
    sealer: Sealer,
    random: Arc<dyn Randomness>,
    bus: Arc<dyn Bus>,
    connections: ConnectionCache,
    /// Of SQLite.
    file: Option<OpenFile>,
    /// This process among those that work on the store.
    member: String,
    closed: CancellationToken,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Open the SQLite file in a directory, which is made if it is not there. Only one process can have it open.
    pub async fn open(dir: &Path, options: StoreOptions) -> Result<Arc<Store>, OpenError> {
        let opened = sqlite::open(dir, &options).await?;
        let store = Arc::new(Self::of(opened, options));
        let told = store.tell_keys().await.map_err(OpenError::Join)?;
        tokio::spawn(keys::watch(Arc::downgrade(&store), told, store.closed.clone()));
        tokio::spawn(moving::watch(Arc::downgrade(&store), dir.to_owned(), store.closed.clone()));
        Ok(store)
    }

    /// Open the PostgreSQL database at an address (`postgres://user:password@host:5432/name`). Any number of processes
    /// can have it open.
    pub async fn connect(address: &str, options: StoreOptions) -> Result<Arc<Store>, OpenError> {
        let opened = postgres::open(address, &options).await?;
        let store = Arc::new(Self::of(opened, options));
        store.attend().await.map_err(OpenError::Join)?;
        let told = store.tell_keys().await.map_err(OpenError::Join)?;
        if let Readers::Postgres(pool) = &store.readers {
            store.connections.trust(false);
            let (pool, cache) = (pool.clone(), store.connections.clone());
            let ear = notify::Ear { pool, cache, bus: Arc::clone(&store.bus), stop: store.closed.clone() };
            tokio::spawn(ear.listen());
        }
        tokio::spawn(members::stay(Arc::downgrade(&store), store.closed.clone()));
        tokio::spawn(keys::watch(Arc::downgrade(&store), told, store.closed.clone()));
        Ok(store)
    }

    fn of(opened: Opened, options: StoreOptions) -> Self {
        let mut id = [0_u8; 8];
        options.random.fill(&mut id);
        Self {
            writer: opened.writer,
            readers: opened.readers,
            sealer: opened.sealer,
            random: options.random,
            bus: options.bus,
            connections: ConnectionCache::default(),
            file: opened.file,
            member: format!("mbr_{:016x}", u64::from_be_bytes(id)),
            closed: CancellationToken::new(),
        }
    }

    /// Finish what was begun, write everything back into the main file, and let others open the directory. What is
    /// asked of the store afterwards fails.
    pub async fn close(&self) {
        self.closed.cancel();
        if self.file.is_none() {
            let left =
                self.write("leave the others", self.member.clone(), |id, conn| Box::pin(members::leave(conn, id)));
            if let Err(error) = left.await {
                tracing::warn!(error = %error, source = ?error.source, "the others take over once they notice");
            }
        }
        self.readers.close().await;
        if let Some(file) = &self.file {
            file.rest().await;
        }
        self.writer.close().await;
        if let Some(file) = &self.file {
            file.release();
        }
    }

    /// Every problem that SQLite finds in its own file; empty when it is sound. Reads all of it. PostgreSQL looks
    /// after its own.
    pub async fn problems(&self) -> Result<Vec<String>, StoreError> {
        let Readers::Sqlite(readers) = &self.readers else { return Ok(Vec::new()) };
        let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(20)")
            .fetch_all(readers)
            .await
            .doing("check the store's file")?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    /// Stay a member of those who work on this store; how much was taken over from one that is gone.
    async fn attend(&self) -> Result<u64, StoreError> {
        let attend = self.write("say that this process is there", self.member.clone(), |id, conn| {
            Box::pin(members::attend(conn, id))
        });
        let taken = attend.await?;
        if taken > 0 {
            self.bus.wake(Topic::Inbox);
            self.bus.wake(Topic::Feeds);
        }
        Ok(taken)
    }

    /// Run a command on the writer; returns once it would survive a power cut.
    async fn write<D, T, F>(&self, doing: &'static str, data: D, run: F) -> Result<T, StoreError>
    where
        D: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> Fn(&'a D, &'a mut Conn) -> BoxFuture<'a, Result<T, Error>> + Send + 'static,
    {
        self.write_then(doing, data, run, |_| ()).await
    }

    /// [`Store::write`] that calls `after` between the commit and the answer, see [`Writer::write`].
    async fn write_then<D, T, F, A>(&self, doing: &'static str, data: D, run: F, after: A) -> Result<T, StoreError>
    where
        D: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> Fn(&'a D, &'a mut Conn) -> BoxFuture<'a, Result<T, Error>> + Send + 'static,
        A: FnOnce(Option<&T>) + Send + 'static,
    {
        self.writer.write(doing, data, run, after).await.doing(doing)
    }

    /// [`Store::write`] that also wakes a topic if the result calls for it.
    async fn write_and_wake<D, T, F>(
        &self,
        doing: &'static str,
        (topic, is_news): (Topic, fn(&T) -> bool),
        data: D,
        run: F,
    ) -> Result<T, StoreError>
    where
        D: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> Fn(&'a D, &'a mut Conn) -> BoxFuture<'a, Result<T, Error>> + Send + Sync + 'static,
    {
        let bus = Arc::clone(&self.bus);
        let after = move |result: Option<&T>| {
            if result.is_some_and(is_news) {
                bus.wake(topic);
            }
        };
        let run = Arc::new(run);
        let news = (topic, is_news);
        self.write_then(doing, data, move |data, conn| told(Arc::clone(&run), news, data, conn), after).await
    }

    /// A new id whose order is the order of time.
    fn timed_id(&self, prefix: &str, at: Timestamp) -> String {
        let mut bytes = [0_u8; 10];
        self.random.fill(&mut bytes);
        let millis = u64::try_from(at.millis()).unwrap_or(0);
        format!("{prefix}_{}", uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid().simple())
    }
}

/// Run a command, and tell the other processes if its result is news.
fn told<'a, D, T, F>(
    run: Arc<F>,
    (topic, is_news): (Topic, fn(&T) -> bool),
    data: &'a D,
    conn: &'a mut Conn,
) -> BoxFuture<'a, Result<T, Error>>
where
    D: Send + Sync,
    T: Send + 'static,
    F: for<'b> Fn(&'b D, &'b mut Conn) -> BoxFuture<'b, Result<T, Error>> + Send + Sync + 'static,
{
    Box::pin(async move {
        let result = run(data, conn).await?;
        if is_news(&result) {
            conn.tell(notify::NEWS, notify::word(topic)).await?;
        }
        Ok(result)
    })
}
