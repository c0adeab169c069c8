//! AWS's published test suite for signature version 4 (`aws-signing-test-suite/v4` of awslabs/aws-c-auth, Apache-2.0).

use super::{Request, Scope, canonical_path, canonical_query, spelled};
use aws_lc_rs::digest;
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    name: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
    normalize: bool,
    canonical: String,
    signature: String,
}

#[test]
fn the_published_vectors_come_out() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert!(vectors.len() > 30, "{}", vectors.len());
    for vector in vectors {
        let payload = hex::encode(digest::digest(&digest::SHA256, vector.body.as_bytes()));
        let request = || Request {
            method: &vector.method,
            path: if vector.normalize { canonical_path(&vector.path) } else { raw_path(&vector.path) },
            query: canonical_query(&vector.query),
            headers: vector.headers.clone(),
            payload: &payload,
        };
        assert_eq!(request().canonical().0, vector.canonical, "{}", vector.name);
        let scope = Scope { service: "service", region: "us-east-1", at: "20150830T123600Z" };
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let (authorization, signature) = request().authorize(&scope, "AKIDEXAMPLE", secret);
        assert_eq!(signature, vector.signature, "{}", vector.name);
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/"));
    }
}

/// Without removing segments, as for S3.
fn raw_path(path: &str) -> String {
    path.split('/').map(|segment| super::encoded(segment.as_bytes())).collect::<Vec<_>>().join("/")
}

#[test]
fn what_is_sent_is_spelled_as_aws_reads_it() {
    let cases =
        [("/a b", "/a%20b"), ("/a%20b/%2f+", "/a%20b/%2F%2B"), ("/(x)/é", "/%28x%29/%C3%A9"), ("/100%", "/100%25")];
    for (path, expect) in cases {
        assert_eq!(spelled(path), expect);
        assert_eq!(spelled(&spelled(path)), expect, "stays as it is");
    }
    let cases = [("b=2&a=1&a=0", "a=0&a=1&b=2"), ("q=a+b&&x", "q=a%20b&x="), ("k=%7e%2A*", "k=~%2A%2A")];
    for (query, expect) in cases {
        assert_eq!(canonical_query(query), expect);
        assert_eq!(canonical_query(expect), expect, "stays as it is");
    }
}
