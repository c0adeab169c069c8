//! A small durable store of this connection. What a call writes is kept, together with its items, when the call
//! returns `Ok`, and dropped when it fails. The host limits bytes and keys: put cursors and ETags here, not data.

use crate::Failure;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The value of a key; `None` when there is none, or when it was written in a shape that is no longer understood
/// (an older version of the plugin), which is the same as never having been there.
pub fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Failure> {
    Ok(get_bytes(key)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Write a value as JSON.
pub fn set<T: Serialize>(key: &str, value: &T) -> Result<(), Failure> {
    let bytes = serde_json::to_vec(value).map_err(|error| {
        Failure::internal("state.unwritable", format!("\"{key}\" cannot be written as JSON: {error}"))
    })?;
    set_bytes(key, &bytes)
}

/// The raw value of a key.
pub fn get_bytes(key: &str) -> Result<Option<Vec<u8>>, Failure> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::host::opssight::plugin::state::get(key);
    #[cfg(not(target_arch = "wasm32"))]
    Ok(crate::native::state_get(key))
}

/// Write a raw value.
pub fn set_bytes(key: &str, value: &[u8]) -> Result<(), Failure> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::host::opssight::plugin::state::set(key, value);
    #[cfg(not(target_arch = "wasm32"))]
    {
        crate::native::state_set(key, value);
        Ok(())
    }
}

/// Remove a key; one that is not there is fine.
pub fn delete(key: &str) -> Result<(), Failure> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::host::opssight::plugin::state::delete(key);
    #[cfg(not(target_arch = "wasm32"))]
    {
        crate::native::state_delete(key);
        Ok(())
    }
}

/// One page of the keys that begin with `prefix`, in order, with where to go on.
pub fn keys(prefix: &str, cursor: Option<&str>, limit: u32) -> Result<(Vec<String>, Option<String>), Failure> {
    #[cfg(target_arch = "wasm32")]
    {
        let page = crate::PageRequest { cursor: cursor.map(str::to_owned), limit };
        let page = crate::bindings::host::opssight::plugin::state::list_keys(prefix, &page)?;
        Ok((page.keys, page.next))
    }
    #[cfg(not(target_arch = "wasm32"))]
    Ok(crate::native::state_keys(prefix, cursor, limit))
}
