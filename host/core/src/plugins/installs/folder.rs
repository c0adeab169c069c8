//! The plugin folder: what somebody with access to this machine put there.

use super::desk::{InstallRequest, Installed, Installs};
use super::error::InstallError;
use super::model::Source;
use crate::error::StoreError;
use crate::id::PluginId;
use std::sync::Arc;

impl Installs {
    /// Install a package of the plugin folder. What is refused is noted, once for each reason.
    pub async fn place(&self, path: &str, package: Arc<[u8]>) -> Result<Installed, InstallError> {
        let request = InstallRequest {
            package,
            source: Source::Folder { path: path.to_owned() },
            consent: None,
            allow_similar_name: false,
            shadow: None,
            actor: "host".to_owned(),
        };
        let outcome = self.install(request).await;
        if let Err(error) = &outcome {
            self.note_refused(path, error).await?;
        }
        outcome
    }

    async fn note_refused(&self, path: &str, error: &InstallError) -> Result<(), StoreError> {
        // Which plugin it would be is not known of a package that could not be read.
        let event = self.event(&PluginId(format!("file:{path}")), None, "refused", "host", error.to_string());
        // The folder is read at every start.
        self.note_once(event).await
    }
}
