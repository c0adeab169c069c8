//! The places of the configuration, as the core's port.

use crate::config::PluginsConfig;
use anyhow::Context;
use opssight_core::plugins::catalogue::Catalogue;
use opssight_distribution::{Open, Place, Places, RegistryCredentials};
use std::sync::Arc;

/// The places that the configuration names, in its order. Nothing is asked yet; with no places, everything that is
/// asked of them is an error that says so.
pub fn open(config: &PluginsConfig) -> anyhow::Result<Arc<dyn Catalogue>> {
    let credentials = match &config.registry_auth {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
            RegistryCredentials::from_docker(&text).with_context(|| format!("use {}", path.display()))?
        }
        None => RegistryCredentials::default(),
    };
    let place = |text: &String| -> anyhow::Result<Open> { Ok(Open::new(&text.parse()?, &credentials)?) };
    Ok(Arc::new(Places::new(config.catalogues.iter().map(place).collect::<anyhow::Result<_>>()?)))
}

/// What is wrong with the places of a configuration.
pub(crate) fn problems(config: &PluginsConfig) -> Vec<String> {
    let wrong =
        |text: &String| text.parse::<Place>().err().map(|error| format!("plugins.catalogues: failed to {error}"));
    config.catalogues.iter().filter_map(wrong).collect()
}
