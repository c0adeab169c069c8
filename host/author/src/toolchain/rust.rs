//! Rust: `cargo build` for wasm32-wasip2 makes a component without further steps.

use crate::process;
use crate::project::Project;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fs;
use std::path::PathBuf;
use tokio::process::Command;

const TARGET: &str = "wasm32-wasip2";
/// The profile that templates define: small, fast, and a panic is a trap.
const PROFILE: &str = "plugin";

/// One line of what cargo reports; only artifacts matter.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

pub(super) async fn build(project: &Project) -> Result<Vec<u8>> {
    let cargo = process::find("cargo", "install Rust with rustup")?;
    target_is_there(project).await?;
    let mut command = Command::new(cargo);
    command.current_dir(&project.folder).args(["build", "--quiet", "--lib", "--profile", PROFILE, "--target", TARGET]);
    command.arg("--message-format=json-render-diagnostics");
    let output = process::run(&mut command, "compile it").await?;
    let manifest = project.folder.join("Cargo.toml");
    let made = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.reason == "compiler-artifact" && message.manifest_path == manifest)
        .flat_map(|message| message.filenames)
        .find(|file| file.extension().is_some_and(|extension| extension == "wasm"));
    let Some(made) = made else {
        bail!("find the component: cargo made none; Cargo.toml must say `crate-type = [\"cdylib\"]` under `[lib]`");
    };
    fs::read(&made).with_context(|| format!("read {}", made.display()))
}

async fn target_is_there(project: &Project) -> Result<()> {
    let rustc = process::find("rustc", "install Rust with rustup")?;
    let mut command = Command::new(rustc);
    // The project may ask for a toolchain of its own.
    command.current_dir(&project.folder);
    let folder = process::run(command.args(["--print", "target-libdir", "--target", TARGET]), "ask rustc").await?;
    let folder = PathBuf::from(String::from_utf8_lossy(&folder.stdout).trim());
    if !folder.is_dir() {
        bail!("compile for {TARGET}: this Rust cannot; run `rustup target add {TARGET}`");
    }
    Ok(())
}
