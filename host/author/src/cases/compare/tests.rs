use super::compare;
use serde_json::{Map, Value, json};

fn fields(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn what_is_named_is_compared_and_nothing_else_unless_it_is_exact() {
    let observed = json!({
        "items": [{ "id": "1", "payload": { "state": "running", "branch": "main" } }],
        "amount": 9_007_199_254_740_993_i64, "ratio": 1.0, "note": "nothing new", "log": [{ "message": "took 3 builds" }, { "message": "done" }],
    });
    let table = [
        (json!({}), vec![]),
        (json!({ "items": [{ "id": "1" }] }), vec![]),
        (json!({ "items": [{ "payload": { "state": "queued" } }] }), vec!["items[0].payload.state"]),
        (json!({ "items": [] }), vec!["items"]),
        (json!({ "items": [{ "payload": { "state": "running", "exact": true } }] }), vec!["items[0].payload.branch"]),
        (json!({ "items": [{ "payload": { "commit": null } }] }), vec![]),
        (json!({ "note": { "contains": "new" } }), vec![]),
        (json!({ "note": { "contains": "old" } }), vec!["note"]),
        (json!({ "next": "2" }), vec!["next"]),
        (json!({ "log": ["3 builds", "done"] }), vec![]),
        (json!({ "log": ["done", "3 builds"] }), vec!["log[1]"]),
        (json!({ "log": [] }), vec!["log"]),
        (json!({ "log": [{ "message": "done" }] }), vec!["log[0]"]),
        (json!({ "amount": 9_007_199_254_740_993_i64 }), vec![]),
        (json!({ "amount": 9_007_199_254_740_992_i64 }), vec!["amount"]),
        (json!({ "ratio": 1 }), vec![]),
        (json!({ "failure": { "class": "auth" } }), vec!["failure"]),
    ];
    for (expected, places) in table {
        let found = compare(&fields(expected.clone()), &fields(observed.clone()));
        let found: Vec<_> = found.iter().map(|difference| difference.at.as_str()).collect();
        assert_eq!(found, places, "{expected}");
    }
}

#[test]
fn a_failure_that_nobody_expected_is_the_one_difference() {
    let observed = fields(json!({ "failure": { "class": "auth", "code": "x.y" } }));
    let differences = compare(&fields(json!({ "items": [] })), &observed);
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].at, "failure");
    assert_eq!(compare(&fields(json!({ "failure": { "class": "auth" } })), &observed), []);
}

#[test]
fn a_difference_is_three_lines_whatever_the_values_are() {
    let expected = fields(json!({ "note": "a" }));
    let observed = fields(json!({ "note": "b\n  + \u{9b}2J\u{202e}" }));
    let found = compare(&expected, &observed);
    assert_eq!(found[0].to_string(), "note\n  - \"a\"\n  + \"b\\n  + \\u{9b}2J\\u{202e}\"");
}
