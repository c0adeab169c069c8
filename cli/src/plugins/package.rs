//! A package on its way to the server: a file, or what the catalogue calls it.

use crate::Session;
use crate::client::{Body, Received};
use crate::error::CliError;
use opssight_api_types::plugins::installs::{CataloguePackage, Inspection};
use std::io::Read;
use std::path::Path;

/// The server takes no larger ones.
const LARGEST: u64 = 32 << 20;

pub(super) enum Package {
    File(Vec<u8>),
    Catalogue(CataloguePackage),
}

/// Whether a name means a file: nothing in the catalogue is called like one.
pub(super) fn is_file(named: &str) -> bool {
    named.contains('/') || named.ends_with(".wasm") || Path::new(named).is_file()
}

impl Package {
    /// A file, or `id[@version]`.
    pub(super) fn named(text: &str) -> Result<Self, CliError> {
        if is_file(text) { Self::read(text) } else { Ok(Self::in_catalogue(text)) }
    }

    pub(super) fn in_catalogue(text: &str) -> Self {
        let (id, version) = match text.split_once('@') {
            Some((id, version)) => (id, Some(version.to_owned())),
            None => (text, None),
        };
        Self::Catalogue(CataloguePackage { id: id.to_owned(), version })
    }

    pub(super) fn read(path: &str) -> Result<Self, CliError> {
        let failed = |source| CliError::File { doing: "read", path: path.into(), source };
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > LARGEST {
            return Err(CliError::Usage(format!("{path} is larger than 32 MiB, which no plugin is")));
        }
        Ok(Self::File(bytes))
    }

    pub(super) fn body(&self) -> Result<Body, CliError> {
        match self {
            Self::File(bytes) => Ok(Body::Package(bytes.clone())),
            Self::Catalogue(named) => Body::json(named),
        }
    }
}

/// What the server says that it is.
pub(super) async fn inspect(session: &Session, package: &Package) -> Result<Received<Inspection>, CliError> {
    session.client.post_slowly(&["plugins", "inspect"], &(), package.body()?).await
}
