//! Lists: filters and pages.

use crate::api::Api;
use crate::run;

fn run_json(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","connection":"con_1","upstream_id":"1","attempt":1,"service":"acme/web","state":"queued"}}"#
    )
}

fn page(ids: &[&str], next: Option<&str>) -> String {
    let items: Vec<_> = ids.iter().map(|id| run_json(id)).collect();
    let next = next.map(|next| format!(r#","next_cursor":"{next}""#)).unwrap_or_default();
    format!(r#"{{"items":[{}]{next}}}"#, items.join(","))
}

fn queries(api: &Api) -> Vec<String> {
    api.asked().into_iter().filter(|asked| asked.what == "GET /api/v1/runs").map(|asked| asked.query).collect()
}

#[tokio::test]
async fn all_follows_the_cursors_to_the_end() {
    let api = Api::start().await;
    let pages = [page(&["a", "b"], Some("c1")), page(&["c"], Some("c2")), page(&["d"], None)];
    api.then("GET /api/v1/runs", &[(200, &pages[0]), (200, &pages[1]), (200, &pages[2])]);
    let outcome = run(&["runs", "list", "--all", "-o", "name"]).on(&api).await;
    assert_eq!((outcome.code, outcome.out.as_str()), (0, "a\nb\nc\nd\n"));
    assert_eq!(queries(&api), ["limit=200", "cursor=c1&limit=200", "cursor=c2&limit=200"]);
}

#[tokio::test]
async fn a_limit_is_kept_exactly_so_that_its_cursor_can_be_used() {
    let api = Api::start().await;
    let pages = [page(&["a", "b"], Some("c1")), page(&["c"], Some("c2"))];
    api.then("GET /api/v1/runs", &[(200, &pages[0]), (200, &pages[1])]);
    let outcome = run(&["runs", "list", "--limit", "3", "-o", "json"]).on(&api).await;
    let printed: serde_json::Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(printed["items"].as_array().unwrap().len(), 3);
    assert_eq!(printed["next_cursor"], "c2");
    assert_eq!(queries(&api), ["limit=3", "cursor=c1&limit=1"]);
}

#[tokio::test]
async fn a_terminal_is_told_that_there_is_more() {
    let api = Api::start().await;
    api.says("GET /api/v1/runs", 200, &page(&["a"], Some("c1")));
    let outcome = run(&["runs", "list", "--limit", "1", "-o", "name"]).on_terminal(80).on(&api).await;
    assert_eq!(outcome.err, "There are more runs: --all fetches them, --cursor c1 goes on.\n");
}

#[tokio::test]
async fn pages_in_a_circle_end() {
    let api = Api::start().await;
    api.says("GET /api/v1/runs", 200, &page(&["a"], Some("c1")));
    let outcome = run(&["runs", "list", "--all", "-o", "name"]).on(&api).await;
    assert_eq!(outcome.code, 1);
    assert!(outcome.err.contains("pages in a circle"), "{}", outcome.err);
}

#[tokio::test]
async fn every_filter_of_runs_is_sent() {
    let api = Api::start().await;
    let line = [
        "runs",
        "list",
        "--connection",
        "acme",
        "--service",
        "acme/web",
        "--pipeline",
        "CI",
        "--branch",
        "main",
        "--commit",
        "0123",
        "--state",
        "active",
        "--result",
        "action_required",
        "--trigger",
        "push",
        "--actor",
        "ada",
        "--search",
        "fix & win",
        "--since",
        "2d",
        "--until",
        "2026-11-10",
        "--cursor",
        "c0",
        "--limit",
        "7",
    ];
    assert_eq!(run(&line).on(&api).await.code, 0);
    let query = queries(&api).remove(0);
    let mut pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    pairs.sort();
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        pairs.join("\n"),
        "actor=ada\nbranch=main\ncommit=0123\nconnection=con_1\ncursor=c0\nlimit=7\npipeline=CI\nq=fix & win\n\
         result=action_required\nservice=acme/web\nsince=2026-11-08T12:00:00Z\nstate=active\ntrigger=push\n\
         until=2026-11-10T00:00:00Z"
    );
}

#[tokio::test]
async fn a_removed_connection_can_still_be_filtered_by() {
    let api = Api::start().await;
    assert_eq!(run(&["runs", "list", "--connection", "con_gone"]).on(&api).await.code, 0);
    assert!(queries(&api)[0].contains("connection=con_gone"));
}

#[tokio::test]
async fn an_overloaded_server_is_asked_again() {
    let api = Api::start().await;
    let busy = r#"{"type":"x","title":"Busy","status":429,"detail":"too many requests"}"#;
    api.then("GET /api/v1/runs", &[(429, busy), (429, busy), (200, &page(&["a"], None))]);
    let outcome = run(&["runs", "list", "-o", "name"]).on(&api).await;
    assert_eq!((outcome.code, outcome.out.as_str()), (0, "a\n"));
    api.says("GET /api/v1/runs", 429, busy);
    let before = api.count("GET /api/v1/runs");
    let outcome = run(&["runs", "list"]).on(&api).await;
    assert_eq!(outcome.code, 1);
    assert_eq!(api.count("GET /api/v1/runs") - before, 4);
    assert!(outcome.err.contains("too many requests") && outcome.err.contains("wait a little"), "{}", outcome.err);
}
