//! The example plugin in three languages: one set of cases, which none of them can tell apart. And the plugin for GitHub.

use crate::typed::Desk;
use std::fs;
use std::path::{Path, PathBuf};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/examples").canonicalize().unwrap()
}

/// Every case of the shared files passes.
async fn passes(language: &str) {
    all_pass(&examples().join(language).join("kiln"), &examples().join("cases/kiln"), 21).await;
}

async fn all_pass(project: &Path, cases: &Path, count: usize) {
    let desk = Desk::new();
    let tested = desk.run(&format!("test {} --fixtures {}", project.display(), cases.display())).await;
    let shown = tested.json();
    let failed: Vec<_> = shown["cases"].as_array().unwrap().iter().filter(|case| case["passed"] != true).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert_eq!(shown["passed"], count);
}

#[tokio::test]
async fn github_passes_its_cases() {
    let github = examples().join("../../plugins/github").canonicalize().unwrap();
    all_pass(&github, &github.join("tests/cases"), 42).await;
}

#[tokio::test]
async fn kiln_in_rust_passes_the_shared_cases() {
    passes("rust").await;
}

/// The recording holds the calls of all cases, and they are the same again without the cases and their upstream.
#[tokio::test]
async fn what_a_test_records_is_the_same_again() {
    let desk = Desk::new();
    let (project, cases) = (examples().join("rust/kiln"), examples().join("cases/kiln"));
    let test = format!("test {} --fixtures {} --record @recorded", project.display(), cases.display());
    // The recording is one more.
    assert_eq!(desk.run(&test).await.json()["passed"], 22);
    let package = fs::read(desk.path("recorded/plugin.wasm")).unwrap();
    assert!(opssight_testkit::replays(&package, &desk.path("recorded")).unwrap() >= 21);
    let again = desk.run(&test).await;
    assert!(again.bad().contains("name another folder"), "{}", again.err);
    let nothing = opssight_testkit::replays(&package, &project).unwrap_err().to_string();
    assert!(nothing.contains("there is no cassette in it"), "{nothing}");
}

#[tokio::test]
async fn kiln_in_typescript_passes_the_shared_cases() {
    passes("typescript").await;
}

#[tokio::test]
async fn kiln_in_python_passes_the_shared_cases() {
    passes("python").await;
}

#[test]
fn the_twins_declare_the_same() {
    let manifest = |language: &str| fs::read_to_string(examples().join(language).join("kiln/plugin.toml")).unwrap();
    assert_eq!(manifest("rust"), manifest("typescript"));
    assert_eq!(manifest("rust"), manifest("python"));
}
