//! Whether this host can do its work.

use async_trait::async_trait;
use opssight_api::Readiness;
use opssight_backends::Store;
use opssight_core::events::EventLog;
use opssight_core::plugins::Plugins;
use std::sync::Arc;

/// Asks the parts that everything depends on.
pub(crate) struct StoreReadiness {
    pub(crate) store: Arc<Store>,
    pub(crate) plugins: Arc<dyn Plugins>,
}

#[async_trait]
impl Readiness for StoreReadiness {
    async fn checks(&self) -> Vec<(String, Result<String, String>)> {
        let store = match self.store.bounds().await {
            Ok((_, last)) => Ok(format!("{last} events logged")),
            Err(error) => Err(error.to_string()),
        };
        let plugins = format!("{} installed", self.plugins.installed().len());
        vec![("store".to_owned(), store), ("plugins".to_owned(), Ok(plugins))]
    }
}
