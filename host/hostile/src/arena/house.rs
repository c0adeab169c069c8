//! State, credentials and the clock.

use async_trait::async_trait;
use opssight_backends::Store;
use opssight_core::error::StoreError;
use opssight_core::id::ConnectionId;
use opssight_core::plugins::{Credential, CredentialSource, Credentials, PluginState};
use opssight_core::time::{Clock, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// When the cases take place.
pub const NOW: Timestamp = Timestamp(1_763_800_000_000_000);

/// State and credentials of every connection.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) state: Mutex<BTreeMap<(ConnectionId, String), Vec<u8>>>,
    /// Where state is read instead, if anywhere.
    store: Mutex<Option<Arc<Store>>>,
    credentials: Mutex<BTreeMap<ConnectionId, Credentials>>,
}

impl Memory {
    pub(crate) fn credential(&self, of: &ConnectionId, name: &str, scheme: &str, inputs: &[(&str, &str)]) {
        let inputs = inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let credential = Credential { scheme: scheme.to_owned(), inputs };
        self.credentials.lock().unwrap().entry(of.clone()).or_default().insert(name.to_owned(), credential);
    }

    /// Until the case ends, state is read from there.
    pub(crate) fn read_from(&self, store: &Arc<Store>) {
        *self.store.lock().unwrap() = Some(Arc::clone(store));
    }

    fn store(&self) -> Option<Arc<Store>> {
        self.store.lock().unwrap().clone()
    }

    pub(crate) fn clear(&self) {
        self.state.lock().unwrap().clear();
        *self.store.lock().unwrap() = None;
        self.credentials.lock().unwrap().clear();
    }
}

#[async_trait]
impl PluginState for Memory {
    async fn get(&self, connection: &ConnectionId, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(store) = self.store() {
            return store.get(connection, key).await;
        }
        Ok(self.state.lock().unwrap().get(&(connection.clone(), key.to_owned())).cloned())
    }

    async fn keys(
        &self,
        connection: &ConnectionId,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        if let Some(store) = self.store() {
            return store.keys(connection, prefix, after, limit).await;
        }
        let state = self.state.lock().unwrap();
        let fits = |key: &&String| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after);
        let keys = state.keys().filter(|(of, _)| of == connection).map(|(_, key)| key).filter(fits);
        Ok(keys.take(limit as usize).cloned().collect())
    }

    async fn usage(&self, connection: &ConnectionId) -> Result<(u64, u64), StoreError> {
        if let Some(store) = self.store() {
            return store.usage(connection).await;
        }
        let state = self.state.lock().unwrap();
        let own = state.iter().filter(|((of, _), _)| of == connection);
        let (bytes, keys) =
            own.fold((0, 0), |(bytes, keys), ((_, key), value)| (bytes + key.len() + value.len(), keys + 1));
        Ok((bytes as u64, keys))
    }
}

#[async_trait]
impl CredentialSource for Memory {
    async fn credentials(&self, connection: &ConnectionId) -> Result<Credentials, StoreError> {
        Ok(self.credentials.lock().unwrap().get(connection).cloned().unwrap_or_default())
    }
}

/// Stands still unless it is moved.
pub(crate) struct HandClock(pub(crate) Mutex<Timestamp>);

impl HandClock {
    pub(crate) fn advance_secs(&self, secs: i64) {
        let mut now = self.0.lock().unwrap();
        *now = now.plus_secs(secs);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}
