//! What is printed, for people and for programs.

use crate::api::Api;
use crate::run;
use insta::assert_snapshot;

async fn shown(line: &[&str]) -> String {
    let api = Api::start().await;
    run(line).on(&api).await.show(&api)
}

#[tokio::test]
async fn lists_are_tables_for_people() {
    assert_snapshot!("runs_list", shown(&["runs", "list"]).await);
    assert_snapshot!("pipelines_list", shown(&["pipelines", "list"]).await);
    assert_snapshot!("pipelines_flaky", shown(&["pipelines", "flaky"]).await);
    assert_snapshot!("connections_list", shown(&["connections", "list"]).await);
    assert_snapshot!("deliveries_list", shown(&["deliveries", "list"]).await);
    assert_snapshot!("deployments_list", shown(&["deployments", "list"]).await);
    assert_snapshot!("changes_list", shown(&["changes", "list"]).await);
    assert_snapshot!("plugins_list", shown(&["plugins", "list"]).await);
    assert_snapshot!("keys_list", shown(&["keys", "list"]).await);
    assert_snapshot!("people_list", shown(&["people", "list"]).await);
    assert_snapshot!("people_invitations", shown(&["people", "invitations"]).await);
    assert_snapshot!("sessions_list", shown(&["sessions", "list"]).await);
    assert_snapshot!("can", shown(&["can"]).await);
    assert_snapshot!("delivery_metrics", shown(&["delivery", "metrics"]).await);
    let evidence = ["delivery", "metrics", "--evidence", "change_lead_time", "-s", "acme/web", "-e", "production"];
    assert_snapshot!("delivery_evidence", shown(&evidence).await);
}

#[tokio::test]
async fn single_things_are_sheets_for_people() {
    assert_snapshot!("runs_show", shown(&["runs", "show", "run_2"]).await);
    assert_snapshot!("runs_show_steps", shown(&["runs", "show", "run_2", "--steps"]).await);
    assert_snapshot!("connections_show", shown(&["connections", "show", "con_1"]).await);
    assert_snapshot!("deliveries_show", shown(&["deliveries", "show", "del_2"]).await);
    assert_snapshot!("plugins_inspect", shown(&["plugins", "inspect", "github"]).await);
    assert_snapshot!("whoami", shown(&["whoami"]).await);
}

#[tokio::test]
async fn programs_get_the_shapes_of_the_api() {
    assert_snapshot!("runs_list_json", shown(&["runs", "list", "-o", "json"]).await);
    assert_snapshot!("runs_list_jsonl", shown(&["runs", "list", "-o", "jsonl"]).await);
    assert_snapshot!("runs_list_yaml", shown(&["runs", "list", "-o", "yaml"]).await);
    assert_snapshot!("runs_list_name", shown(&["runs", "list", "-o", "name"]).await);
    assert_snapshot!("delivery_metrics_jsonl", shown(&["delivery", "metrics", "-o", "jsonl"]).await);
    assert_snapshot!("delivery_metrics_name", shown(&["delivery", "metrics", "-o", "name"]).await);
    assert_snapshot!("connections_show_yaml", shown(&["connections", "show", "con_1", "-o", "yaml"]).await);
}

/// Whatever the server says comes out the same, also what this version does not know.
#[tokio::test]
async fn json_is_exactly_what_the_api_said() {
    for (line, fixture) in [
        (&["runs", "list"][..], include_str!("fixtures/runs.json")),
        (&["runs", "show", "run_2"], include_str!("fixtures/run.json")),
        (&["connections", "list"], include_str!("fixtures/connections.json")),
        (&["connections", "show", "con_1"], include_str!("fixtures/connection.json")),
        (&["deliveries", "list"], include_str!("fixtures/deliveries.json")),
        (&["deliveries", "show", "del_2"], include_str!("fixtures/delivery.json")),
        (&["delivery", "metrics"], include_str!("fixtures/metrics.json")),
        (&["deployments", "list"], include_str!("fixtures/deployments.json")),
        (&["changes", "list"], include_str!("fixtures/changes.json")),
        (&["keys", "list"], include_str!("fixtures/keys.json")),
        (&["people", "list"], include_str!("fixtures/people.json")),
        (&["people", "invitations"], include_str!("fixtures/invitations.json")),
        (&["sessions", "list"], include_str!("fixtures/sessions.json")),
        (&["can"], include_str!("fixtures/permissions.json")),
        (&["plugins", "list"], include_str!("fixtures/plugins.json")),
        (&["plugins", "inspect", "github"], include_str!("fixtures/plugin.json")),
        (&["pipelines", "list"], include_str!("fixtures/pipelines.json")),
        (&["pipelines", "flaky"], include_str!("fixtures/flaky_jobs.json")),
    ] {
        let api = Api::start().await;
        let mut line = line.to_vec();
        line.extend(["-o", "json"]);
        let outcome = run(&line).on(&api).await;
        assert_eq!((outcome.code, outcome.err.as_str()), (0, ""), "{line:?}");
        let said: serde_json::Value = serde_json::from_str(fixture).unwrap();
        let printed: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
        assert_eq!(printed, said, "{line:?}");
    }
}

#[tokio::test]
async fn nothing_that_steers_a_terminal_is_printed() {
    let api = Api::start().await;
    for line in [&["runs", "list"][..], &["deliveries", "show", "del_2"], &["deliveries", "show", "del_2", "--body"]] {
        for format in ["table", "json", "jsonl", "yaml", "name"] {
            let mut line = line.to_vec();
            line.extend(["-o", format]);
            let outcome = run(&line).on_terminal(200).on(&api).await;
            let hostile = |c: char| (c.is_control() && c != '\n' && c != '\t') || c == '\u{202e}';
            assert!(!outcome.out.contains(hostile), "{line:?}: {:?}", outcome.out);
        }
    }
}

#[tokio::test]
async fn a_body_is_piped_byte_for_byte() {
    let api = Api::start().await;
    let outcome = run(&["deliveries", "show", "del_2", "--body"]).on(&api).await;
    assert_eq!(outcome.out, "{\"action\":\"completed\",\n\t\"evil\":\"\u{1b}[2J\"}");
}
