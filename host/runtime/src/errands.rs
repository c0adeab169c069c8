//! What the store is asked for on behalf of calls, done on the threads of the host.
//!
//! A call that computes for long waits for its turn in the middle of everything it does. If it asked the store itself,
//! it would keep one of the store's few connections for all that time, and those who are quick would wait for it.

use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::ConnectionId;
use opssight_core::plugins::{CredentialSource, Credentials, PluginState};
use std::future::Future;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

/// Questions at once, so that the others find a connection whatever plugins ask for.
const AT_ONCE: usize = 2;

/// Where errands are done.
#[derive(Clone)]
pub(crate) struct Runner {
    /// None: nobody but the calls has threads here.
    host: Option<Handle>,
    places: Arc<Semaphore>,
}

impl Runner {
    /// The runtime that this is called in.
    pub(crate) fn here() -> Self {
        Self { host: Handle::try_current().ok(), places: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// For the calls to ask.
    pub(crate) fn asks<S: ?Sized>(&self, source: Arc<S>) -> Errands<S> {
        Errands { source, runner: self.clone() }
    }
}

/// Stands before a source of something.
pub(crate) struct Errands<S: ?Sized> {
    source: Arc<S>,
    runner: Runner,
}

impl<S: ?Sized + Send + Sync + 'static> Errands<S> {
    async fn run<T, F>(&self, doing: &'static str, work: impl FnOnce(Arc<S>) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let work = work(Arc::clone(&self.source));
        let Some(host) = &self.runner.host else { return work.await };
        let places = Arc::clone(&self.runner.places);
        // The place is taken in there: whoever has one is under way.
        let errand = host.spawn(async move {
            let _place = places.acquire().await;
            work.await
        });
        // Nobody waits for the answer when the call has ended.
        match AbortOnDropHandle::new(errand).await {
            Ok(answer) => answer,
            // As if it had been done here.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(error) => Err(StoreError::new(doing, error)),
        }
    }
}

#[async_trait]
impl CredentialSource for Errands<dyn CredentialSource> {
    async fn credentials(&self, connection: &ConnectionId) -> Result<Credentials, StoreError> {
        let connection = connection.clone();
        self.run("read credentials", |source| async move { source.credentials(&connection).await }).await
    }
}

#[async_trait]
impl PluginState for Errands<dyn PluginState> {
    async fn get(&self, connection: &ConnectionId, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (connection, key) = (connection.clone(), key.to_owned());
        self.run("read the plugin's state", |source| async move { source.get(&connection, &key).await }).await
    }

    async fn keys(
        &self,
        connection: &ConnectionId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        let (connection, prefix, after) = (connection.clone(), prefix.to_owned(), after.map(str::to_owned));
        let keys = |source: Arc<dyn PluginState>| async move {
            source.keys(&connection, &prefix, after.as_deref(), limit).await
        };
        self.run("list the plugin's state", keys).await
    }

    async fn usage(&self, connection: &ConnectionId) -> Result<(u64, u64), StoreError> {
        let connection = connection.clone();
        self.run("measure the plugin's state", |source| async move { source.usage(&connection).await }).await
    }
}
