//! Master keys as text or in a file: base64, the newest first, one a line; lines with a `#` are for people. A file of
//! exactly 32 bytes is one key as it is: what was written before there was a ring.

use super::cipher::KeyBytes;
use super::ring::{KeyError, LocalKey, MASTER_KEY_BYTES};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opssight_core::time::Randomness;
use std::io::Write;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// More keys than anybody needs; a file of more is not a ring.
const MOST_BYTES: u64 = 64 << 10;

/// The keys of a file.
pub(super) fn read(path: &Path) -> Result<Vec<LocalKey>, KeyError> {
    let failed = |source: std::io::Error| KeyError::File { path: path.to_owned(), why: source.to_string() };
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > MOST_BYTES {
        return Err(KeyError::File { path: path.to_owned(), why: "it is too large for a ring of keys".to_owned() });
    }
    let bytes = Zeroizing::new(std::fs::read(path).map_err(failed)?);
    if let Ok(key) = <[u8; MASTER_KEY_BYTES]>::try_from(bytes.as_slice()) {
        return Ok(vec![LocalKey::new(Zeroizing::new(key))]);
    }
    let bad = |why: &str| KeyError::File { path: path.to_owned(), why: why.to_owned() };
    let text =
        std::str::from_utf8(&bytes).map_err(|_| bad("it is neither 32 bytes nor text; restore it from a backup"))?;
    parse(text).map_err(|why| bad(&why))
}

/// The keys of a text, with what is wrong with it, which quotes nothing of it.
pub(super) fn parse(text: &str) -> Result<Vec<LocalKey>, String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let words = lines.flat_map(|line| line.split([' ', '\t', ',']).filter(|word| !word.is_empty()));
    let mut keys: Vec<LocalKey> = Vec::new();
    for (at, word) in words.enumerate() {
        let bytes = STANDARD.decode(word).map(Zeroizing::new);
        let key = bytes.ok().and_then(|bytes| <[u8; MASTER_KEY_BYTES]>::try_from(bytes.as_slice()).ok());
        let Some(key) = key else {
            return Err(format!(
                "key {} is not base64 of {MASTER_KEY_BYTES} bytes (`openssl rand -base64 32`)",
                at + 1
            ));
        };
        let key = LocalKey::new(Zeroizing::new(key));
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    if keys.is_empty() { Err("there is no key in it".to_owned()) } else { Ok(keys) }
}

/// A key that nobody had before.
pub(super) fn fresh(random: &dyn Randomness) -> LocalKey {
    let mut bytes: KeyBytes = Zeroizing::new([0; MASTER_KEY_BYTES]);
    random.fill(bytes.as_mut_slice());
    LocalKey::new(bytes)
}

/// The file of a first start. Of several processes that start at once one writes it, and the others use that one: a key
/// that another replaced would be lost with everything that was sealed under it meanwhile.
pub(super) fn write_first(path: &Path, random: &dyn Randomness) -> Result<(), KeyError> {
    let mut own = [0; 8];
    random.fill(&mut own);
    let beside = with_end(path, &format!(".{}.new", hex::encode(own)));
    let text = text_of(&[fresh(random)]);
    let write = || -> std::io::Result<()> {
        put(&beside, &text, None)?;
        // Unlike a rename this replaces nothing that came meanwhile.
        match std::fs::hard_link(&beside, path) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
            _ => sync_folder_of(path),
        }
    };
    let written = write();
    let _tidied = std::fs::remove_file(&beside);
    written.map_err(cannot_write(path))
}

/// Written beside and renamed: whatever happens, the file is the old one or the new one.
pub(super) fn write(path: &Path, keys: &[LocalKey]) -> Result<(), KeyError> {
    let text = text_of(keys);
    if text.len() as u64 > MOST_BYTES {
        let why = format!(
            "{} keys are more than fit into it; take out those that nothing needs: `opssight secrets rotate --drop-unused`",
            keys.len()
        );
        return Err(KeyError::File { path: path.to_owned(), why });
    }
    // Where a link leads stays where it is.
    let path = &std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let beside = with_end(path, ".new");
    let write = || -> std::io::Result<()> {
        // What an earlier try left may be anybody's to read.
        let _nothing = std::fs::remove_file(&beside);
        put(&beside, &text, std::fs::metadata(path).ok().as_ref())?;
        std::fs::rename(&beside, path)?;
        sync_folder_of(path)
    };
    write().map_err(cannot_write(path))
}

fn cannot_write(path: &Path) -> impl FnOnce(std::io::Error) -> KeyError {
    let path = path.to_owned();
    move |source| KeyError::File { path, why: format!("it cannot be written: {source}") }
}

/// A single key is written as it is, which every version of OpsSight reads.
fn text_of(keys: &[LocalKey]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::new());
    match keys {
        [key] => text.extend_from_slice(key.bytes.as_slice()),
        keys => {
            text.extend_from_slice(
                b"# Master keys of OpsSight, the newest first. Whoever reads them reads its secrets.\n",
            );
            for key in keys {
                let line = Zeroizing::new(STANDARD.encode(key.bytes.as_slice()));
                text.extend_from_slice(format!("{} # {}\n", line.as_str(), key.id).as_bytes());
            }
        }
    }
    text
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// A new file that only its owner reads, unless it is to take the place of one that others may read: root may rotate what
/// a host of another user reads.
fn put(path: &Path, text: &[u8], like: Option<&std::fs::Metadata>) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()?;
    if let Some(known) = like {
        file.set_permissions(known.permissions())?;
        #[cfg(unix)]
        keep_owner(&file, known)?;
    }
    Ok(())
}

/// A name must survive a power cut as well: without the key the sealed secrets are lost.
fn sync_folder_of(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(unix)]
fn keep_owner(file: &std::fs::File, known: &std::fs::Metadata) -> std::io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let made = file.metadata()?;
    if (made.uid(), made.gid()) == (known.uid(), known.gid()) {
        return Ok(());
    }
    fchown(file, Some(known.uid()), Some(known.gid()))
}
