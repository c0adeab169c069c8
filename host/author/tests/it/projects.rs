//! New projects: each kind in each language builds, passes its cases, and imports no more than it uses.
//!
//! The integration in every language is what the tutorial makes, and its test runs that.

use crate::typed::Desk;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;
use std::process::Command;

const KINDS: [&str; 3] = ["notifier", "cost", "detector"];

async fn start(desk: &Desk, kind: &str, language: &str) {
    desk.run(&format!("new --kind {kind} --lang {language} --publisher acme --path @{kind} my-{kind}")).await.good();
}

/// All cases pass, and there were some.
async fn passes(desk: &Desk, kind: &str) {
    let tested = desk.run(&format!("test @{kind}")).await;
    let shown = tested.json();
    assert!(shown["passed"].as_u64().unwrap() > 1, "{kind}: {shown:#}");
}

#[tokio::test]
async fn an_author_starts_tests_corrects_and_swaps() {
    let desk = Desk::new();
    start(&desk, "detector", "typescript").await;
    passes(&desk, "detector").await;

    let cases = desk.path("detector/tests/spikes.toml");
    let text = fs::read_to_string(&cases).unwrap();
    fs::write(&cases, text.replace("series_index = 1, kind = \"spike\"", "series_index = 0, kind = \"spike\""))
        .unwrap();
    let failed = desk.type_in("test @detector").await;
    assert_eq!(failed.code, 5, "{}", failed.err);
    assert!(failed.out.contains("findings[0].series_index\n           - 0\n           + 1"), "{}", failed.out);
    assert!(failed.out.ends_with("1 passed, 1 failed\n"), "{}", failed.out);

    let updated = desk.type_in("test @detector --update").await;
    assert!(updated.out.contains("1 expectations rewritten"), "{}", updated.out);
    passes(&desk, "detector").await;

    let source = desk.path("detector/src/plugin.ts");
    let right = fs::read_to_string(&source).unwrap();
    fs::write(&source, right.replace("const HISTORY = 5", "const HISTORY: string = 5")).unwrap();
    let broken = desk.type_in("dev @detector --once").await;
    assert!(broken.bad().contains("src/plugin.ts(5,7)"), "{}", broken.err);
    assert!(desk.taken().is_empty());

    fs::write(&source, right).unwrap();
    desk.type_in("dev @detector --once").await.good();
    let taken = desk.taken();
    let [(package, digest)] = taken.as_slice() else { panic!("{} packages were taken", taken.len()) };
    assert_eq!(*digest, format!("sha256:{}", hex::encode(Sha256::digest(package))));
    assert_eq!(opssight_package::manifest(package).unwrap().id, "my-detector");
}

#[tokio::test]
async fn every_kind_in_typescript_passes_its_cases() {
    let desk = Desk::new();
    for kind in ["notifier", "cost"] {
        start(&desk, kind, "typescript").await;
        passes(&desk, kind).await;
    }
}

#[tokio::test]
async fn every_kind_in_rust_passes_its_cases() {
    let desk = Desk::new();
    // What the projects have in common is compiled once.
    fs::create_dir(desk.path(".cargo")).unwrap();
    desk.write(".cargo/config.toml", b"[build]\ntarget-dir = \"shared\"\n");
    for kind in KINDS {
        start(&desk, kind, "rust").await;
        passes(&desk, kind).await;
        // Whatever it is, its calls can be recorded and are the same again.
        desk.run(&format!("test @{kind} --record @{kind}-recorded")).await.good();
        let replayed = desk.type_in(&format!("test @{kind} --replay @{kind}-recorded")).await;
        let word = if kind == "cost" { "costs" } else { kind };
        assert!(replayed.good().contains(&format!(", {word} ")), "{}", replayed.out);
    }
}

/// Componentizing takes a minute for each: what the sources are is seen without it, and the example runs as a whole.
#[tokio::test]
async fn every_kind_in_python_is_what_it_says_and_imports_no_more_than_it_uses() {
    let desk = Desk::new();
    let network = "wasi:http/outgoing-handler@0.2.12";
    let settings = "opssight:plugin/settings@1.0.0";
    for (kind, kinds, powers) in [
        ("notifier", vec!["health", "notifier"], vec![settings, network]),
        ("cost", vec!["health", "costs"], vec![settings, network]),
        ("detector", vec!["detector"], vec![]),
    ] {
        start(&desk, kind, "python").await;
        let mut python = Command::new("python3");
        python.args(["-B", "-m", "opssight_plugin.build", "--look"]).env("PYTHONPATH", "vendor");
        let output = python.current_dir(desk.path(kind)).output().unwrap();
        let looked: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!(looked, json!({ "kinds": kinds, "powers": powers }), "{kind}");
    }
}

#[tokio::test]
async fn a_folder_with_something_in_it_is_left_alone() {
    let desk = Desk::new();
    fs::create_dir(desk.path("here")).unwrap();
    desk.write("here/mine.txt", b"mine");
    let refused = desk.run("new --kind cost --lang rust --path @here my-cost").await;
    assert!(refused.bad().contains("it is there and not empty"), "{}", refused.err);
    assert_eq!(fs::read_dir(desk.path("here")).unwrap().count(), 1);
}
