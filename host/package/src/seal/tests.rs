use super::*;

/// Bytes that need not be WebAssembly: a seal is checked before anything is parsed.
const CONTENT: &[u8] = b"\0asm any content at all";

#[test]
fn a_seal_names_its_publisher_and_key() {
    let key = SigningKey::generate().unwrap();
    let sealed = sign(CONTENT, "acme", &key).unwrap();
    let signature = seal(&sealed).unwrap().unwrap();
    assert_eq!(signature, Signature { publisher: "acme".into(), key: key.public() });
    assert_eq!(unsealed(&sealed).unwrap(), CONTENT);
    assert_eq!(seal(CONTENT).unwrap(), None);
    assert_eq!(sign(&sealed, "acme", &key), Err(SealError::Sealed));
    assert_eq!(sign(CONTENT, "Acme Inc.", &key), Err(SealError::Publisher));
}

#[test]
fn a_key_survives_its_file() {
    let key = SigningKey::generate().unwrap();
    let again = SigningKey::from_pem(&key.to_pem()).unwrap();
    assert_eq!(again.public(), key.public());
    assert_eq!(SigningKey::from_pem("not a key").unwrap_err(), SealError::Key);
    assert!(!format!("{key:?}").contains(&key.to_pem()[30..60]));
}

#[test]
fn no_single_changed_bit_passes() {
    let key = SigningKey::generate().unwrap();
    let sealed = sign(CONTENT, "acme", &key).unwrap();
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[at] ^= 1 << bit;
            // A broken end is no seal at all, and an unsigned package is refused elsewhere.
            assert!(!matches!(seal(&changed), Ok(Some(_))), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn a_seal_cannot_be_moved_to_other_bytes_or_another_publisher() {
    let key = SigningKey::generate().unwrap();
    let sealed = sign(CONTENT, "acme", &key).unwrap();
    let tail = &sealed[CONTENT.len()..];
    let moved = [b"\0asm other content at all", tail].concat();
    assert_eq!(seal(&moved), Err(SealError::Tampered { publisher: "acme".into() }));
    let at = sealed.windows(4).rposition(|window| window == b"acme").unwrap();
    let mut renamed = sealed.clone();
    renamed[at..at + 4].copy_from_slice(b"evil");
    assert_eq!(seal(&renamed), Err(SealError::Tampered { publisher: "evil".into() }));
    // Cut off everywhere.
    for end in 0..sealed.len() {
        assert!(!matches!(seal(&sealed[..end]), Ok(Some(_))));
    }
}
