//! The commands of the operators' guide, as they stand there.

use super::guest::{Does, digest, package};
use super::life::{host, signed_in};
use std::process::Command;

/// The commands of one section, in order.
fn commands(section: &str) -> Vec<String> {
    let guide = include_str!("../../../../../docs/guides/operators.md");
    let start = guide.find(&format!("## {section}\n")).expect("the section");
    let text = guide[start + 3..].split("\n## ").next().expect("its text");
    let lines = text.lines().filter_map(|line| line.strip_prefix("    opssight "));
    lines.map(|line| line.split(" #").next().expect("a command").trim().to_owned()).collect()
}

/// Words of a line; quotes keep them together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('"').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_installing_plugins_does_what_the_guide_says() {
    let dir = tempfile::tempdir().expect("a folder");
    let running = host(&dir.path().join("data"));
    let client = signed_in(&running).await;
    let first = package("1.0.0", 1, Does::Say);
    std::fs::write(dir.path().join("example-1.0.0.wasm"), &first).expect("written");
    std::fs::write(dir.path().join("example-1.1.0.wasm"), package("1.1.0", 1, Does::Say)).expect("written");
    std::fs::write(dir.path().join("example-2.0.0.wasm"), package("2.0.0", 2, Does::Say)).expect("written");
    let commands = commands("Installing plugins");
    assert!(commands.len() > 15, "{commands:?}");
    for line in commands {
        let line =
            line.replace("sha256:DIGEST", &digest(&first)).replace("KEY", &format!("ed25519:{}", "a".repeat(64)));
        let output = Command::new(env!("CARGO_BIN_EXE_opssight"))
            .current_dir(dir.path())
            .args(words(&line))
            .env("OPSSIGHT_SERVER", &client.url)
            .env("OPSSIGHT_TOKEN", &client.token)
            .env("OPSSIGHT_CREDENTIALS_FILE", dir.path().join("credentials.json"))
            .stdin(std::process::Stdio::null())
            .output()
            .expect("the binary runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "opssight {line}: {error}");
    }
    let events = client.get("/api/v1/plugins/example/events").await.to_string();
    for what in ["installed", "updated", "rolled-back", "revoked", "uninstalled"] {
        assert!(events.contains(&format!("\"{what}\"")), "{what}: {events}");
    }
}
