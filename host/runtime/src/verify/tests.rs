use super::verify;
use opssight_core::plugins::manifest::{SignatureEncoding, Verification, WebhookSpec};
use opssight_core::plugins::{Credential, Credentials, RawDelivery, VerifyError};
use opssight_core::time::Timestamp;

fn spec(prefix: &str, encoding: SignatureEncoding) -> WebhookSpec {
    WebhookSpec {
        credential: "webhook".into(),
        verification: Verification::HmacSha256 {
            header: "x-hub-signature-256".into(),
            prefix: prefix.into(),
            encoding,
            input: "secret".into(),
            signs: "{body}".into(),
            timestamp: None,
        },
        delivery_id: None,
        event: None,
        headers: Vec::new(),
        setup: String::new(),
    }
}

fn raw<'a>(headers: &'a [(String, String)], body: &'a [u8]) -> RawDelivery<'a> {
    RawDelivery { headers, query: None, body, received_at: Timestamp(0) }
}

fn credentials(secret: &str) -> Credentials {
    let inputs = [("secret".to_owned(), secret.to_owned())].into();
    [("webhook".to_owned(), Credential { scheme: "hmac-sha256".into(), inputs })].into()
}

/// The example of GitHub's documentation.
const SECRET: &str = "It's a Secret to Everybody";
const BODY: &[u8] = b"Hello, World!";
const HEX: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
const BASE64: &str = "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc=";

#[test]
fn github_signatures_are_judged() {
    use VerifyError::{Malformed, Mismatch, Missing, NoSecret};
    let good = format!("sha256={HEX}");
    let upper = format!("sha256={}", HEX.to_uppercase());
    let short = format!("sha256={}", &HEX[..62]);
    type Case<'a> = (&'a str, &'a [&'a str], &'a [u8], &'a str, Result<(), VerifyError>);
    let cases: [Case<'_>; 11] = [
        ("the documented example", &[&good], BODY, SECRET, Ok(())),
        ("digits in upper case", &[&upper], BODY, SECRET, Ok(())),
        ("another body", &[&good], b"Hello, World?", SECRET, Err(Mismatch)),
        ("another secret", &[&good], BODY, "guess", Err(Mismatch)),
        ("no header", &[], BODY, SECRET, Err(Missing)),
        ("two headers", &[&good, &good], BODY, SECRET, Err(Malformed)),
        ("no prefix", &[HEX], BODY, SECRET, Err(Malformed)),
        ("no hexadecimal", &["sha256=zz"], BODY, SECRET, Err(Malformed)),
        ("cut off", &[&short], BODY, SECRET, Err(Mismatch)),
        ("empty", &["sha256="], BODY, SECRET, Err(Mismatch)),
        ("an empty secret", &[&good], BODY, "", Err(NoSecret)),
    ];
    let spec = spec("sha256=", SignatureEncoding::Hex);
    for (name, signatures, body, secret, expect) in cases {
        let headers: Vec<_> =
            signatures.iter().map(|value| ("x-hub-signature-256".to_owned(), (*value).to_owned())).collect();
        assert_eq!(verify(&spec, &credentials(secret), &raw(&headers, body)), expect, "{name}");
    }
    assert_eq!(verify(&spec, &Credentials::new(), &raw(&[], BODY)), Err(NoSecret));
}

#[test]
fn base64_signatures_are_judged() {
    let spec = spec("", SignatureEncoding::Base64);
    let headers = |value: &str| vec![("x-hub-signature-256".to_owned(), value.to_owned())];
    assert_eq!(verify(&spec, &credentials(SECRET), &raw(&headers(BASE64), BODY)), Ok(()));
    assert_eq!(verify(&spec, &credentials(SECRET), &raw(&headers(HEX), BODY)), Err(VerifyError::Mismatch));
    assert_eq!(verify(&spec, &credentials(SECRET), &raw(&headers("***"), BODY)), Err(VerifyError::Malformed));
}

/// A spec out of a manifest, with the secret in the input "secret".
fn declared(verification: serde_json::Value) -> WebhookSpec {
    let spec = serde_json::json!({ "credential": "webhook", "headers": [], "verification": verification });
    serde_json::from_value(spec).unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn at(secs: i64) -> Timestamp {
    Timestamp(secs * 1_000_000)
}

/// The example of Slack's documentation.
#[test]
fn slacks_signed_timestamps_are_judged() {
    use VerifyError::{Expired, Malformed, Mismatch, Missing};
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
        channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&\
        response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&\
        trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const GOOD: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    let spec = declared(serde_json::json!({
        "scheme": "hmac-sha256", "header": "x-slack-signature", "prefix": "v0=", "encoding": "hex", "input": "secret",
        "signs": "v0:{timestamp}:{body}", "timestamp": { "header": "x-slack-request-timestamp" },
    }));
    type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str, i64, Result<(), VerifyError>);
    let signature = ("x-slack-signature", GOOD);
    let sent = ("x-slack-request-timestamp", "1531420618");
    let cases: [Case<'_>; 9] = [
        ("the documented example", &[signature, sent], BODY, 1_531_420_618, Ok(())),
        ("five minutes later", &[signature, sent], BODY, 1_531_420_918, Ok(())),
        ("a second more", &[signature, sent], BODY, 1_531_420_919, Err(Expired)),
        ("from the future", &[signature, sent], BODY, 1_531_420_317, Err(Expired)),
        ("another time", &[signature, (sent.0, "1531420619")], BODY, 1_531_420_618, Err(Mismatch)),
        ("another body", &[signature, sent], "token=", 1_531_420_618, Err(Mismatch)),
        ("no time", &[signature], BODY, 1_531_420_618, Err(Missing)),
        ("no number", &[signature, (sent.0, "-1")], BODY, 1_531_420_618, Err(Malformed)),
        ("two times", &[signature, sent, sent], BODY, 1_531_420_618, Err(Malformed)),
    ];
    for (name, pairs, body, now, expect) in cases {
        let headers = headers(pairs);
        let delivery = RawDelivery { headers: &headers, query: None, body: body.as_bytes(), received_at: at(now) };
        assert_eq!(verify(&spec, &credentials(SECRET), &delivery), expect, "{name}");
    }
}

/// The example of the reference implementations.
#[test]
fn standard_webhooks_are_judged() {
    use VerifyError::{BadSecret, Expired, Malformed, Mismatch, Missing};
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const GOOD: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    const OTHER: &str = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
    const NOW: i64 = 1_614_265_330;
    let id = ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek");
    let sent = ("webhook-timestamp", "1614265330");
    let signed = |signature| ("webhook-signature", signature);
    let (both, asymmetric, junk) = (format!("{OTHER} {GOOD}"), format!("v1a,AAAA {GOOD}"), "v1,***".to_owned());
    let bare = SECRET.trim_start_matches("whsec_");
    let rotated = format!("whsec_bmV3LXNlY3JldA==\n{SECRET}\n");
    type Case<'a> = (&'a str, Vec<(&'a str, &'a str)>, &'a str, i64, Result<(), VerifyError>);
    let cases: [Case<'_>; 14] = [
        ("the published example", vec![id, sent, signed(GOOD)], SECRET, NOW, Ok(())),
        ("the secret without its prefix", vec![id, sent, signed(GOOD)], bare, NOW, Ok(())),
        ("one good signature of two", vec![id, sent, signed(&both)], SECRET, NOW, Ok(())),
        ("beside a kind that we do not know", vec![id, sent, signed(&asymmetric)], SECRET, NOW, Ok(())),
        ("while secrets are rotated", vec![id, sent, signed(GOOD)], &rotated, NOW, Ok(())),
        ("almost too late", vec![id, sent, signed(GOOD)], SECRET, NOW + 300, Ok(())),
        ("too late", vec![id, sent, signed(GOOD)], SECRET, NOW + 301, Err(Expired)),
        ("too early", vec![id, sent, signed(GOOD)], SECRET, NOW - 301, Err(Expired)),
        ("another id", vec![("webhook-id", "msg_x"), sent, signed(GOOD)], SECRET, NOW, Err(Mismatch)),
        ("another signature", vec![id, sent, signed(OTHER)], SECRET, NOW, Err(Mismatch)),
        ("no id", vec![sent, signed(GOOD)], SECRET, NOW, Err(Missing)),
        ("no signature", vec![id, sent], SECRET, NOW, Err(Missing)),
        ("nothing that can be read", vec![id, sent, signed(&junk)], SECRET, NOW, Err(Malformed)),
        ("a secret that is no base64", vec![id, sent, signed(GOOD)], "whsec_***", NOW, Err(BadSecret)),
    ];
    let spec = declared(serde_json::json!({ "scheme": "standard-webhooks", "input": "secret" }));
    for (name, pairs, secret, now, expect) in cases {
        let headers = headers(&pairs);
        let delivery = RawDelivery { headers: &headers, query: None, body: BODY, received_at: at(now) };
        assert_eq!(verify(&spec, &credentials(secret), &delivery), expect, "{name}");
    }
}

#[test]
fn tokens_in_headers_are_judged() {
    use VerifyError::{Malformed, Mismatch, Missing, NoSecret};
    let gitlab =
        declared(serde_json::json!({ "scheme": "token-header", "header": "x-gitlab-token", "input": "secret" }));
    let name = "x-gitlab-token";
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, Result<(), VerifyError>);
    let cases: [Case<'_>; 8] = [
        (&[(name, "t0ken")], "t0ken", Ok(())),
        (&[(name, "t0ken")], "new\nt0ken", Ok(())),
        (&[(name, "t0ke")], "t0ken", Err(Mismatch)),
        (&[(name, "t0ken2")], "t0ken", Err(Mismatch)),
        (&[(name, "")], "t0ken", Err(Mismatch)),
        (&[(name, "t0ken"), (name, "t0ken")], "t0ken", Err(Malformed)),
        (&[], "t0ken", Err(Missing)),
        (&[(name, "")], " ", Err(NoSecret)),
    ];
    for (pairs, secret, expect) in cases {
        let headers = headers(pairs);
        assert_eq!(verify(&gitlab, &credentials(secret), &raw(&headers, b"")), expect, "{pairs:?} {secret:?}");
    }
    let prefixed = serde_json::json!({ "scheme": "token-header", "header": "authorization", "prefix": "Bearer ", "input": "secret" });
    let headers = headers(&[("authorization", "Bearer t0ken")]);
    assert_eq!(verify(&declared(prefixed), &credentials("t0ken"), &raw(&headers, b"")), Ok(()));
}

#[test]
fn tokens_in_the_address_are_judged() {
    use VerifyError::{Malformed, Mismatch, Missing};
    let spec = declared(serde_json::json!({ "scheme": "url-token", "input": "secret" }));
    let cases = [
        (Some("token=t0%20k"), Ok(())),
        (Some("a=b&token=t0+k"), Ok(())),
        (Some("token=t0"), Err(Mismatch)),
        (Some("token="), Err(Mismatch)),
        (Some("Token=t0+k"), Err(Missing)),
        (Some("token=t0+k&token=t0+k"), Err(Malformed)),
        (Some(""), Err(Missing)),
        (None, Err(Missing)),
    ];
    for (query, expect) in cases {
        let delivery = RawDelivery { query, ..raw(&[], b"{}") };
        assert_eq!(verify(&spec, &credentials("t0 k"), &delivery), expect, "{query:?}");
    }
}
