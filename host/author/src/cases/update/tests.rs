use super::{StepVerdict, Verdict, in_json, in_toml};
use crate::cases::CaseFile;
use crate::cases::compare::compare;
use crate::cases::model::Cases;
use serde_json::{Value, json};

const FILE: &str = r#"# What the health check says.
[[case]]
name = "it is well"
when.check = {}
expect.summary = "old" # written by hand

[[case]]
name = "it is new"
when.check = {}
"#;

fn verdicts(file: &CaseFile, observed: &Value) -> Vec<Verdict> {
    let verdict = |expected| {
        let observed = observed.as_object().unwrap().clone();
        let differences = compare(expected, &observed);
        Verdict { steps: vec![StepVerdict { observed, differences, unrecorded: Vec::new() }], broken: None }
    };
    file.cases.iter().map(|case| verdict(&case.expect)).collect()
}

fn file(text: &str) -> CaseFile {
    let cases: Cases = toml::from_str(text).unwrap();
    CaseFile { path: "health.toml".into(), cases: cases.cases }
}

#[test]
fn what_was_found_replaces_what_was_named_and_comments_stay() {
    let observed = json!({ "summary": "all well", "attrs": { "n": "1" }, "requests": [{ "request": "GET /me" }] });
    let before = file(FILE);
    let (text, rewritten) = in_toml(FILE, &before, &verdicts(&before, &observed)).unwrap();
    assert_eq!(rewritten, 2);
    assert!(text.starts_with("# What the health check says."), "{text}");
    let after = file(&text);
    assert_eq!(after.cases[0].expect, *json!({ "summary": "all well" }).as_object().unwrap());
    let expected = json!({ "summary": "all well", "requests": [{ "request": "GET /me" }] });
    assert_eq!(after.cases[1].expect, *expected.as_object().unwrap());
    let (same, rewritten) = in_toml(&text, &after, &verdicts(&after, &observed)).unwrap();
    assert_eq!((same, rewritten), (text, 0));
}

#[test]
fn a_json_file_is_rewritten_as_well() {
    let text = r#"{ "case": [{ "name": "x", "when": { "check": {} }, "expect": { "summary": "old" } }] }"#;
    let cases: Cases = serde_json::from_str(text).unwrap();
    let file = CaseFile { path: "health.json".into(), cases: cases.cases };
    let failed = json!({ "failure": { "class": "auth" } });
    let (text, rewritten) = in_json(text, &file, &verdicts(&file, &failed)).unwrap();
    assert_eq!(rewritten, 1);
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["case"][0]["expect"], failed);
}
