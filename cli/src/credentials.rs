//! Remembered sessions: one small file, readable by its owner only.

use crate::Time;
use crate::args::GlobalArgs;
use crate::error::CliError;
use etcetera::BaseStrategy;
use opssight_api_types::identity;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// The server signed in to last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    /// Sessions by server.
    #[serde(default)]
    servers: BTreeMap<String, Remembered>,
}

#[derive(Serialize, Deserialize)]
struct Remembered {
    token: String,
    expires_at: Time,
}

// A token must not get into a log by way of `{:?}`.
impl std::fmt::Debug for Remembered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remembered").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Where they are kept: `opssight/credentials.json` in the person's configuration folder.
    pub(crate) fn path(globals: &GlobalArgs) -> Result<PathBuf, CliError> {
        if let Some(path) = &globals.credentials_file {
            return Ok(path.clone());
        }
        let base = etcetera::choose_base_strategy()
            .map_err(|_| CliError::Usage("there is no home directory: set OPSSIGHT_CREDENTIALS_FILE".to_owned()))?;
        Ok(base.config_dir().join("opssight").join("credentials.json"))
    }

    /// None were ever remembered: that is empty, not an error.
    pub(crate) fn load(path: &Path) -> Result<Self, CliError> {
        let fail = |source| CliError::File { doing: "read", path: path.to_owned(), source };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(fail(source)),
        };
        serde_json::from_str(&text).map_err(|e| {
            fail(io::Error::new(io::ErrorKind::InvalidData, format!("{e}; delete the file and run `opssight login`")))
        })
    }

    pub(crate) fn token(&self, server: &str) -> Option<&str> {
        self.servers.get(server).map(|remembered| remembered.token.as_str())
    }

    /// Keep a session and make its server the current one.
    pub(crate) fn remember(&mut self, server: &str, session: identity::Session) {
        self.current = Some(server.to_owned());
        self.servers.insert(server.to_owned(), Remembered { token: session.token, expires_at: session.expires_at });
    }

    /// Answers whether there was one.
    pub(crate) fn forget(&mut self, server: &str) -> bool {
        if self.current.as_deref() == Some(server) {
            self.current = None;
        }
        self.servers.remove(server).is_some()
    }

    /// Written beside and moved over, so that a crash leaves the old file or the new one; 0600 from its first byte.
    pub(crate) fn save(&self, path: &Path) -> Result<(), CliError> {
        let fail = |source| CliError::File { doing: "write", path: path.to_owned(), source };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        create_private(folder).map_err(fail)?;
        let text = serde_json::to_string_pretty(self).map_err(|e| CliError::Render(e.to_string()))?;
        // The temporary file is made with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
        file.write_all(text.as_bytes()).map_err(fail)?;
        file.as_file().sync_all().map_err(fail)?;
        file.persist(path).map_err(|e| fail(e.error))?;
        Ok(())
    }
}

fn create_private(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Whether others on this machine may read the file.
#[cfg(unix)]
pub(crate) fn is_exposed(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
}

/// Whether others on this machine may read the file: a person's configuration folder is private on this system.
#[cfg(not(unix))]
pub(crate) fn is_exposed(_: &Path) -> bool {
    false
}
