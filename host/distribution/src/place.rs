//! Places, as people write them.

use std::path::PathBuf;
use std::str::FromStr;

/// A place that packages come from or go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An OCI registry and the repositories below a prefix: `oci://host[:port]/prefix`.
    Registry {
        /// Host and port.
        host: String,
        /// What stands before a plugin's id in the name of its repository; may be empty.
        prefix: String,
        /// Plain http was asked for (`oci+http://`), or the host is this machine.
        plain: bool,
    },
    /// A folder of packages: `dir:PATH` or a path.
    Directory(PathBuf),
    /// A copy for hosts without a network: `mirror:PATH`.
    Mirror(PathBuf),
}

/// Why a text names no place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Nothing at all.
    #[error("name a place: oci://HOST/PREFIX, dir:PATH or mirror:PATH")]
    Empty,
    /// Another scheme.
    #[error("use the place {0}: places are written oci://HOST/PREFIX, oci+http://HOST/PREFIX, dir:PATH or mirror:PATH")]
    Scheme(String),
    /// No host, or something else than a host.
    #[error("use the place {0}: expected a host and perhaps a port after oci://, without user or password")]
    Host(String),
    /// Not a name of repositories.
    #[error("use the place {0}: a prefix has lower-case letters, digits and single . _ - between them, parted by /")]
    Prefix(String),
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        // A password that somebody wrote there is not repeated.
        let shown = || match text.split_once("://").zip(text.rsplit_once('@')) {
            Some(((scheme, _), (_, rest))) => format!("{scheme}://...@{rest}").escape_debug().to_string(),
            None => text.escape_debug().to_string(),
        };
        if let Some(path) = text.strip_prefix("mirror:") {
            return folder(path).map(Self::Mirror);
        }
        if let Some(path) = text.strip_prefix("dir:") {
            return folder(path).map(Self::Directory);
        }
        let (rest, said) = match (text.strip_prefix("oci://"), text.strip_prefix("oci+http://")) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) => (rest, true),
            (None, None) if text.contains("://") => return Err(PlaceError::Scheme(shown())),
            (None, None) => return folder(text).map(Self::Directory),
        };
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_end_matches('/');
        let url = url::Url::parse(&format!("http://{host}/")).map_err(|_| PlaceError::Host(shown()))?;
        let is_bare = url.username().is_empty() && url.password().is_none() && url.path() == "/" && !host.is_empty();
        if !is_bare || host.contains(['@', '?', '#', '\\', ' ']) {
            return Err(PlaceError::Host(shown()));
        }
        if !prefix.is_empty() && !prefix.split('/').all(is_part) {
            return Err(PlaceError::Prefix(shown()));
        }
        let plain = said || is_this_machine(&url);
        Ok(Self::Registry { host: host.to_owned(), prefix: prefix.to_owned(), plain })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Registry { host, prefix, plain } => {
                let is_local = url::Url::parse(&format!("http://{host}/")).is_ok_and(|url| is_this_machine(&url));
                let scheme = if *plain && !is_local { "oci+http" } else { "oci" };
                let slash = if prefix.is_empty() { "" } else { "/" };
                write!(f, "{scheme}://{host}{slash}{prefix}")
            }
            Self::Directory(path) => write!(f, "dir:{}", path.display()),
            Self::Mirror(path) => write!(f, "mirror:{}", path.display()),
        }
    }
}

fn folder(path: &str) -> Result<PathBuf, PlaceError> {
    if path.is_empty() { Err(PlaceError::Empty) } else { Ok(PathBuf::from(path)) }
}

/// One part of a repository's name, by the grammar of the distribution specification.
fn is_part(part: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    // "a__b" is allowed as well as any number of dashes.
    part.len() <= 100
        && part.replace("__", "_").split(['.', '_']).all(|rest| {
            !rest.starts_with('-')
                && !rest.ends_with('-')
                && rest.split('-').all(|w| w.is_empty() || word(w))
                && !rest.is_empty()
        })
}

/// Whether an address is one of this machine, so that nobody else sees what is sent to it.
pub fn is_this_machine(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_and_written_the_same() {
        let registry = |host: &str, prefix: &str, plain| {
            Some(Place::Registry { host: host.to_owned(), prefix: prefix.to_owned(), plain })
        };
        let cases = [
            ("oci://registry.example/opssight", registry("registry.example", "opssight", false)),
            ("oci://registry.example:5000/a/b-c/d.e_f__g", registry("registry.example:5000", "a/b-c/d.e_f__g", false)),
            ("oci://registry.example", registry("registry.example", "", false)),
            ("oci://127.0.0.1:5000/x", registry("127.0.0.1:5000", "x", true)),
            ("oci://localhost:5000/x", registry("localhost:5000", "x", true)),
            ("oci://[::1]:5000/x", registry("[::1]:5000", "x", true)),
            ("oci+http://registry.example/x", registry("registry.example", "x", true)),
            ("dir:packages", Some(Place::Directory("packages".into()))),
            ("dir:/srv/packages", Some(Place::Directory("/srv/packages".into()))),
            ("mirror:/srv/mirror", Some(Place::Mirror("/srv/mirror".into()))),
            // A name that only begins like this machine is another machine.
            ("oci://localhost.evil.example/x", registry("localhost.evil.example", "x", false)),
            ("oci://", None),
            ("oci:///x", None),
            ("oci://user:secret@registry.example/x", None),
            ("oci://registry.example/../x", None),
            ("oci://registry.example/X", None),
            ("oci://registry.example/a//b", None),
            ("oci://registry.example/-a", None),
            ("oci://registry.example?x/a", None),
            ("https://registry.example/x", None),
            ("dir:", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let place: Option<Place> = text.parse().ok();
            assert_eq!(place, expected, "{text}");
            if let Some(place) = place {
                assert_eq!(place.to_string(), text);
            }
        }
        let secret = "oci://ada:s3cret@registry.example/x".parse::<Place>().unwrap_err().to_string();
        assert!(!secret.contains("s3cret") && secret.contains("registry.example"), "{secret}");
        assert_eq!("packages".parse(), Ok(Place::Directory("packages".into())));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_place_or_an_error(text: String) {
            if let Ok(place) = text.parse::<Place>() {
                let again: Place = place.to_string().parse().unwrap();
                proptest::prop_assert_eq!(again, place);
            }
        }
    }
}
