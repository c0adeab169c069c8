//! The names of blobs.

use crate::time::Timestamp;
use std::fmt;

/// What a blob is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Folder {
    /// Packages of plugins.
    Packages,
    /// Backups of the SQLite store.
    Backups,
}

impl Folder {
    /// Its name in the place.
    pub fn path(self) -> &'static str {
        match self {
            Self::Packages => "packages",
            Self::Backups => "backups",
        }
    }

    fn ending(self) -> &'static str {
        match self {
            Self::Packages => "wasm",
            Self::Backups => "sqlite",
        }
    }
}

/// The name of a blob: its folder, for backups when it was made, and the digest of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobName {
    folder: Folder,
    /// `20261130T060000Z`; nothing in [`Folder::Packages`].
    made: String,
    /// 64 lower-case hexadecimal digits.
    hex: String,
}

impl BlobName {
    /// The package of a digest, `sha256:` and 64 lower-case hexadecimal digits; none of anything else.
    pub fn package(digest: &str) -> Option<Self> {
        let hex = digest.strip_prefix("sha256:").filter(|hex| is_hex(hex))?;
        Some(Self { folder: Folder::Packages, made: String::new(), hex: hex.to_owned() })
    }

    /// A backup of so many bytes' digest that was made then. Backups sort by when they were made.
    pub fn backup(made: Timestamp, digest: &str) -> Option<Self> {
        let hex = digest.strip_prefix("sha256:").filter(|hex| is_hex(hex))?;
        let made = made.to_utc()?.format("%Y%m%dT%H%M%SZ").to_string();
        is_moment(&made).then(|| Self { folder: Folder::Backups, made, hex: hex.to_owned() })
    }

    /// The name of a file in a folder, if it is one of a blob.
    pub fn read(folder: Folder, file: &str) -> Option<Self> {
        let stem = file.strip_suffix(folder.ending())?.strip_suffix('.')?;
        let (made, hex) = match folder {
            Folder::Packages => ("", stem),
            Folder::Backups => stem.split_once('-').filter(|(made, _)| is_moment(made))?,
        };
        is_hex(hex).then(|| Self { folder, made: made.to_owned(), hex: hex.to_owned() })
    }

    /// Its folder.
    pub fn folder(&self) -> Folder {
        self.folder
    }

    /// Its name in the folder.
    pub fn file(&self) -> String {
        let Self { folder, made, hex } = self;
        let dash = if made.is_empty() { "" } else { "-" };
        format!("{made}{dash}{hex}.{}", folder.ending())
    }

    /// `sha256:` and the digest.
    pub fn digest(&self) -> String {
        format!("sha256:{}", self.hex)
    }
}

/// Its place in the store: folder and file.
impl fmt::Display for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.folder.path(), self.file())
    }
}

fn is_hex(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// `20261130T060000Z`.
fn is_moment(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match at {
        8 => byte == b'T',
        15 => byte == b'Z',
        _ => byte.is_ascii_digit(),
    };
    text.len() == 16 && text.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_name_is_read_back_from_its_file() {
        let package = BlobName::package(DIGEST).unwrap();
        assert_eq!(package.to_string(), format!("packages/{}.wasm", &DIGEST[7..]));
        assert_eq!(BlobName::read(Folder::Packages, &package.file()), Some(package.clone()));
        assert_eq!(package.digest(), DIGEST);
        let backup = BlobName::backup(Timestamp::from_millis(1_767_225_600_000), DIGEST).unwrap();
        assert_eq!(backup.to_string(), format!("backups/20260101T000000Z-{}.sqlite", &DIGEST[7..]));
        assert_eq!(BlobName::read(Folder::Backups, &backup.file()), Some(backup));
    }

    #[test]
    fn what_is_no_name_is_none() {
        for digest in ["../../etc/passwd", "sha256:..", "sha256:", "x", &DIGEST[7..], &DIGEST.to_uppercase()] {
            assert_eq!(BlobName::package(digest), None, "{digest}");
        }
        let hex = &DIGEST[7..];
        let files =
            [hex.to_owned(), format!("{hex}wasm"), format!("{hex}.sqlite"), format!("-{hex}.wasm"), String::new()];
        for file in files {
            assert_eq!(BlobName::read(Folder::Packages, &file), None, "{file}");
        }
        for file in
            [format!("{hex}.sqlite"), format!("20260101T000000-{hex}.sqlite"), format!("20260101X000000Z-{hex}.sqlite")]
        {
            assert_eq!(BlobName::read(Folder::Backups, &file), None, "{file}");
        }
        assert_eq!(BlobName::backup(Timestamp(i64::MAX), DIGEST), None, "no year of more than four digits");
    }
}
