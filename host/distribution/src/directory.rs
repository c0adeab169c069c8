//! A folder of packages. What a package is stands inside of it: names of files mean nothing here.

use crate::MAX_LISTED;
use crate::digest::Digest;
use crate::files::Folder;
use crate::index::{Listed, Listing};
use crate::package::Package;
use opssight_core::plugins::catalogue::CatalogueError;

const END: &str = ".wasm";

/// Every package that can be read, and in words those that cannot.
pub(crate) fn list(folder: &Folder) -> Result<Listing, CatalogueError> {
    let mut listing = Listing::default();
    for name in folder.names(END, MAX_LISTED)? {
        let read = folder.read_package(&name).map_err(|error| error.to_string());
        match read.and_then(|bytes| bytes.map(Package::read).transpose()) {
            Ok(Some(package)) => listing.packages.push(Listed { entry: package.entry(&folder.place), file: name }),
            // It went away meanwhile.
            Ok(None) => {}
            Err(why) => listing.problems.push(format!("{}: {}: {why}", folder.place, name.escape_debug())),
        }
    }
    Ok(listing)
}

/// The bytes of one.
pub(crate) fn read(folder: &Folder, listed: &Listed) -> Result<Option<Vec<u8>>, CatalogueError> {
    folder.read_package(&listed.file)
}

/// Put a package there, under a name that a person recognises.
pub(crate) fn write(folder: &Folder, package: &Package) -> Result<(), CatalogueError> {
    let manifest = &package.manifest;
    folder.write(&format!("{}-{}{END}", manifest.id, manifest.version), &package.bytes)
}

/// Whether the folder has a file of these bytes.
pub(crate) fn find(folder: &Folder, digest: &Digest) -> Result<Option<Vec<u8>>, CatalogueError> {
    for name in folder.names(END, MAX_LISTED)? {
        if let Ok(Some(bytes)) = folder.read_package(&name)
            && Digest::of(&bytes) == *digest
        {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}
