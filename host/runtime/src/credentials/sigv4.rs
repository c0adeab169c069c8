//! `aws-sigv4`: signature version 4 of AWS, in headers.
//!
//! Written from the published algorithm, because the SDK's crate brings a runtime of its own; it is held to AWS's
//! published test suite. What is signed is what is sent: path and query are rewritten to the spelling that AWS
//! canonicalises to, so that no two parsers can disagree about them.

use super::{Chosen, sensitive};
use crate::context::CallContext;
use crate::egress::{Outgoing, Refusal};
use aws_lc_rs::{digest, hmac};
use http::{HeaderName, HeaderValue, header};
use opssight_core::plugins::manifest::AwsSigv4;
use url::Url;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const CONTENT: HeaderName = HeaderName::from_static("x-amz-content-sha256");

/// Sign a request that is otherwise as it will be sent.
pub(super) fn sign(
    call: &CallContext,
    chosen: &Chosen<'_>,
    spec: &AwsSigv4,
    url: &mut Url,
    outgoing: &mut Outgoing,
) -> Result<(), Refusal> {
    let (service, region) = (chosen.text(call, &spec.service)?, chosen.text(call, &spec.region)?);
    let now = call.services.clock.now().to_utc().ok_or(Refusal::Host("the host's clock has no date"))?;
    let at = now.format("%Y%m%dT%H%M%SZ").to_string();
    let simple_storage = service.starts_with("s3");
    let path = spelled(url.path());
    url.set_path(&path);
    if let Some(query) = url.query().map(canonical_query) {
        url.set_query(Some(&query).filter(|query| !query.is_empty()).map(String::as_str));
    }
    let payload = hex::encode(digest::digest(&digest::SHA256, &outgoing.body));
    let headers = &mut outgoing.headers;
    headers.remove(TOKEN);
    headers.insert(DATE, plain(&at)?);
    if let Some(token) = chosen.inputs.get(&spec.session_token).filter(|token| !token.trim().is_empty()) {
        headers.insert(TOKEN, sensitive(chosen.name, token)?);
    }
    headers.remove(CONTENT);
    if simple_storage {
        headers.insert(CONTENT, plain(&payload)?);
    }
    let mut signed = vec![("host".to_owned(), host(url))];
    for (name, value) in &*headers {
        if name.as_str().starts_with("x-amz-") || *name == header::CONTENT_TYPE {
            let value = value.to_str().map_err(|_| chosen.unusable("a header of the request cannot be signed"))?;
            signed.push((name.as_str().to_owned(), value.to_owned()));
        }
    }
    let request = Request {
        method: outgoing.method.as_str(),
        path: if simple_storage { path } else { canonical_path(&path) },
        query: url.query().map(canonical_query).unwrap_or_default(),
        headers: signed,
        payload: &payload,
    };
    let secret = chosen.input(&spec.secret_key)?;
    let scope = Scope { service: &service, region: &region, at: &at };
    let (authorization, signature) = request.authorize(&scope, chosen.input(&spec.access_key)?, secret);
    call.secrets.add_passing(&signature);
    headers.insert(header::AUTHORIZATION, sensitive(chosen.name, &authorization)?);
    Ok(())
}

fn plain(value: &str) -> Result<HeaderValue, Refusal> {
    HeaderValue::from_str(value).map_err(|_| Refusal::Host("the host made a header that none can carry"))
}

/// As the HTTP client writes it.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// For what a signature holds.
struct Scope<'a> {
    service: &'a str,
    region: &'a str,
    /// `20150830T123600Z`.
    at: &'a str,
}

/// A request as it is signed.
struct Request<'a> {
    method: &'a str,
    /// Canonical.
    path: String,
    /// Canonical.
    query: String,
    /// Those that are signed, names in lower case, in any order.
    headers: Vec<(String, String)>,
    /// Hexadecimal SHA-256 of the body.
    payload: &'a str,
}

impl Request<'_> {
    /// The `Authorization` header, and the signature in it.
    fn authorize(mut self, scope: &Scope<'_>, access_key: &str, secret_key: &str) -> (String, String) {
        let day = scope.at.get(..8).unwrap_or_default();
        let place = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
        let (canonical, names) = self.canonical();
        let hash = hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()));
        let to_sign = format!("{ALGORITHM}\n{}\n{place}\n{hash}", scope.at);
        let mut key = hmac::sign(&key(format!("AWS4{secret_key}").as_bytes()), day.as_bytes());
        for step in [scope.region, scope.service, "aws4_request"] {
            key = hmac::sign(&self::key(key.as_ref()), step.as_bytes());
        }
        let signature = hex::encode(hmac::sign(&self::key(key.as_ref()), to_sign.as_bytes()));
        let authorization =
            format!("{ALGORITHM} Credential={access_key}/{place}, SignedHeaders={names}, Signature={signature}");
        (authorization, signature)
    }

    /// The canonical request, and the names of the headers in it.
    fn canonical(&mut self) -> (String, String) {
        // Values of one name stay in their order.
        self.headers.sort_by(|a, b| a.0.cmp(&b.0));
        let mut lines: Vec<(&str, String)> = Vec::new();
        for (name, value) in &self.headers {
            let value = value.split_whitespace().collect::<Vec<_>>().join(" ");
            match lines.last_mut().filter(|(last, _)| last == name) {
                Some((_, values)) => values.push_str(&format!(",{value}")),
                None => lines.push((name, value)),
            }
        }
        let names = lines.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let headers: String = lines.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let Self { method, path, query, payload, .. } = self;
        (format!("{method}\n{path}\n{query}\n{headers}\n{names}\n{payload}"), names)
    }
}

fn key(bytes: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, bytes)
}

/// A path with exactly those characters encoded that AWS encodes, once.
fn spelled(path: &str) -> String {
    path.split('/').map(|segment| encoded(&decoded(segment, Plus::Literal))).collect::<Vec<_>>().join("/")
}

/// Every service but S3 signs the encoded path encoded once more, without empty and dot segments.
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let mut canonical: String = segments.iter().map(|segment| format!("/{}", encoded(segment.as_bytes()))).collect();
    if canonical.is_empty() || path.ends_with('/') {
        canonical.push('/');
    }
    canonical
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (encoded(&decoded(name, Plus::Space)), encoded(&decoded(value, Plus::Space)))
        })
        .collect();
    pairs.sort();
    pairs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// What a plus sign stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plus {
    Literal,
    Space,
}

fn decoded(text: &str, plus: Plus) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        let pair = after.get(..2).filter(|_| *first == b'%');
        match pair.and_then(|digits| hex::decode(digits).ok()) {
            Some(byte) => {
                decoded.extend(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None if *first == b'+' && plus == Plus::Space => decoded.push(b' '),
            None => decoded.push(*first),
        }
    }
    decoded
}

fn encoded(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            encoded.push(char::from(*byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
