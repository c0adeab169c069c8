//! The host's own key.

use aws_lc_rs::rand;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use std::io::{self, Read, Write};

const KEY_FILE: &str = "aot.key";

/// Made at the first start.
pub(super) fn host_key(data: &Dir) -> io::Result<[u8; 32]> {
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
