//! On a terminal: notes, width, colour.

use crate::api::Api;
use crate::run;
use insta::assert_snapshot;

#[tokio::test]
async fn tables_fit_the_terminal_and_keep_ids_whole() {
    let api = Api::start().await;
    assert_snapshot!(run(&["runs", "list"]).on_terminal(100).on(&api).await.show(&api));
}

#[tokio::test]
async fn colours_are_for_terminals_that_want_them() {
    let api = Api::start().await;
    let outcome = run(&["runs", "list"]).on_terminal(200).in_colour().on(&api).await;
    assert!(outcome.out.contains("\u{1b}[") && outcome.out.contains("failure"));
    let outcome = run(&["runs", "list", "-o", "json"]).on_terminal(200).in_colour().on(&api).await;
    assert!(!outcome.out.contains('\u{1b}'));
}

#[tokio::test]
async fn notes_are_for_terminals_and_quiet_silences_them() {
    let api = Api::start().await;
    api.says("GET /api/v1/runs", 200, r#"{"items":[]}"#);
    for (outcome, expected) in [
        (run(&["runs", "list"]).on_terminal(80).on(&api).await, "No runs.\n"),
        (run(&["runs", "list", "--quiet"]).on_terminal(80).on(&api).await, ""),
        (run(&["runs", "list"]).on(&api).await, ""),
    ] {
        assert_eq!((outcome.code, outcome.out.as_str(), outcome.err.as_str()), (0, "", expected));
    }
}
