use super::*;
use crate::error::StoreError;
use crate::plugins::VerifyError;

fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const STRUCTURED: &[(&str, &str)] = &[("content-type", "application/cloudevents+json; charset=UTF-8")];

#[test]
fn a_message_is_its_body_and_a_cloud_event_is_its_data() {
    let binary = &[("content-type", "application/json"), ("ce_id", "7"), ("ce_source", "/x"), ("ce_type", "t")][..];
    let envelope =
        |rest: &str| format!("{{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"/x\",\"type\":\"t\"{rest}}}");
    // (headers, body, id, type, what the plugin gets)
    let table = [
        (&[][..], "{\"a\": 1}".to_owned(), None, None, "{\"a\": 1}"),
        (binary, "{\"a\": 1}".to_owned(), Some("ce:/x 7"), Some("t"), "{\"a\": 1}"),
        // Bytes of JSON stay as they were sent.
        (STRUCTURED, envelope(",\"data\":{\"b\":  1.0}"), Some("ce:/x 7"), Some("t"), "{\"b\":  1.0}"),
        (
            STRUCTURED,
            envelope(",\"datacontenttype\":\"text/xml\",\"data\":\"<a/>\""),
            Some("ce:/x 7"),
            Some("t"),
            "<a/>",
        ),
        (STRUCTURED, envelope(",\"data_base64\":\"aGk=\""), Some("ce:/x 7"), Some("t"), "hi"),
    ];
    for (pairs, body, id, kind, expected) in table {
        let found = content(&headers(pairs), body.clone().into_bytes()).unwrap();
        let expected =
            Content { id: id.map(str::to_owned), kind: kind.map(str::to_owned), body: expected.as_bytes().to_vec() };
        assert_eq!(found, expected, "{body}");
    }
}

#[test]
fn what_cannot_be_understood_is_put_aside_with_a_reason() {
    let batch = &[("content-type", "application/cloudevents-batch+json")][..];
    for (pairs, body, code) in [
        (&[][..], "", "no-body"),
        (batch, "[]", "batch"),
        (STRUCTURED, "not json", "unreadable"),
        (STRUCTURED, "{\"specversion\":\"1.0\",\"id\":\"7\"}", "unreadable"),
        (STRUCTURED, "{\"specversion\":\"0.3\",\"id\":\"7\",\"source\":\"s\",\"type\":\"t\",\"data\":1}", "unreadable"),
        (STRUCTURED, "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"s\",\"type\":\"t\"}", "no-body"),
        (
            STRUCTURED,
            "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"s\",\"type\":\"t\",\"data_base64\":\"?\"}",
            "unreadable",
        ),
    ] {
        match content(&headers(pairs), body.as_bytes().to_vec()) {
            Err(MessageError::PutAside { code: found, .. }) => assert_eq!(found, code, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn names_of_any_length_name_one_thing() {
    let long = "x".repeat(500);
    let (one, other) = (cloud_id(&long, "1"), cloud_id(&long, "2"));
    assert!(one != other && one.len() < 100 && one.starts_with("ce-sha256:"), "{one}");
    assert_ne!(cloud_id("a\u{7}", "1"), cloud_id("a", "1"));
}

#[test]
fn a_message_without_a_name_is_named_by_its_place() {
    let message = TopicMessage {
        topic: "ci".to_owned(),
        partition: 2,
        offset: 41,
        millis: Some(1_700_000_000_000),
        headers: Vec::new(),
        body: None,
    };
    assert_eq!(place(&message), "kafka:ci/2/41@1700000000000");
    assert_eq!(place(&TopicMessage { millis: None, ..message }), "kafka:ci/2/41");
}

#[test]
fn what_may_be_taken_later_is_not_put_aside() {
    let store = || StoreError::new("keep the delivery", "the disk is full");
    for (error, later) in [
        (HookError::NoPlugin("github".to_owned()), true),
        (HookError::Store(store()), true),
        (HookError::NoConnection("con_1".into()), false),
        (HookError::Disabled("con_1".into()), false),
        (HookError::NotGenuine(VerifyError::NotReceiving), false),
        (HookError::TooLarge { limit: 1 }, false),
    ] {
        let said = error.to_string();
        assert_eq!(matches!(MessageError::from(error), MessageError::Later(_)), later, "{said}");
    }
}
