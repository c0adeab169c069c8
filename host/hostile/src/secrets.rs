//! Looking for a secret in every spelling in which it could leak.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use memchr::memmem;

/// A secret with all the ways in which it may be written.
pub struct Spelled(Vec<(&'static str, Vec<u8>)>);

impl Spelled {
    /// Of a text, or of bytes that are none.
    pub fn new(secret: impl AsRef<[u8]>) -> Self {
        let mut spellings = spellings(secret.as_ref());
        spellings.sort_by(|a, b| a.1.cmp(&b.1));
        spellings.dedup_by(|a, b| a.1 == b.1);
        Self(spellings)
    }

    /// The spelling in which the secret stands there, if it does.
    pub fn found_in(&self, place: &Place<'_>) -> Option<&'static str> {
        let has =
            |spelling: &[u8]| [place.bytes, &place.joined].iter().any(|text| memmem::find(text, spelling).is_some());
        self.0.iter().find(|(_, spelling)| has(spelling)).map(|(name, _)| *name)
    }
}

/// Where secrets are looked for.
pub struct Place<'b> {
    bytes: &'b [u8],
    /// Spread over many lines a secret is no less one.
    joined: Vec<u8>,
}

impl<'b> Place<'b> {
    /// In these bytes.
    pub fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, joined: bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect() }
    }
}

/// How a secret may be written.
fn spellings(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let percent = |upper: bool| -> Vec<u8> {
        let byte = |byte: &u8| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
        secret.iter().map(byte).collect::<String>().into_bytes()
    };
    let listed = secret.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
    let mut spellings = vec![
        ("plain", secret.to_vec()),
        ("reversed", secret.iter().rev().copied().collect()),
        ("hexadecimal", hex::encode(secret).into_bytes()),
        ("hexadecimal, capitals", hex::encode_upper(secret).into_bytes()),
        ("percent", percent(true)),
        ("percent, small", percent(false)),
        // As debug output and JSON write bytes; blanks are looked past.
        ("a list of numbers", listed.into_bytes()),
    ];
    // Within a longer text, base64 of a secret depends on where it begins: without what its neighbours decide, each of
    // the three ways has one fixed middle.
    for (name, shift) in [("base64", 0_usize), ("base64, shifted by one", 1), ("base64, shifted by two", 2)] {
        for engine in [&STANDARD, &URL_SAFE, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let mut padded = vec![b'\0'; shift];
            padded.extend_from_slice(secret);
            let text = engine.encode(&padded);
            let fixed = text.trim_end_matches('=');
            let from = (shift * 8).div_ceil(6);
            let to = fixed.len() - usize::from(padded.len() % 3 != 0);
            spellings.push((name, fixed.as_bytes()[from..to].to_vec()));
        }
    }
    spellings
}

/// The spelling in which the secret stands in these bytes, if it does.
pub fn found(secret: impl AsRef<[u8]>, bytes: &[u8]) -> Option<&'static str> {
    Spelled::new(secret).found_in(&Place::new(bytes))
}
