//! The master keys, and whether they open what is sealed in the store.

use super::folder::mode;
use super::{Finding, failed};
use crate::config::Config;
use opssight_backends::{Checkup, KeyRing};

const CHECK: &str = "master keys";

/// The keys of this host; none before a first start.
pub(super) enum Keys {
    There(KeyRing),
    NotYet,
    Wrong(Finding),
}

/// Read them. Nothing is made.
pub(super) fn read(config: &Config) -> Keys {
    if config.secrets.key.is_none() && !config.server.data.join("master.key").exists() {
        return Keys::NotYet;
    }
    match config.secrets.ring_that_is_there(&config.server.data) {
        Ok(ring) => Keys::There(ring),
        Err(error) => Keys::Wrong(Finding::failing(CHECK, failed(error.as_ref()))),
    }
}

/// What to say of them, with what the store says. `store` is none where it could not be asked.
pub(super) fn judge(config: &Config, keys: Keys, store: Option<&Checkup>) -> Vec<Finding> {
    let finding = match keys {
        Keys::Wrong(finding) => finding,
        Keys::NotYet => match store {
            Some(store) if !store.is_new => {
                let missing = config.secrets.ring_that_is_there(&config.server.data).err();
                let detail = missing.map(|error| failed(error.as_ref())).unwrap_or_default();
                Finding::failing(CHECK, detail).mend(
                    "what is sealed in the store is opened only by the key that it was made with: restore it from a backup, \
                     or name it in secrets.key",
                )
            }
            _ => Finding::ok(CHECK, "there is none yet; a first start makes one"),
        },
        Keys::There(_) => match store.and_then(|store| store.key.as_ref()) {
            Some(Ok(())) => Finding::ok(CHECK, "open what is sealed in the store"),
            Some(Err(error)) => Finding::failing(CHECK, failed(error)),
            None => Finding::ok(CHECK, "can be read; nothing that is sealed could be tried"),
        },
    };
    let readable = files(config).into_iter().filter_map(|file| {
        let metadata = std::fs::metadata(&file).ok()?;
        (metadata.is_file() && mode(&metadata) & 0o077 != 0).then(|| {
            let detail = format!("others of this machine may read {} (mode {:o})", file.display(), mode(&metadata));
            Finding::warning(CHECK, detail).mend(&format!("`chmod 600 {}`", file.display()))
        })
    });
    std::iter::once(finding).chain(readable).collect()
}

fn files(config: &Config) -> Vec<std::path::PathBuf> {
    let own = config.secrets.key.is_none().then(|| config.server.data.join("master.key"));
    own.into_iter().chain(config.secrets.files()).collect()
}
