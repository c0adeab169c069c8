//! The tutorial, run: every command of `docs/guides/first-plugin.md`, in its order, as somebody types it.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

const GUIDE: &str = include_str!("../../../../docs/guides/first-plugin.md");

/// The blocks that a reader types, with the heading that each stands under.
fn blocks() -> Vec<(String, String)> {
    let (mut blocks, mut heading, mut block) = (Vec::new(), String::new(), None::<String>);
    for line in GUIDE.lines() {
        match (&mut block, line) {
            (None, "```sh") => block = Some(String::new()),
            (Some(text), "```") => {
                blocks.push((heading.clone(), std::mem::take(text)));
                block = None;
            }
            (Some(text), line) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, line) => {
                if let Some(title) = line.strip_prefix("## ") {
                    title.clone_into(&mut heading);
                }
            }
        }
    }
    blocks
}

/// From nothing to a green test, three times. How long each block took is printed, not asserted: machines differ.
#[test]
fn every_command_of_the_tutorial_works() {
    let blocks = blocks();
    assert!(blocks.len() > 6, "{} blocks", blocks.len());
    let folder = tempfile::tempdir().expect("a folder");
    let mut script = String::from("set -euo pipefail\n");
    for (number, (heading, block)) in blocks.iter().enumerate() {
        script.push_str(&format!("SECONDS=0\n{block}echo \"@@ block {number} ({heading}) took $SECONDS s\"\n"));
    }
    let file = folder.path().join("tutorial.sh");
    fs::write(&file, script).expect("the script");
    let binary = Path::new(env!("CARGO_BIN_EXE_opssight")).parent().expect("its folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = std::iter::once(binary.to_owned()).chain(std::env::split_paths(&path));
    let output = Command::new("bash")
        .arg(&file)
        .current_dir(folder.path())
        .env("PATH", std::env::join_paths(paths).expect("a path"))
        // The projects have a workspace of their own; where this one builds is none of their business.
        .env_remove("CARGO_TARGET_DIR")
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let said = String::from_utf8_lossy(&output.stdout);
    for line in said.lines().filter(|line| line.starts_with("@@")) {
        println!("{line}");
    }
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.matches(" passed, 0 failed").count(), 4, "{said}");
    assert!(said.contains("as expected: the plugin does not know it yet"), "{said}");
}
