//! A copy for hosts without a network: `index.json`, and each package under the name of its digest.
//!
//! ```text
//! index.json
//! blobs/sha256/<64 hexadecimal digits>
//! ```
//!
//! The index only helps to find: bytes are checked against the digest that names them, and what they say counts.

use crate::MAX_LISTED;
use crate::digest::Digest;
use crate::files::Folder;
use crate::index::{Listed, Listing};
use crate::package::{Package, tidy};
use opssight_core::plugins::catalogue::{CatalogueEntry, CatalogueError};
use serde::{Deserialize, Serialize};

const INDEX: &str = "index.json";
const BLOBS: &str = "blobs/sha256";
const FORMAT: u32 = 1;
/// An index of the most plugins that we look at has less.
const MAX_INDEX: u64 = 8 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct Index {
    /// Version of the format.
    format: u32,
    packages: Vec<CatalogueEntry>,
}

/// What the index says, as far as it makes sense.
pub(crate) fn list(folder: &Folder) -> Result<Listing, CatalogueError> {
    let mut listing = Listing::default();
    for entry in index(folder)?.packages.into_iter().take(MAX_LISTED) {
        let shown = entry.id.escape_debug().to_string();
        match tidy(entry, &folder.place) {
            Some(entry) => listing.packages.push(Listed { entry, file: String::new() }),
            None => listing.problems.push(format!("{}: the index's entry {shown:.60} makes no sense", folder.place)),
        }
    }
    Ok(listing)
}

/// The bytes under a digest, which they must have.
pub(crate) fn read(folder: &Folder, digest: &Digest) -> Result<Option<Vec<u8>>, CatalogueError> {
    let Some(bytes) = folder.read_package(&path(digest))? else { return Ok(None) };
    let given = Digest::of(&bytes);
    if given == *digest {
        return Ok(Some(bytes));
    }
    Err(CatalogueError::OtherDigest {
        wanted: path(digest),
        place: folder.place.to_string(),
        expected: digest.to_string(),
        given: given.to_string(),
    })
}

/// Keep a package, and note it in the index.
pub(crate) fn write(folder: &Folder, package: &Package) -> Result<(), CatalogueError> {
    folder.make_below(BLOBS)?;
    folder.write(&path(&package.digest), &package.bytes)?;
    let mut index = index(folder)?;
    let entry = package.entry(&folder.place);
    index.packages.retain(|known| known.id != entry.id || known.version != entry.version);
    // The mirror is carried elsewhere: where it was made is of no use there.
    index.packages.push(CatalogueEntry { place: String::new(), ..entry });
    index.packages.sort_by(|a, b| (&a.id, &a.version).cmp(&(&b.id, &b.version)));
    let text = serde_json::to_vec_pretty(&index).map_err(|error| strange(folder, &error))?;
    folder.write(INDEX, &text)
}

fn index(folder: &Folder) -> Result<Index, CatalogueError> {
    let Some(text) = folder.read(INDEX, MAX_INDEX)? else {
        return Ok(Index { format: FORMAT, packages: Vec::new() });
    };
    let index: Index = serde_json::from_slice(&text).map_err(|error| strange(folder, &error))?;
    if index.format == FORMAT {
        return Ok(index);
    }
    let why = format!("its index has the format {}, and this version knows {FORMAT}", index.format);
    Err(CatalogueError::Strange { place: folder.place.to_string(), why })
}

fn path(digest: &Digest) -> String {
    format!("{BLOBS}/{}", digest.digits())
}

fn strange(folder: &Folder, error: &serde_json::Error) -> CatalogueError {
    let why = format!("its index is not readable: {}", opssight_core::fact::clean(&error.to_string()));
    CatalogueError::Strange { place: folder.place.to_string(), why }
}
