//! A running server as `opssight plugin dev` needs it: packages go there, log lines come back. No command of its own;
//! the composition root lends it to the author's commands.

use crate::args::GlobalArgs;
use crate::client::{Body, Client};
use crate::error::CliError;
use crate::ui::{Console, Ui};
use opssight_api_types::plugins::installs::{InstallQuery, Installed};
use serde::Deserialize;

/// Signed in to the server that the global flags name.
pub struct Developer {
    client: Client,
}

/// A line that a plugin logged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct PluginLine {
    /// RFC 3339.
    pub at: String,
    /// "info".
    pub level: String,
    /// Which connection it was for.
    #[serde(default)]
    pub connection: String,
    /// Cleaned and without secrets.
    pub message: String,
}

#[derive(Deserialize)]
struct Lines {
    items: Vec<PluginLine>,
}

impl Developer {
    /// With the session that [`crate::run`] would use. An error is a sentence for a person.
    pub fn new(globals: &GlobalArgs) -> Result<Self, String> {
        let mut ui = Ui::new(Console::system(), globals);
        Client::new(globals, &mut ui).map(|client| Self { client }).map_err(|error| sentence(&error))
    }

    /// Install a package and consent to what these very bytes want. Answers with a line about what runs now.
    pub async fn install(&self, package: Vec<u8>, digest: &str) -> Result<String, String> {
        let query = InstallQuery {
            consent: Some(digest.to_owned()),
            allow_similar_name: None,
            shadow_calls: None,
            shadow_differences: None,
        };
        let installed = self.client.post_slowly::<Installed>(&["plugins"], &query, Body::Package(package)).await;
        let Installed { approval, inspection } = installed.map_err(|error| sentence(&error))?.value;
        Ok(format!("{} {} is {approval} ({digest})", inspection.plugin, inspection.version))
    }

    /// The last lines that a plugin logged, oldest first; none when the server does not tell.
    pub async fn log(&self, plugin: &str) -> Result<Option<Vec<PluginLine>>, String> {
        match self.client.get::<Lines>(&["plugins", plugin, "log"], &()).await {
            Ok(received) => Ok(Some(received.value.items)),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(sentence(&error)),
        }
    }
}

fn sentence(error: &CliError) -> String {
    match error {
        CliError::NotSignedIn { .. } => format!("{error}; run `opssight login`"),
        _ => error.to_string(),
    }
}
