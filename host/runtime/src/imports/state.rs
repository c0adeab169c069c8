//! `opssight:plugin/state`: reads go to the store, writes stay in an overlay until the call has succeeded, and are
//! then handed to whoever commits the call's items.

use crate::bindings::opssight::plugin::state::{Host, KeyPage};
use crate::bindings::opssight::plugin::types::{Failure, FailureClass, PageRequest};
use crate::state::HostState;
use opssight_core::error::StoreError;
use opssight_core::plugins::StateWrite;
use std::collections::BTreeMap;

const MAX_KEY: usize = 512;
const MAX_VALUE: usize = 256 << 10;
const MAX_PAGE: u32 = 1_000;
/// Keys and values that one call may write: they are committed with its items, and others wait for that commit.
const MAX_WRITTEN: usize = 1 << 20;

/// What this call has written, and what the connection holds with it.
#[derive(Default)]
pub(crate) struct Overlay {
    writes: BTreeMap<String, Option<Vec<u8>>>,
    /// Of the keys and values in `writes`.
    written_bytes: usize,
    /// Bytes and keys in use, once they are known.
    usage: Option<(u64, u64)>,
}

impl Overlay {
    /// The writes, last one per key.
    pub(crate) fn into_writes(self) -> Vec<StateWrite> {
        self.writes.into_iter().map(|(key, value)| StateWrite { key, value }).collect()
    }
}

type Answer<T> = wasmtime::Result<Result<T, Failure>>;

impl Host for HostState {
    async fn get(&mut self, key: String) -> Answer<Option<Vec<u8>>> {
        self.within_host_calls()?;
        if let Err(failure) = self.given() {
            return Ok(Err(failure));
        }
        if let Some(value) = self.overlay.writes.get(&key) {
            return Ok(Ok(value.clone()));
        }
        Ok(self.call.read_state(&key).await.map_err(unavailable))
    }

    async fn set(&mut self, key: String, value: Vec<u8>) -> Answer<()> {
        self.within_host_calls()?;
        if key.is_empty() || key.len() > MAX_KEY || key.chars().any(char::is_control) {
            return Ok(Err(refused("state.key", format!("a key has 1 to {MAX_KEY} bytes and no control characters"))));
        }
        if value.len() > MAX_VALUE {
            return Ok(Err(refused("state.value", format!("a value has at most {MAX_VALUE} bytes"))));
        }
        Ok(self.write(key, Some(value)).await)
    }

    async fn delete(&mut self, key: String) -> Answer<()> {
        self.within_host_calls()?;
        Ok(self.write(key, None).await)
    }

    async fn list_keys(&mut self, prefix: String, page: PageRequest) -> Answer<KeyPage> {
        self.within_host_calls()?;
        if let Err(failure) = self.given() {
            return Ok(Err(failure));
        }
        let limit = page.limit.clamp(1, MAX_PAGE);
        let after = page.cursor;
        let within = |key: &String| key.starts_with(&prefix) && after.as_ref().is_none_or(|after| key > after);
        // Enough that those which this call has removed can be left out, and one more to know whether there is more.
        let own: Vec<_> = self.overlay.writes.iter().filter(|(key, _)| within(key)).collect();
        let ask = limit.saturating_add(u32::try_from(own.len()).unwrap_or(u32::MAX)).saturating_add(1);
        let stored = match self.call.state_keys(&prefix, after.as_deref(), ask).await {
            Ok(keys) => keys,
            Err(error) => return Ok(Err(unavailable(error))),
        };
        let mut keys: std::collections::BTreeSet<String> = stored.into_iter().collect();
        for (key, value) in own {
            if value.is_some() {
                keys.insert(key.clone());
            } else {
                keys.remove(key);
            }
        }
        let more = keys.len() > limit as usize;
        let keys: Vec<String> = keys.into_iter().take(limit as usize).collect();
        let next = if more { keys.last().cloned() } else { None };
        Ok(Ok(KeyPage { keys, next }))
    }
}

impl HostState {
    fn given(&self) -> Result<(), Failure> {
        if self.call.gives("state") { Ok(()) } else { Err(super::withheld("state")) }
    }

    async fn write(&mut self, key: String, value: Option<Vec<u8>>) -> Result<(), Failure> {
        self.given()?;
        let mut replaced = 0;
        let before = match self.overlay.writes.get(&key) {
            Some(value) => {
                let before = value.as_ref().map(Vec::len);
                replaced = key.len() + before.unwrap_or(0);
                before
            }
            None => {
                let before = self.call.read_state(&key).await.map_err(unavailable)?;
                if before == value {
                    return Ok(());
                }
                before.map(|value| value.len())
            }
        };
        let own = key.len() + value.as_ref().map_or(0, Vec::len);
        let written = self.overlay.written_bytes.saturating_sub(replaced).saturating_add(own);
        if written > MAX_WRITTEN {
            return Err(refused("state.quota", format!("a call writes at most {MAX_WRITTEN} bytes of state")));
        }
        let usage = match self.overlay.usage {
            Some(usage) => usage,
            None => self.call.state_usage().await.map_err(unavailable)?,
        };
        let size = |value: Option<usize>| value.map_or((0, 0), |len| ((key.len() + len) as u64, 1));
        let (old, new) = (size(before), size(value.as_ref().map(Vec::len)));
        let bytes = usage.0.saturating_sub(old.0).saturating_add(new.0);
        let keys = usage.1.saturating_sub(old.1).saturating_add(new.1);
        let budget = &self.call.budget;
        // Making room is always allowed.
        if (bytes > budget.state_bytes && bytes > usage.0) || (keys > budget.state_keys && keys > usage.1) {
            let (bytes, keys) = (budget.state_bytes, budget.state_keys);
            return Err(refused("state.quota", format!("a connection holds at most {bytes} bytes in {keys} keys")));
        }
        self.overlay.usage = Some((bytes, keys));
        self.overlay.written_bytes = written;
        self.overlay.writes.insert(key, value);
        Ok(())
    }
}

fn refused(code: &str, message: String) -> Failure {
    Failure { class: FailureClass::Internal, code: code.to_owned(), message, retry_after_ms: None, attrs: Vec::new() }
}

fn unavailable(error: StoreError) -> Failure {
    tracing::error!(error = %error, source = ?error.source, "plugin state is unavailable");
    Failure {
        class: FailureClass::Upstream,
        code: "state.unavailable".to_owned(),
        message: "the host cannot reach its store".to_owned(),
        retry_after_ms: None,
        attrs: Vec::new(),
    }
}
