//! Building a plugin's folder, with the real compiler.

use crate::typed::Desk;
use std::path::Path;

#[tokio::test(flavor = "multi_thread")]
async fn the_github_plugin_is_built_packed_signed_and_checked_in_one_step() {
    let desk = Desk::new();
    desk.run("keygen @publisher.pem").await.good();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/github");
    let line = format!("build {} --sign-key @publisher.pem --out @github.wasm", folder.display());
    let built = desk.run(&line).await.json();
    assert_eq!((&built["id"], &built["publisher"]), (&"github".into(), &"opssight".into()));
    assert!(desk.run("verify @github.wasm").await.good().contains(built["key"].as_str().unwrap()));
    let whole = desk.run("inspect @github.wasm").await.json();
    assert_eq!(whole["remarks"], serde_json::json!([]));
    assert!(whole["kinds"].as_array().unwrap().contains(&"webhook".into()), "{}", whole["kinds"]);
}

#[tokio::test]
async fn a_folder_that_is_no_plugin_is_said_to_be_none() {
    let desk = Desk::new();
    let outcome = desk.run("build @").await;
    assert!(outcome.bad().contains("it has none of Cargo.toml, package.json, pyproject.toml"), "{}", outcome.err);
    std::fs::remove_file(desk.path("plugin.toml")).unwrap();
    assert!(desk.run("build @").await.bad().contains("find plugin.toml"));
}
