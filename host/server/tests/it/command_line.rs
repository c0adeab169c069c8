//! The command line against a running host, and the configuration without one.

use crate::harness::{Client, Start, recorded};
use crate::replay::play;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

fn opssight(dir: &Path, args: &[&str], envs: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opssight"));
    command.args(args).env_remove("OPSSIGHT_TOKEN").env("OPSSIGHT_CREDENTIALS_FILE", dir.join("credentials.json"));
    command.envs(envs.iter().copied()).stdin(std::process::Stdio::null()).output().expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output.stdout)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_list_and_show_speaks_of_what_was_delivered() {
    let dir = tempfile::tempdir().expect("a folder");
    let host = Start::on(&dir.path().join("data")).start();
    let secret = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &secret).await;
    let (connection, hook_secret) = client.connect_github("acme").await;
    play(&client, &connection.id, &hook_secret, &recorded()).await;

    let envs = [("OPSSIGHT_SERVER", host.url.as_str()), ("OPSSIGHT_TOKEN", client.token.as_str())];
    let run = |args: &[&str]| opssight(dir.path(), args, &envs);

    let runs = json(&run(&["runs", "list", "--all", "-o", "json"]));
    let first = runs["items"][0]["id"].as_str().expect("a run").to_owned();
    let shown = json(&run(&["runs", "show", &first, "-o", "json"]));
    assert_eq!(shown["run"]["id"], first.as_str());
    let table = run(&["runs", "list"]);
    assert!(table.status.success() && text(&table.stdout).contains("octocoders-linter"), "{}", text(&table.stdout));

    assert_eq!(json(&run(&["connections", "list", "-o", "json"]))["items"][0]["name"], "acme");
    let listed = json(&run(&["deliveries", "list", "--state", "done", "-o", "json"]));
    assert!(!listed["items"].as_array().expect("items").is_empty());
    assert_eq!(json(&run(&["plugins", "inspect", "github", "-o", "json"]))["id"], "github");
    let metrics = json(&run(&["delivery", "metrics", "-o", "json"]));
    assert!(metrics["metrics"].is_array(), "{metrics}");
    assert!(!json(&run(&["deployments", "list", "-o", "json"]))["items"].as_array().expect("items").is_empty());
    assert!(!json(&run(&["changes", "list", "-o", "json"]))["items"].as_array().expect("items").is_empty());

    // The demo's feeds lead to a closed port, so that acting fails upstream, by name, with nothing half done.
    let rerun = run(&["runs", "rerun", &first, "--yes"]);
    assert_eq!(rerun.status.code(), Some(1), "{}", text(&rerun.stderr));
    // Without a terminal nobody is asked.
    let refused = run(&["connections", "remove", &connection.id]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused.stderr));
    assert!(text(&refused.stderr).contains("--yes"));
    let removed = run(&["connections", "remove", &connection.id, "--yes"]);
    assert!(removed.status.success(), "{}", text(&removed.stderr));
    let doctor = run(&["doctor"]);
    assert!(doctor.status.success(), "{}{}", text(&doctor.stdout), text(&doctor.stderr));
}

#[test]
fn without_a_session_the_exit_code_says_so() {
    let dir = tempfile::tempdir().expect("a folder");
    let host = Start::on(&dir.path().join("data")).start();
    let output = opssight(dir.path(), &["runs", "list"], &[("OPSSIGHT_SERVER", &host.url)]);
    assert_eq!(output.status.code(), Some(4), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("opssight login"), "{}", text(&output.stderr));
}

#[test]
fn configuration_comes_from_file_environment_and_flags_in_that_order() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("opssight.toml");
    std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:1111\"\n[hooks]\nbody_limit = 2048\n").expect("written");
    let file = file.to_string_lossy().into_owned();
    let show = |args: &[&str], envs: &[(&str, &str)]| {
        let args = [&["config", "show", "--config", file.as_str()][..], args].concat();
        text(&opssight(dir.path(), &args, envs).stdout)
    };
    let plain = show(&[], &[]);
    assert!(plain.contains("listen = \"127.0.0.1:1111\"") && plain.contains("body_limit = 2048"), "{plain}");
    let env = [("OPSSIGHT_SERVER__LISTEN", "127.0.0.1:2222"), ("OPSSIGHT_HOOKS__BODY_LIMIT", "4096")];
    let from_env = show(&[], &env);
    assert!(from_env.contains("127.0.0.1:2222") && from_env.contains("body_limit = 4096"), "{from_env}");
    let from_flag = show(&["--listen", "127.0.0.1:3333"], &env);
    assert!(from_flag.contains("127.0.0.1:3333"), "{from_flag}");
}

/// The file, the environment, and what the error must name.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

#[test]
fn a_wrong_configuration_is_refused_with_its_place() {
    let dir = tempfile::tempdir().expect("a folder");
    let check = |toml: &str, envs: &[(&str, &str)]| {
        let file = dir.path().join("opssight.toml");
        std::fs::write(&file, toml).expect("written");
        let output = opssight(dir.path(), &["config", "check", "-c", &file.to_string_lossy()], envs);
        assert_eq!(output.status.code(), Some(1), "{toml} was accepted");
        text(&output.stderr)
    };
    let cases: [Case; 7] = [
        ("[plugins.caps]\ncpu = 5\n", &[], &["line 2", "cpu", "cpu_ms"]),
        ("[plugins.caps]\ncpu_ms = 0\nrequests = 0\n", &[], &["plugins.caps.cpu_ms is 0"]),
        ("[server]\nlitsen = \"x\"\n", &[], &["opssight.toml", "line 2", "litsen", "expected"]),
        ("[server\n", &[], &["opssight.toml", "line 1"]),
        ("[retention]\nruns_days = 0\n", &[], &["retention", "1 to 36500"]),
        ("", &[("OPSSIGHT_HOOKS__BODY_LIMT", "5")], &["OPSSIGHT_HOOKS__BODY_LIMT", "unknown field"]),
        ("", &[("OPSSIGHT_HOOKS__BODY_LIMIT", "much")], &["OPSSIGHT_HOOKS__BODY_LIMIT", "invalid type"]),
    ];
    for (toml, envs, expected) in cases {
        let error = check(toml, envs);
        for part in expected {
            assert!(error.contains(part), "`{part}` is not in: {error}");
        }
    }
    let schema = json(&opssight(dir.path(), &["config", "schema"], &[]));
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn two_hosts_cannot_share_a_folder_and_a_new_secret_ends_the_old() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let host = Start::on(&data).start();
    let old = host.admin_secret.clone().expect("a first start shows the secret");
    let path = data.to_string_lossy().into_owned();
    let second = opssight(dir.path(), &["admin", "reset", "--data", &path], &[]);
    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains("another process"), "{}", text(&second.stderr));
    assert_eq!(host.terminate(), 0);
    let reset = opssight(dir.path(), &["admin", "reset", "--data", &path], &[]);
    let new = text(&reset.stdout);
    let new = new.trim().strip_prefix("Admin secret (shown once): ").expect("a new secret");
    assert_ne!(new, old);
    let host = Start::on(&data).start();
    assert!(host.admin_secret.is_none(), "the secret is shown at the first start only");
    let on_disk = std::fs::read(data.join("opssight.db")).unwrap_or_default();
    assert!(!contains(&on_disk, old.as_bytes()) && !contains(&on_disk, new.as_bytes()), "a secret is kept in clear");
    assert!(!host.log().contains("opsadmin_"), "a secret is in the log");
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}
