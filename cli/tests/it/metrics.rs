//! Metrics: what is asked, and how answers are printed.

use crate::api::Api;
use crate::run;

const RANGE: &str = r#"{
    "start": "2026-11-10T10:00:00Z", "step_ms": 3600000, "steps": 3,
    "series": [
        { "metric": "up", "labels": { "host": "a,b", "zone": "z" }, "values": [1.0, null, 2.5] },
        { "labels": { "host": "c\u001b[31m" }, "values": [null, null, 7.0] }
    ],
    "warnings": ["what this needs to be exact is kept since 2026-11-10T11:00:00Z"]
}"#;

const INSTANT: &str = r#"{
    "at": "2026-11-10T12:00:00Z",
    "series": [{ "metric": "up", "labels": {}, "points": [{ "at": "2026-11-10T12:00:00Z", "value": null }] }]
}"#;

async fn api() -> Api {
    let api = Api::start().await;
    api.says("GET /api/v1/metrics/query_range", 200, RANGE);
    api.says("GET /api/v1/metrics/query", 200, INSTANT);
    let series = r#"{ "items": [{ "metric": "up", "labels": { "host": "a" } }], "more": true }"#;
    api.says("GET /api/v1/metrics/series", 200, series);
    api.says("GET /api/v1/metrics/labels", 200, r#"{ "items": ["host", "zone"], "more": false }"#);
    api
}

fn asked(api: &Api, path: &str) -> String {
    api.asked().into_iter().find(|asked| asked.what.ends_with(path)).expect("it is asked").query
}

#[tokio::test]
async fn a_range_is_a_line_for_each_point() {
    let api = api().await;
    let shown = run(&["metrics", "query", "up", "--from", "2h", "--step", "1h"]).on(&api).await;
    assert_eq!(shown.code, 0, "{}", shown.err);
    let lines: Vec<&str> = shown.out.lines().map(str::trim).collect();
    assert_eq!(lines.len(), 4, "{}", shown.out);
    assert!(lines[1].contains(r#"up{host="a,b",zone="z"}"#) && lines[1].ends_with("1"), "{}", shown.out);
    assert!(lines[2].contains("2026-11-10 12:00:00") && lines[2].ends_with("2.5"), "{}", shown.out);
    assert!(lines[3].ends_with('7') && !shown.out.contains('\u{1b}'), "{}", shown.out);
    assert!(shown.err.starts_with("warning: what this needs to be exact"), "{}", shown.err);
    let query = asked(&api, "/query_range");
    for part in ["query=up", "start=2026-11-10T10%3A00%3A00Z", "step_secs=3600"] {
        assert!(query.contains(part), "{part} in {query}");
    }
}

#[tokio::test]
async fn other_programs_get_a_column_for_each_label() {
    let api = api().await;
    let shown = run(&["metrics", "query", "up", "--from", "2h", "-o", "csv"]).on(&api).await;
    let expect = "metric,host,zone,time,value\n\
                  up,\"a,b\",z,2026-11-10T10:00:00Z,1\n\
                  up,\"a,b\",z,2026-11-10T12:00:00Z,2.5\n\
                  ,c[31m,,2026-11-10T12:00:00Z,7\n";
    assert_eq!(shown.out, expect);
    assert!(!asked(&api, "/query_range").contains("step_secs"));
    let shown = run(&["metrics", "query", "up", "--from", "2h", "-o", "json"]).on(&api).await;
    let same = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    assert_eq!(same(&shown.out), same(RANGE));
    let shown = run(&["metrics", "query", "up", "--from", "2h", "-o", "name"]).on(&api).await;
    assert_eq!(shown.out.lines().collect::<Vec<_>>().len(), 2, "{}", shown.out);
}

#[tokio::test]
async fn a_moment_is_asked_for_unless_a_range_is() {
    let api = api().await;
    let shown = run(&["metrics", "query", "up", "--at", "2026-11-10"]).on(&api).await;
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.out.lines().last().expect("a line").trim().ends_with('-'), "{}", shown.out);
    assert!(asked(&api, "/metrics/query").contains("at=2026-11-10T00%3A00%3A00Z"));
    for wrong in [&["--at", "1h", "--step", "1m"][..], &["--step", "500ms"], &["--at", "yesterday"]] {
        let line: Vec<&str> = ["metrics", "query", "up"].iter().chain(wrong).copied().collect();
        assert_eq!(run(&line).on(&api).await.code, 2, "{wrong:?}");
    }
}

#[tokio::test]
async fn a_wrong_expression_is_told_with_its_place() {
    let api = Api::start().await;
    let problem = r#"{ "type": "about:blank", "title": "Bad Request", "status": 400, "code": "bad-query",
        "detail": "unexpected token, at character 6", "request_id": "r" }"#;
    api.says("GET /api/v1/metrics/query", 400, problem);
    let shown = run(&["metrics", "query", "sum(a))"]).on(&api).await;
    assert_eq!(shown.code, 1);
    assert!(shown.err.contains("at character 6"), "{}", shown.err);
}

#[tokio::test]
async fn series_and_labels_are_listed() {
    let api = api().await;
    let shown = run(&["metrics", "series", "up", "--limit", "1"]).on(&api).await;
    assert!(shown.out.contains(r#"up{host="a"}"#), "{}", shown.out);
    assert_eq!(asked(&api, "/series"), "limit=1&selector=up");
    let shown = run(&["metrics", "labels", "--values-of", "host", "-o", "csv"]).on(&api).await;
    assert_eq!(shown.out, "name\nhost\nzone\n");
    assert!(asked(&api, "/labels").contains("values_of=host"));
}

#[tokio::test]
async fn nothing_else_prints_comma_separated_values() {
    let api = api().await;
    let shown = run(&["runs", "list", "-o", "csv"]).on(&api).await;
    assert_eq!((shown.code, shown.out.as_str()), (2, ""));
    assert!(shown.err.contains("only `opssight metrics` prints CSV"), "{}", shown.err);
    assert!(api.asked().iter().all(|asked| !asked.what.ends_with("/runs")));
}
