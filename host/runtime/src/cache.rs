//! Compiled plugins on disk. They are native code that the host maps and runs, so each file carries an HMAC by a key
//! that only this host has, and is checked in memory before it is used: of 120 files with a few flipped bits, 4
//! crashed the process.

mod file;
mod key;
mod sweep;

use crate::jail::{CompileError, Job, Workshop};
use aws_lc_rs::hmac;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt};
use file::{MAX_CODE, Unusable};
use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::Path;
use wasmtime::Engine;
use wasmtime::component::Component;

const DIRECTORY: &str = "aot";

/// The directory of compiled plugins.
pub(crate) struct AotCache {
    directory: Dir,
    key: hmac::Key,
    /// Who wrote a file, so that another host's is told from a poisoned one of ours.
    key_id: [u8; file::KEY_ID],
    most_bytes: u64,
}

/// Where a compiled component came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Cache,
    Compiled,
}

impl AotCache {
    /// Open or make the directory; what is not loaded is removed from it when it has more bytes than this.
    pub(crate) fn open(data: &Path, most_bytes: u64) -> io::Result<Self> {
        Dir::create_ambient_dir_all(data, ambient_authority())?;
        let data = Dir::open_ambient_dir(data, ambient_authority())?;
        let key = key::host_key(&data)?;
        let directory = private_directory(&data)?;
        let key_id = file::key_id(&key);
        Ok(Self { directory, key: hmac::Key::new(hmac::HMAC_SHA256, &key), key_id, most_bytes })
    }

    /// The component of these bytes, from here if it can be trusted and fits the engine, otherwise compiled.
    pub(crate) fn component(
        &self,
        engine: &Engine,
        workshop: &Workshop,
        digest: &str,
        job: &Job<'_>,
    ) -> Result<(Component, Origin), CompileError> {
        let name = name(engine, digest);
        if let Some(component) = self.trusted(engine, &name, job.plugin) {
            return Ok((component, Origin::Cache));
        }
        let _turn = workshop.turn(job.class);
        // Whoever had the turn before may have compiled the same bytes.
        if let Some(component) = self.trusted(engine, &name, job.plugin) {
            return Ok((component, Origin::Cache));
        }
        let code = workshop.compile(engine, job)?;
        if let Err(error) = self.write(&name, &code) {
            tracing::warn!(plugin.id = job.plugin, digest, %error, "cannot keep a compiled plugin: it will be compiled at each start");
        }
        count("compiled");
        self.drop_stale(&name);
        let component = load(engine, &code)
            .map_err(|error| CompileError::Refused(crate::text::clean(&format!("{error:#}"), 500)))?;
        Ok((component, Origin::Compiled))
    }

    /// What is there under this name, if we wrote it, for this engine. What we did not write is never loaded.
    fn trusted(&self, engine: &Engine, name: &str, plugin: &str) -> Option<Component> {
        let unusable = match self.read(name) {
            Ok(None) => return None,
            Ok(Some(code)) => match load(engine, &code) {
                Ok(component) => {
                    count("used");
                    self.touch(name);
                    return Some(component);
                }
                Err(error) => Unusable::DoesNotFit(format!("{error:#}")),
            },
            Err(unusable) => unusable,
        };
        count(unusable.kind());
        // An error, because a person must look: nobody but this host has any business in that directory.
        tracing::error!(
            plugin.id = plugin,
            file = name,
            problem = unusable.kind(),
            error = %unusable,
            "a compiled plugin on disk is not what this host wrote; it was not loaded and is compiled again: \
             find out who can write to the data directory"
        );
        // It would only be looked at again. If it cannot be removed, it is written over.
        let _removed = self.directory.remove_file(name);
        None
    }

    /// None when there is no such file; an error when it is not as we wrote it.
    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Unusable> {
        let metadata = match self.directory.symlink_metadata(name) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // A pipe would block, and a link leads somewhere else.
        if !metadata.is_file() {
            return Err(Unusable::NotAFile);
        }
        let mut bytes = Vec::new();
        self.directory.open(name)?.take(MAX_CODE).read_to_end(&mut bytes)?;
        file::code(&self.key, &self.key_id, name, bytes).map(Some)
    }

    fn write(&self, name: &str, code: &[u8]) -> io::Result<()> {
        // Two hosts on one directory must not write into each other's file.
        let half = format!("{name}.{}.tmp", std::process::id());
        match self.directory.remove_file(&half) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = self.directory.open_with(&half, OpenOptions::new().write(true).create_new(true).mode(0o600))?;
        file.write_all(&file::header(&self.key, &self.key_id, name, code))?;
        file.write_all(code)?;
        file.sync_all()?;
        self.directory.rename(&half, &self.directory, name)
    }
}

fn count(how: &'static str) {
    metrics::counter!("opssight_plugin_aot_total", "outcome" => how).increment(1);
}

/// Readable and writable by the host alone, also when somebody has opened it up since.
fn private_directory(data: &Dir) -> io::Result<Dir> {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    match data.create_dir_with(DIRECTORY, &builder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let directory = data.open_dir(DIRECTORY)?;
    let mode = directory.dir_metadata()?.permissions().mode() & 0o777;
    if mode != 0o700 {
        tracing::warn!(
            mode = format!("{mode:o}"),
            "the directory of compiled plugins was open to others; it is closed now"
        );
        data.set_permissions(DIRECTORY, Permissions::from_mode(0o700))?;
    }
    Ok(directory)
}

/// One file per component and engine: another version, processor or configuration has another name.
fn name(engine: &Engine, digest: &str) -> String {
    let mut hasher = ShaHasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let engine = hex::encode(hasher.0.finalize());
    format!("{}-{}.cwasm", bare(digest), engine.get(..16).unwrap_or(&engine))
}

/// `sha256:abc` names a file as `abc`.
fn bare(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

#[expect(
    unsafe_code,
    reason = "compiled code is native code; what is loaded was compiled by our own worker a moment ago or carries our HMAC"
)]
fn load(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `code` is the output of `precompile_component`, either directly or read back under a valid HMAC of a
    // key that only this host can read.
    unsafe { Component::deserialize(engine, code) }
}

/// The compatibility of engines is only available as something that can be hashed, and the standard hasher's result
/// is too short to name files by.
struct ShaHasher(Sha256);

impl Hasher for ShaHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
    }
}

#[cfg(test)]
mod tests;
