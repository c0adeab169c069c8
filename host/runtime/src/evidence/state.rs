//! What a call reads of its plugin's state, through the tape.

use crate::context::CallContext;
use opssight_core::error::StoreError;
use opssight_core::plugins::evidence::Blob;
use serde_json::json;
use std::time::Duration;

/// What a look into the store takes, on threads that are not the call's. Counted as its CPU time, or a plugin could
/// have others work for it as long as it likes.
const LOOK: Duration = Duration::from_micros(50);

impl CallContext {
    /// One value of the connection.
    pub(crate) async fn read_state(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.meter.charge(LOOK);
        let live = async { Ok(self.services.state.get(&self.target.connection, key).await?.map(Blob)) };
        Ok(self.tape.ask("state.get", || json!({ "key": key }), live).await?.map(|blob| blob.0))
    }

    /// Keys with a prefix, after `after`.
    pub(crate) async fn state_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        self.meter.charge(LOOK);
        let live = self.services.state.keys(&self.target.connection, prefix, after, limit);
        let input = || json!({ "prefix": prefix, "after": after, "limit": limit });
        self.tape.ask("state.keys", input, live).await
    }

    /// Bytes and keys in use.
    pub(crate) async fn state_usage(&self) -> Result<(u64, u64), StoreError> {
        self.meter.charge(LOOK);
        self.tape.ask("state.usage", || json!({}), self.services.state.usage(&self.target.connection)).await
    }
}
