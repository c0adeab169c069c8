//! The settings of this connection, which the host has checked against the manifest's schema. Never a secret.

use crate::Failure;
use serde::de::DeserializeOwned;

/// All settings, typed. Give the struct `#[serde(default)]`: what an operator left out is not there.
pub fn all<T: DeserializeOwned>() -> Result<T, Failure> {
    #[cfg(target_arch = "wasm32")]
    let text = crate::bindings::host::opssight::plugin::settings::all();
    #[cfg(not(target_arch = "wasm32"))]
    let text = crate::native::settings();
    serde_json::from_str(&text).map_err(|error| {
        Failure::config("settings.unreadable", format!("the connection's settings do not fit the plugin: {error}"))
    })
}

/// One setting, typed; `None` when it is not set.
pub fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Failure> {
    #[cfg(target_arch = "wasm32")]
    let text = crate::bindings::host::opssight::plugin::settings::get(key);
    #[cfg(not(target_arch = "wasm32"))]
    let text = crate::native::setting(key);
    let Some(text) = text else { return Ok(None) };
    serde_json::from_str(&text).map(Some).map_err(|error| {
        Failure::config("settings.unreadable", format!("the setting \"{key}\" does not fit the plugin: {error}"))
    })
}
