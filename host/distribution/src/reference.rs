//! Which package is meant: `id`, `id@1.2.0`, `id@^1.2` or `id@sha256:...`, perhaps with the place before it.

use crate::digest::Digest;
use crate::place::Place;
use opssight_core::plugins::manifest::{PLAIN_NAME, is_plain_name};
use semver::{Version, VersionReq};
use std::str::FromStr;

/// A package that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Which plugin.
    pub id: String,
    /// Which of its packages.
    pub wanted: Wanted,
}

/// Which package of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The newest that is not a pre-release, or the newest at all when there is no other.
    Newest,
    /// This version.
    Version(Version),
    /// The newest that fits: "^1.2".
    Fitting(VersionReq),
    /// These bytes.
    Digest(Digest),
}

/// Why a text refers to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Not an id.
    #[error("find the plugin {0}: {PLAIN_NAME}")]
    Id(String),
    /// Not a version.
    #[error("find the version {0}: expected a version (1.2.0), a requirement (^1.2) or a digest (sha256:...)")]
    Version(String),
    /// The place is none.
    #[error(transparent)]
    Place(#[from] crate::place::PlaceError),
}

impl Reference {
    /// From an id and perhaps what is wanted of it.
    pub fn new(id: &str, wanted: Option<&str>) -> Result<Self, ReferenceError> {
        if !is_plain_name(id) {
            return Err(ReferenceError::Id(id.escape_debug().to_string()));
        }
        let wanted = wanted.map_or(Ok(Wanted::Newest), str::parse)?;
        Ok(Self { id: id.to_owned(), wanted })
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        match text.split_once('@') {
            Some((id, wanted)) => Self::new(id, Some(wanted)),
            None => Self::new(text, None),
        }
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.wanted {
            Wanted::Newest => f.write_str(&self.id),
            Wanted::Version(version) => write!(f, "{}@{version}", self.id),
            Wanted::Fitting(requirement) => write!(f, "{}@{requirement}", self.id),
            Wanted::Digest(digest) => write!(f, "{}@{digest}", self.id),
        }
    }
}

impl FromStr for Wanted {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let wrong = || ReferenceError::Version(text.escape_debug().to_string());
        if text.starts_with("sha256:") {
            return Digest::parse(text).map(Self::Digest).ok_or_else(wrong);
        }
        if let Ok(version) = Version::parse(text) {
            return Ok(Self::Version(version));
        }
        // "*" would be everything: say nothing instead.
        VersionReq::parse(text).ok().filter(|req| !req.comparators.is_empty()).map(Self::Fitting).ok_or_else(wrong)
    }
}

impl Wanted {
    /// Which of the versions that there are is meant. A digest is not a version.
    pub fn choose<'a>(&self, versions: impl IntoIterator<Item = &'a Version>) -> Option<&'a Version> {
        let mut versions: Vec<&Version> = versions.into_iter().collect();
        versions.sort();
        match self {
            Self::Newest => {
                let released = versions.iter().rfind(|version| version.pre.is_empty());
                released.or(versions.last()).copied()
            }
            Self::Version(wanted) => versions.into_iter().find(|version| *version == wanted),
            Self::Fitting(requirement) => versions.into_iter().rfind(|version| requirement.matches(version)),
            Self::Digest(_) => None,
        }
    }
}

/// A reference with its place: `oci://registry.example/opssight/github@1.2.0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Where.
    pub place: Place,
    /// What.
    pub reference: Reference,
}

impl FromStr for Located {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let wrong = || ReferenceError::Id(text.escape_debug().to_string());
        // What is wanted has no slash, so that the last one parts place and id.
        let (place, reference) = text.rsplit_once('/').ok_or_else(wrong)?;
        Ok(Self { place: place.parse()?, reference: reference.parse()? })
    }
}

impl std::fmt::Display for Located {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.place, self.reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read() {
        let digest = format!("github@sha256:{}", "a1".repeat(32));
        let good =
            ["github", "github@1.2.0", "github@1.2.0-rc.1+build.5", "github@^1.2", "github@>=1.0.0, <2.0.0", &digest];
        for text in good {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
        let short = format!("github@sha256:{}", "a1".repeat(31));
        let climbing = format!("github@sha256:{}/", "../".repeat(21));
        let bad = ["", "@1.0.0", "GitHub", "a/b", "../x", "github@", "github@latest", "github@*", &short, &climbing];
        for text in bad {
            assert!(text.parse::<Reference>().is_err(), "{text}");
        }
        for text in ["oci://127.0.0.1:5000/opssight/github@1.0.0", "mirror:/srv/mirror/github", "dir:a/b/github@^1"] {
            assert_eq!(text.parse::<Located>().unwrap().to_string(), text);
        }
        assert!("github".parse::<Located>().is_err());
    }

    #[test]
    fn what_is_wanted_chooses_a_version() {
        let versions = ["1.0.0", "1.10.0", "1.9.0", "2.0.0-rc.1"].map(|text| Version::parse(text).unwrap());
        let chosen = |wanted: Wanted| wanted.choose(&versions).map(ToString::to_string);
        let cases =
            [("1.9.0", Some("1.9.0")), ("^1.2", Some("1.10.0")), ("2.0.0-rc.1", Some("2.0.0-rc.1")), ("^3", None)];
        for (text, expected) in cases {
            assert_eq!(chosen(text.parse().unwrap()).as_deref(), expected, "{text}");
        }
        assert_eq!(chosen(Wanted::Newest).as_deref(), Some("1.10.0"));
        let early = [Version::parse("0.1.0-a").unwrap()];
        assert_eq!(Wanted::Newest.choose(&early), Some(&early[0]));
    }
}
