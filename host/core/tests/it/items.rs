//! What a plugin says is not believed before it is checked.

use opssight_core::items::{Body, Item};
use opssight_core::plugins::RawItem;
use opssight_core::time::Timestamp;

fn raw(kind: &str, payload: &str) -> RawItem {
    RawItem {
        id: "x".into(),
        kind: kind.into(),
        at: Timestamp::from_millis(1_700_000_000_000),
        title: "t".into(),
        url: None,
        attrs: vec![],
        payload: payload.as_bytes().to_vec(),
    }
}

#[test]
fn a_good_item_is_typed() {
    let item = Item::decode(&raw("ci.pipeline-run", r#"{"id":"1","attempt":2,"service":"o/r","state":"running"}"#));
    assert!(matches!(item.expect("good").body, Body::Run(run) if run.attempt == 2));
}

#[test]
fn bad_items_name_what_is_wrong() {
    let cases = [
        ("ci.pipeline-run", r#"{"id":"","attempt":1,"service":"o/r"}"#, "`id` is empty"),
        ("ci.pipeline-run", r#"{"id":"1","attempt":0,"service":"o/r"}"#, "`attempt` is 0"),
        (
            "ci.pipeline-run",
            r#"{"id":"1","attempt":1,"service":"o/r","created_at":-9223372036854775808}"#,
            "`created_at` is",
        ),
        (
            "ci.pipeline-run",
            r#"{"id":"1","attempt":1,"service":"o/r","created_at":253402300799000}"#,
            "`created_at` is",
        ),
        ("ci.pipeline-run", r#"{"id":"1","attempt":1,"service":"o/r","state":"dancing"}"#, "unknown variant `dancing`"),
        ("ci.pipeline-run", "not json", "its payload is not what the kind's schema says"),
        ("ci.unheard-of", "{}", "does not know the kind `ci.unheard-of`"),
        ("vcs.change", r#"{"service":"o/r","number":0}"#, "`number` is 0"),
    ];
    for (kind, payload, expected) in cases {
        let error = Item::decode(&raw(kind, payload)).expect_err(payload).to_string();
        assert!(error.contains(expected), "{error}");
    }
    let mut wild = raw("ci.pipeline-run", r#"{"id":"1","attempt":1,"service":"o/r"}"#);
    wild.at = Timestamp(i64::MIN);
    assert!(Item::decode(&wild).is_err());
}

#[test]
fn what_identifies_a_thing_holds_nothing_invisible() {
    for id in ["1\\u0000", "1\\u202e2", "1\\u200b"] {
        let payload = format!(r#"{{"id":"{id}","attempt":1,"service":"o/r"}}"#);
        let error = Item::decode(&raw("ci.pipeline-run", &payload)).expect_err(id).to_string();
        assert!(error.contains("control or invisible"), "{error}");
    }
}

#[test]
fn texts_are_kept_without_what_acts_or_hides_and_links_only_to_the_web() {
    use opssight_core::fact::{clean, clean_url};
    let cases = [
        ("a\u{1b}[31mb", "a[31mb"),
        ("a\u{202e}b\u{2066}", "ab"),
        ("a\u{200b}b\u{feff}\u{e0041}\u{e0100}", "ab"),
        ("a\u{2028}b\nc", "a b c"),
        ("grüße \u{2764}\u{fe0f}", "grüße \u{2764}\u{fe0f}"),
    ];
    for (text, kept) in cases {
        assert_eq!(clean(text), kept);
    }
    let links =
        [("https://a/b", true), ("http://a", true), ("javascript:alert(1)", false), ("//a", false), ("", false)];
    for (link, kept) in links {
        assert_eq!(clean_url(Some(&link.to_owned())).is_some(), kept, "{link}");
    }
}
