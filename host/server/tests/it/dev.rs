//! `opssight plugin dev` beside a running host, as an author has it: save, and the host runs what was saved.

use crate::harness::{Client, Start};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Building TypeScript anew takes seconds.
const PATIENCE: Duration = Duration::from_secs(120);

fn opssight(folder: &Path, client: &Client) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opssight"));
    command.current_dir(folder).env("OPSSIGHT_SERVER", &client.url).env("OPSSIGHT_TOKEN", &client.token);
    command.env("OPSSIGHT_CREDENTIALS_FILE", folder.join("credentials.json")).stdin(Stdio::null());
    command
}

struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the host says of the plugin, once it says this.
async fn until(client: &Client, log: &Path, text: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let versions = client.get("/api/v1/plugins").await.to_string();
        if versions.contains(text) {
            return;
        }
        let said = std::fs::read_to_string(log).unwrap_or_default();
        assert!(Instant::now() < deadline, "{text} does not come up in {versions}\n{said}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_saved_runs_in_the_host_a_moment_later() {
    let dir = tempfile::tempdir().expect("a folder");
    let host = Start::on(&dir.path().join("data")).start();
    let client = Client::sign_in(&host, host.admin_secret.as_deref().expect("a secret")).await;
    let made = opssight(dir.path(), &client)
        .args(["plugin", "new", "my-detector", "--kind", "detector", "--lang", "typescript"])
        .output()
        .expect("the binary runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

    let log = dir.path().join("dev.log");
    let file = std::fs::File::create(&log).expect("a log");
    let mut dev = opssight(dir.path(), &client);
    dev.args(["plugin", "dev", "my-detector"]).stdout(Stdio::null()).stderr(file);
    let mut watching = Watching(dev.spawn().expect("the binary starts"));
    until(&client, &log, "\"my-detector\"").await;

    let manifest = dir.path().join("my-detector/plugin.toml");
    let text = std::fs::read_to_string(&manifest).expect("the manifest");
    let name = text.lines().find(|line| line.starts_with("name = ")).expect("its name");
    // What cannot be read yet is told, and the watch goes on.
    std::fs::write(&manifest, text.replace(name, "name = ")).expect("saved");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(watching.0.try_wait().expect("its state").is_none(), "a mistake does not end it");
    std::fs::write(&manifest, text.replace(name, "name = \"Saved a second time\"")).expect("saved");
    until(&client, &log, "Saved a second time").await;
}
