use super::Secrets;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bytes::Bytes;
use http::Response;
use url::form_urlencoded::byte_serialize;

const SECRET: &str = "s3cr?t/v\u{e4}l+\"ue>~";

fn known(secret: &str) -> Secrets {
    let secrets = Secrets::default();
    secrets.add(secret);
    secrets
}

#[test]
fn secrets_are_found_wherever_they_are_echoed() {
    let secrets = known("s3cr3t-value");
    secrets.add("short");
    assert_eq!(secrets.scrub("Bearer s3cr3t-value, s3cr3t-value!"), "Bearer [secret], [secret]!");
    assert_eq!(secrets.scrub("short"), "short");
    let body = Bytes::from_static(b"s3s3cr3t-value{\"token\":\"s3cr3t-value\"}s3cr");
    let mut answer = Response::builder().header("x-echo", "Bearer s3cr3t-value").body(body).unwrap();
    secrets.mask(&mut answer);
    assert_eq!(answer.body(), "s3************{\"token\":\"************\"}s3cr");
    assert_eq!(answer.headers()["x-echo"], "Bearer ************");
}

#[test]
fn no_usual_encoding_hides_a_secret() {
    let percent: String = SECRET
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02x}") })
        .collect();
    let cases = [
        SECRET.to_owned(),
        serde_json::to_string(SECRET).unwrap(),
        serde_json::to_string(SECRET).unwrap().replace('/', "\\/"),
        super::percent_encoded(SECRET),
        percent.replace("%7e", "~"),
        byte_serialize(SECRET.as_bytes()).collect(),
        hex::encode(SECRET),
        hex::encode_upper(SECRET),
        // Go, Python and .NET, in this order. The first is Gson's as well where there is no `=`.
        r#"s3cr?t/v\u00e4l+\"ue\u003e~"#.replace("\\u00e4", "\u{e4}"),
        r#"s3cr?t/v\u00e4l+\"ue>~"#.to_owned(),
        r#"s3cr?t/v\u00E4l\u002B\u0022ue\u003E~"#.to_owned(),
        STANDARD.encode(SECRET),
        URL_SAFE.encode(SECRET),
    ];
    let secrets = known(SECRET);
    for encoded in cases {
        let text = format!("before {encoded} after");
        let scrubbed = secrets.scrub(&text);
        assert!(scrubbed.starts_with("before ") && scrubbed.ends_with(" after"), "{encoded}: {scrubbed}");
        let left = scrubbed.trim_start_matches("before ").trim_end_matches(" after");
        assert!(left.replace("[secret]", "").len() <= 2, "{encoded}: {scrubbed}");
    }
}

#[test]
fn a_secret_inside_of_a_longer_encoded_text_is_found_at_every_offset() {
    let secrets = known(SECRET);
    for before in ["", "a", "ab", "abc", "user:", "user::"] {
        for after in ["", "x", "xy", "xyz"] {
            let encoded = STANDARD.encode(format!("{before}{SECRET}{after}"));
            let mut answer = Response::new(Bytes::from(encoded.clone()));
            secrets.mask(&mut answer);
            let masked = std::str::from_utf8(answer.body()).unwrap();
            assert_eq!(masked.len(), encoded.len());
            // What is left, decoded bit by bit, holds no byte of the secret.
            let stars = masked.bytes().filter(|byte| *byte == b'*').count();
            assert!(stars * 6 >= SECRET.len() * 8, "{before:?} {after:?}: {masked}");
        }
    }
}

#[test]
fn overlapping_secrets_are_hidden_together() {
    let secrets = known("abcdefgh12");
    secrets.add("gh12345678");
    assert_eq!(secrets.scrub("<abcdefgh12345678>"), "<[secret]>");
}

#[test]
fn only_the_latest_signatures_are_looked_for() {
    let secrets = Secrets::default();
    for number in 0..20 {
        secrets.add_passing(&format!("signature-{number:02}"));
    }
    assert_eq!(secrets.scrub("signature-03 signature-19"), "signature-03 [secret]");
    // Each request that is under way may be repeated.
    let oldest = format!("signature-{:02}", 20 - crate::egress::IN_FLIGHT);
    assert_eq!(secrets.scrub(&oldest), "[secret]");
    // In other spellings as well, as they come back from those who repeat everything that they are sent.
    let percent: String = "signature-19".bytes().map(|byte| format!("%{byte:02X}")).collect();
    for spelling in
        [percent, hex::encode("signature-19"), STANDARD.encode("signature-19"), "signa\nture-\n19".to_owned()]
    {
        let scrubbed = secrets.scrub(&spelling);
        assert!(scrubbed.starts_with("[secret]"), "{spelling}: {scrubbed}");
    }
}

/// Each of these takes a moment when it is searched in linear time, and hours otherwise.
#[test]
fn no_answer_is_made_so_that_looking_through_it_never_ends() {
    let secrets = known(&"aab".repeat(700));
    secrets.add(&"a".repeat(40));
    let bodies = [
        "a".repeat(39) + &"baaab".repeat(2_000_000),
        "\n".repeat(4_000_000),
        "a\n".repeat(2_000_000),
        format!("a{}a", " \r\n".repeat(1_000_000)),
        format!("{}b", "a\n\n\n\n".repeat(400_000)),
    ];
    for body in bodies {
        let length = body.len();
        let mut answer = Response::new(Bytes::from(body));
        secrets.mask(&mut answer);
        assert_eq!(answer.body().len(), length);
    }
}

#[test]
fn a_key_that_is_printed_line_by_line_is_found_in_each_line() {
    let secrets = known(
        "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG/w0BAQEF\nAASCBKcwggSjAgEAAoIBAQDJ\n-----END PRIVATE KEY-----\n",
    );
    assert_eq!(secrets.scrub("first: MIIEvQIBADANBgkqhkiG/w0BAQEF"), "first: [secret]");
    assert_eq!(secrets.scrub("then: AASCBKcwggSjAgEAAoIBAQDJ"), "then: [secret]");
    assert_eq!(secrets.scrub("MIIEvQIBADANBgkqhkiG\\/w0BAQEF"), "[secret]");
    assert_eq!(secrets.scrub("MIIEvQIBADANBgkqhkiG%2Fw0BAQEF"), "[secret]");
}
