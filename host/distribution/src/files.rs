//! Files of directories and mirrors. A folder is opened once, and nothing outside of it is reached from there: neither
//! by a name that climbs nor by a link that leads out.

use crate::MAX_PACKAGE;
use crate::place::Place;
use cap_std::ambient_authority;
use cap_std::fs::Dir;
use opssight_core::plugins::catalogue::CatalogueError;
use std::io::{Read, Write};
use std::path::Path;

/// A folder, and the place that it is, for errors.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) place: Place,
    dir: std::sync::Arc<Dir>,
}

impl Folder {
    /// Open one that is there.
    pub(crate) fn open(place: &Place, path: &Path) -> Result<Self, CatalogueError> {
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(|error| unreachable(place, &error))?;
        Ok(Self { place: place.clone(), dir: std::sync::Arc::new(dir) })
    }

    /// Open one, and make it if it is not there.
    pub(crate) fn make(place: &Place, path: &Path) -> Result<Self, CatalogueError> {
        std::fs::create_dir_all(path).map_err(|error| unreachable(place, &error))?;
        Self::open(place, path)
    }

    /// Names of the files in it that end so, sorted.
    pub(crate) fn names(&self, end: &str, most: usize) -> Result<Vec<String>, CatalogueError> {
        let entries = self.dir.entries().map_err(|error| unreachable(&self.place, &error))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| unreachable(&self.place, &error))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.ends_with(end) && !name.starts_with('.') {
                names.push(name);
            }
        }
        names.sort();
        names.truncate(most);
        Ok(names)
    }

    /// A file's bytes, if it is there and not larger than `limit`: that is asked before anything is read.
    pub(crate) fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, CatalogueError> {
        let too_large = || CatalogueError::TooLarge { what: name.to_owned(), place: self.place.to_string(), limit };
        let file = match self.dir.open(name) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(name, &error)),
        };
        let metadata = file.metadata().map_err(|error| self.failed(name, &error))?;
        if !metadata.is_file() {
            let why = format!("{} is not a file", name.escape_debug());
            return Err(CatalogueError::Strange { place: self.place.to_string(), why });
        }
        if metadata.len() > limit {
            return Err(too_large());
        }
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
        file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| self.failed(name, &error))?;
        // It may have grown meanwhile.
        if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(Some(bytes)) }
    }

    /// A package's bytes.
    pub(crate) fn read_package(&self, name: &str) -> Result<Option<Vec<u8>>, CatalogueError> {
        self.read(name, MAX_PACKAGE)
    }

    /// Put a file in its place in one step, durable: whoever reads sees all of it or nothing.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CatalogueError> {
        let beside = format!(".{}.{}.new", name.replace('/', "-"), std::process::id());
        let write = || -> std::io::Result<()> {
            let mut file = self.dir.create(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            self.dir.rename(&beside, &self.dir, name)?;
            self.dir.open(".")?.sync_all()
        };
        write().map_err(|error| {
            // What could not be put in place is not left lying about.
            drop(self.dir.remove_file(&beside));
            self.failed(name, &error)
        })
    }

    /// Make a folder below it.
    pub(crate) fn make_below(&self, name: &str) -> Result<(), CatalogueError> {
        self.dir.create_dir_all(name).map_err(|error| self.failed(name, &error))
    }

    /// Hold the folder's lock while something is read, changed and written.
    pub(crate) fn lock(&self) -> Result<std::fs::File, CatalogueError> {
        let mut options = cap_std::fs::OpenOptions::new();
        options.write(true).create(true);
        let file = self.dir.open_with(".lock", &options).map_err(|error| self.failed(".lock", &error))?.into_std();
        file.lock().map_err(|error| self.failed(".lock", &error))?;
        Ok(file)
    }

    fn failed(&self, name: &str, error: &std::io::Error) -> CatalogueError {
        let why = format!("{}: {error}", name.escape_debug());
        CatalogueError::Unreachable { place: self.place.to_string(), why }
    }
}

fn unreachable(place: &Place, error: &std::io::Error) -> CatalogueError {
    CatalogueError::Unreachable { place: place.to_string(), why: error.to_string() }
}
