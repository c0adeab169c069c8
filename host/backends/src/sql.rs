//! The relational store: one SQLite file, written by one task and read by a few connections.
//!
//! Statements keep to what SQLite and PostgreSQL share (`$1`, `ON CONFLICT`, `RETURNING`, text ids, microseconds,
//! JSON as text); where one does not, it says so. Each file is one feature's port.

mod cache;
mod connections;
mod db;
mod delivery;
mod dump;
mod error;
mod events;
mod feeds;
mod hooks;
mod identity;
mod ingest;
mod page;
mod pipelines;
mod plugins;
mod retention;
#[cfg(test)]
mod tests;
mod words;
mod writeback;
mod writer;

pub use db::{OpenError, StoreOptions};

use crate::sealer::Sealer;
use cache::ConnectionCache;
use error::{Doing, Error};
use futures::future::BoxFuture;
use opssight_core::error::StoreError;
use opssight_core::events::{Bus, Topic};
use opssight_core::time::{Randomness, Timestamp};
use sqlx::SqlitePool;
use std::path::Path;
use std::sync::Arc;
use writeback::WriteBack;
use writer::Writer;

/// The connection type that statements run on.
pub(crate) type Conn = sqlx::SqliteConnection;

/// All storage ports on one SQLite file.
pub struct Store {
    writer: Writer,
    writeback: WriteBack,
    readers: SqlitePool,
    sealer: Sealer,
    random: Arc<dyn Randomness>,
    bus: Arc<dyn Bus>,
    connections: ConnectionCache,
    lock: db::DirLock,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Open the store in a directory, which is made if it is not there. Only one process can have it open.
    pub async fn open(dir: &Path, options: StoreOptions) -> Result<Arc<Store>, OpenError> {
        let opened = db::open(dir, &options).await?;
        Ok(Arc::new(Store {
            writer: opened.writer,
            writeback: opened.writeback,
            readers: opened.readers,
            sealer: opened.sealer,
            random: options.random,
            bus: options.bus,
            connections: ConnectionCache::default(),
            lock: opened.lock,
        }))
    }

    /// Finish what was begun, write everything back into the main file, and let others open the directory. What is
    /// asked of the store afterwards fails.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writeback.close().await;
        self.writer.close().await;
        self.lock.release();
    }

    /// Every problem that SQLite finds in its own file; empty when it is sound. Reads all of it.
    pub async fn problems(&self) -> Result<Vec<String>, StoreError> {
        let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(20)")
            .fetch_all(&self.readers)
            .await
            .doing("check the store's file")?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    /// Run a command on the writer; returns once it would survive a power cut.
    async fn write<D, T, F>(&self, doing: &'static str, data: D, run: F) -> Result<T, StoreError>
    where
        D: Send + Sync + 'static,
        T: Send + 'static,
        F: for<'a> Fn(&'a D, &'a mut Conn) -> BoxFuture<'a, Result<T, Error>> + Send + 'static,
    {
        self.writer.write(data, run, |_| ()).await.doing(doing)
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
        F: for<'a> Fn(&'a D, &'a mut Conn) -> BoxFuture<'a, Result<T, Error>> + Send + 'static,
    {
        let bus = Arc::clone(&self.bus);
        let after = move |result: Option<&T>| {
            if result.is_some_and(is_news) {
                bus.wake(topic);
            }
        };
        self.writer.write(data, run, after).await.doing(doing)
    }

    /// A new id whose order is the order of time.
    fn timed_id(&self, prefix: &str, at: Timestamp) -> String {
        let mut bytes = [0_u8; 10];
        self.random.fill(&mut bytes);
        let millis = u64::try_from(at.millis()).unwrap_or(0);
        format!("{prefix}_{}", uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid().simple())
    }
}
