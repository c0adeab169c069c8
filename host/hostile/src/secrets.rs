//! Looking for a secret in every spelling in which it could leak.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use memchr::memmem;

/// How a secret may be written.
fn spellings(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let percent = |upper: bool| -> Vec<u8> {
        let byte = |byte: u8| if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
        secret.bytes().map(byte).collect::<String>().into_bytes()
    };
    let mut spellings = vec![
        ("plain", secret.as_bytes().to_vec()),
        ("reversed", secret.bytes().rev().collect()),
        ("hexadecimal", hex::encode(secret).into_bytes()),
        ("hexadecimal, capitals", hex::encode_upper(secret).into_bytes()),
        ("percent", percent(true)),
        ("percent, small", percent(false)),
    ];
    // Within a longer text, base64 of a secret depends on where it begins: without what its neighbours decide, each of
    // the three ways has one fixed middle.
    for (name, shift) in [("base64", 0_usize), ("base64, shifted by one", 1), ("base64, shifted by two", 2)] {
        for engine in [&STANDARD, &URL_SAFE, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let mut padded = vec![b'\0'; shift];
            padded.extend_from_slice(secret.as_bytes());
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
pub fn found(secret: &str, bytes: &[u8]) -> Option<&'static str> {
    // Spread over many lines it is no less a secret.
    let joined: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let has = |spelling: &[u8]| [bytes, &joined].iter().any(|text| memmem::find(text, spelling).is_some());
    spellings(secret).into_iter().find(|(_, spelling)| has(spelling)).map(|(name, _)| name)
}
