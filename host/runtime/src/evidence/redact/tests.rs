use super::Redaction;
use crate::credentials::Secrets;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

const CANARY: &str = "c4n4ry/+t0ken&value==";

fn redacted(secret: &str, text: &str) -> String {
    let secrets = Secrets::default();
    secrets.add_for_keeping([secret.to_owned()]);
    let mut text = text.to_owned();
    Redaction(&secrets).text(&mut text);
    text
}

#[test]
fn a_secret_is_found_in_every_spelling() {
    let every_byte: String = CANARY.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let percent = "c4n4ry%2F%2Bt0ken%26value%3D%3D";
    let texts = [
        format!("Bearer {CANARY}"),
        hex::encode(CANARY),
        hex::encode_upper(CANARY),
        format!("?token={percent}"),
        format!("?token={}", percent.to_lowercase()),
        every_byte,
        "c4n4ry/+t0k\n  en&value==".to_owned(),
        serde_json::to_string(&format!("{{\"t\":\"{CANARY}\"}}")).unwrap(),
        CANARY.replace('&', "&amp;"),
        STANDARD.encode(CANARY),
        URL_SAFE_NO_PAD.encode(format!("x{CANARY}yz")),
        STANDARD.encode(format!("user:{CANARY}")),
    ];
    for text in texts {
        let redacted = redacted(CANARY, &text);
        assert!(redacted.contains("********"), "{text} became {redacted}");
        assert_eq!(redacted.len(), text.len());
        assert!(!redacted.contains("c4n4ry"), "{redacted}");
    }
}

#[test]
fn a_key_of_several_lines_is_found_line_by_line() {
    let line = "MIIEvQIBADANBgkqhkiG9w0BAQEF";
    let key = format!("-----BEGIN KEY-----\n{line}\n-----END KEY-----");
    for text in [line.to_owned(), hex::encode(line), STANDARD.encode(line)] {
        let redacted = redacted(&key, &text);
        assert!(redacted.bytes().filter(|byte| *byte == b'*').count() + 4 >= text.len(), "{redacted}");
    }
}

#[test]
fn what_is_no_secret_stays() {
    assert_eq!(redacted("short", "short and plain"), "short and plain");
}
