use super::*;
use serde_json::json;

#[test]
fn settings_are_read_as_the_schema_means_them() {
    let schema = json!({ "properties": {
        "organisation": { "type": "string" },
        "base_url": { "type": ["string", "null"] },
        "repositories": { "type": "array", "items": { "type": "string" } },
        "days": { "type": "integer" },
    }});
    for (flags, expected) in [
        (&["organisation=123"][..], json!({ "organisation": "123" })),
        (&["base_url=null"], json!({ "base_url": "null" })),
        (&["repositories=acme/web"], json!({ "repositories": ["acme/web"] })),
        (&["repositories=true", "repositories=1e3"], json!({ "repositories": ["true", "1e3"] })),
        (&["repositories=[\"a\",\"b\"]"], json!({ "repositories": ["a", "b"] })),
        (&["days=30"], json!({ "days": 30 })),
        (&["days=many"], json!({ "days": "many" })),
        (&["unknown={\"a\":1}"], json!({ "unknown": { "a": 1 } })),
        (&["unknown=1", "unknown=x"], json!({ "unknown": [1, "x"] })),
        (&["unknown=a=b"], json!({ "unknown": "a=b" })),
        (&["organisation="], json!({ "organisation": "" })),
    ] {
        let flags: Vec<_> = flags.iter().map(|text| setting(text).unwrap()).collect();
        assert_eq!(Value::Object(settings(&flags, &schema)), expected);
    }
}

#[test]
fn flags_that_are_none_are_refused_without_repeating_a_secret() {
    for text in ["", "=x", "key"] {
        assert!(setting(text).is_err(), "{text}");
    }
    for text in ["api=hunter2", "api.token", ".token=hunter2", "api.=hunter2", "api.token=", "api.token=@"] {
        assert!(!credential(text).unwrap_err().contains("hunter2"), "{text}");
    }
    for text in ["api", "=bearer", "api="] {
        assert!(scheme(text).is_err(), "{text}");
    }
}

#[test]
fn credentials_come_from_where_the_flag_says() {
    let source = |text: &str| credential(text).unwrap().source;
    assert!(source("api.token=@token.txt") == Source::File("token.txt".into()));
    assert!(source("api.token=-") == Source::Input);
    assert!(source("api.token=abc=") == Source::Literal("abc=".to_owned()));
    assert!(!format!("{:?}", credential("api.token=hunter2").unwrap()).contains("hunter2"));
}
