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
