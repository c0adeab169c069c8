//! Whom we believe that a package is theirs, and which names are too much like others.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The public half of a publisher's ed25519 key: "ed25519:" and 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublisherKey(pub String);

impl PublisherKey {
    /// A key as people write it, with its letters in lower case; none if it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("ed25519:")?;
        let is_key = digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_key.then(|| Self(text.to_ascii_lowercase()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Short enough to compare by eye in a sentence.
    pub fn short(&self) -> &str {
        self.0.get(..24).unwrap_or(&self.0)
    }
}

impl std::fmt::Display for PublisherKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the seal of a package says. The bytes were checked against it; whether the key may speak for the publisher
/// was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// For whom it was signed.
    pub publisher: String,
    /// With which key.
    pub key: PublisherKey,
}

/// What the operator decided about publishers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustPolicy {
    /// Keys by publisher, decided beforehand: they win over what was pinned.
    pub publishers: BTreeMap<String, PublisherKey>,
    /// Publishers that are not listed above are refused instead of pinned at their first installation.
    pub only_listed: bool,
    /// Packages without a signature, and other bytes under a version that is installed, are taken: for authors at work.
    pub dev: bool,
}

/// Why a package is not believed. Each says what would mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// No signature.
    #[error(
        "it is not signed: sign it with `opssight plugin sign`, or start the host with --dev to try it on this machine"
    )]
    Unsigned,
    /// Another key than the one that is known.
    #[error(
        "it is signed with {given}, but {publisher} signs with {known} ({how}): if the publisher really changed keys, change the pin with `opssight plugin trust`"
    )]
    WrongKey {
        /// Whose it claims to be.
        publisher: String,
        /// The key that signed it.
        given: PublisherKey,
        /// The key that was expected.
        known: PublisherKey,
        /// Where the expectation comes from.
        how: &'static str,
    },
    /// The policy names who may, and this is somebody else.
    #[error("its publisher {0} is not among those that this host's configuration trusts (plugins.trust.publishers)")]
    NotListed(String),
    /// The key was revoked.
    #[error("its key {key} was revoked: {reason}")]
    RevokedKey {
        /// Which.
        key: PublisherKey,
        /// Why.
        reason: String,
    },
    /// The seal speaks for another publisher than the manifest.
    #[error("it is sealed for {sealed}, but its manifest says that {declared} publishes it")]
    OtherPublisher {
        /// By the seal.
        sealed: String,
        /// By the manifest.
        declared: String,
    },
}

/// How a key came to be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trusted {
    /// The configuration says so.
    Listed,
    /// An earlier installation pinned it.
    Pinned,
    /// Nothing is known of this publisher yet: installing pins the key.
    New,
    /// There is no signature, and this host does not ask for one.
    Unsigned,
}

/// Is the signature one that this host believes? `pinned` is the key that an earlier installation pinned.
pub fn judge(
    policy: &TrustPolicy,
    pinned: Option<&PublisherKey>,
    signature: Option<&Signature>,
) -> Result<Trusted, Distrust> {
    let Some(signature) = signature else {
        return if policy.dev { Ok(Trusted::Unsigned) } else { Err(Distrust::Unsigned) };
    };
    let listed = policy.publishers.get(&signature.publisher);
    let (known, trusted, how) = match (listed, pinned) {
        (Some(key), _) => (key, Trusted::Listed, "by this host's configuration"),
        (None, _) if policy.only_listed => return Err(Distrust::NotListed(signature.publisher.clone())),
        (None, Some(key)) => (key, Trusted::Pinned, "pinned at its first installation"),
        (None, None) => return Ok(Trusted::New),
    };
    if *known == signature.key {
        return Ok(trusted);
    }
    Err(Distrust::WrongKey {
        publisher: signature.publisher.clone(),
        given: signature.key.clone(),
        known: known.clone(),
        how,
    })
}

/// The installed name that a new name could be mistaken for: one letter off, two letters swapped, or letters and
/// separators that look alike.
pub fn looks_like<'a>(name: &str, installed: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    installed.into_iter().find(|other| *other != name && is_alike(name, other))
}

fn is_alike(a: &str, b: &str) -> bool {
    let (a, b) = (skeleton(a), skeleton(b));
    if a == b {
        return true;
    }
    // Short names are one letter from each other by nature: "aws", "ads".
    a.len().min(b.len()) >= 5 && distance_is_one(a.as_bytes(), b.as_bytes())
}

/// What is left of a name when what looks alike is alike.
fn skeleton(name: &str) -> String {
    let plain: String = name
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | '.'))
        .map(|c| match c {
            '0' => 'o',
            '1' | 'i' => 'l',
            '5' => 's',
            _ => c,
        })
        .collect();
    plain.replace("rn", "m").replace("vv", "w")
}

/// One letter more, less or other, or two neighbours swapped.
fn distance_is_one(a: &[u8], b: &[u8]) -> bool {
    let start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (a.get(start..).unwrap_or_default(), b.get(start..).unwrap_or_default());
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (a, b) = (
        a.get(..a.len().saturating_sub(end)).unwrap_or_default(),
        b.get(..b.len().saturating_sub(end)).unwrap_or_default(),
    );
    match (a, b) {
        ([], [_]) | ([_], [] | [_]) => true,
        ([x, y], [v, w]) => x == w && y == v,
        _ => false,
    }
}
