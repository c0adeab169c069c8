//! `opssight doctor` on the machine of a host: what it finds, that a start says the same, and that looking changes
//! nothing.

mod database;
mod disk;
mod doubles;
mod edges;
mod secured;

use crate::harness::Start;
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// In whatever would be a secret.
const SECRET: &str = "s3cret-s3cret";

/// A host that could be started.
struct House {
    folder: tempfile::TempDir,
    envs: Vec<(String, String)>,
}

/// What was found.
struct Looked {
    code: i32,
    checks: BTreeMap<String, Value>,
    all: String,
}

impl House {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), envs: Vec::new() }
    }

    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.envs.push((format!("OPSSIGHT_{name}"), value.into()));
        self
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opssight"));
        command.args(arguments).arg("--data").arg(self.data()).args(["--listen", "127.0.0.1:0"]);
        command.envs(self.envs.iter().map(|(name, value)| (name, value))).stdin(std::process::Stdio::null());
        command
    }

    fn doctor(&self) -> Looked {
        Looked::of(&self.command(&["doctor", "--output", "json"]).output().expect("the binary runs"))
    }

    /// What a start that is refused says.
    fn refused(&self) -> String {
        let output = self.command(&["serve"]).output().expect("the binary runs");
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(!said.contains(SECRET), "{said}");
        said
    }

    /// A start is refused in the very words in which it is found.
    fn is_refused_as_found(&self, check: &str, says: &str) {
        let found = self.doctor();
        let detail = found.is("failing", check);
        assert!(detail.contains(says), "{detail}");
        let refused = self.refused();
        assert!(refused.contains(&detail), "found: {detail}\nrefused: {refused}");
    }

    /// With tables and keys, as a host leaves it.
    fn started_once(self) -> Self {
        let output = self.command(&["db", "migrate"]).output().expect("the binary runs");
        assert!(output.status.success(), "{}", said(&output));
        self
    }
}

impl Looked {
    fn of(output: &Output) -> Self {
        let all = said(output);
        assert!(!all.contains(SECRET), "{all}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {all}"));
        let checks = report["checks"].as_array().expect("checks");
        let named = checks.iter().map(|check| (check["check"].as_str().expect("a name").to_owned(), check.clone()));
        Self { code: output.status.code().expect("a code"), checks: named.collect(), all }
    }

    /// That a check ended so; what it says.
    fn is(&self, status: &str, check: &str) -> String {
        let found = self.checks.get(check).unwrap_or_else(|| panic!("nothing of `{check}`: {}", self.all));
        assert_eq!(found["status"], status, "{check}: {}", self.all);
        if status == "failing" {
            assert_eq!(self.code, 1, "{}", self.all);
        }
        found["detail"].as_str().expect("a detail").to_owned()
    }

    fn fix(&self, check: &str) -> &str {
        self.checks[check]["fix"].as_str().unwrap_or_else(|| panic!("{check}: {}", self.all))
    }

    fn nothing_is_failing(&self) {
        assert_eq!(self.code, 0, "{}", self.all);
        assert!(self.checks.values().all(|check| check["status"] != "failing"), "{}", self.all);
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Every file below a folder, with its rights and what is in it.
fn everything(folder: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        let mode = std::fs::symlink_metadata(&path).expect("a file").permissions().mode();
        if path.is_dir() {
            found.extend(everything(&path));
        } else {
            found.insert(path.clone(), (mode, std::fs::read(&path).expect("readable")));
        }
    }
    found
}

#[test]
fn where_there_is_nothing_yet_a_first_start_would_work_and_nothing_is_made() {
    let house = House::new();
    let found = house.doctor();
    found.nothing_is_failing();
    for (check, says) in [
        ("configuration", "can be used"),
        ("data folder", "a first start makes it"),
        ("store", "a first start makes its file"),
        ("master keys", "a first start makes one"),
        ("plugins compile", "locked in"),
        ("listen", "is free"),
    ] {
        assert!(found.is("ok", check).contains(says), "{check}: {}", found.all);
    }
    assert_eq!(std::fs::read_dir(house.folder.path()).expect("a folder").count(), 0, "nothing was made");
}

#[test]
fn looking_at_a_store_changes_nothing_of_it() {
    let house = House::new().started_once();
    let before = everything(&house.data());
    let found = house.doctor();
    found.nothing_is_failing();
    assert_eq!(found.is("ok", "store tables"), "up to date");
    assert_eq!(found.is("ok", "master keys"), "open what is sealed in the store");
    assert!(found.is("ok", "store file").starts_with("sound"));
    let after = everything(&house.data());
    // What SQLite shares between processes is made for whoever reads, and holds nothing.
    let kept = |(path, _): &(&PathBuf, &(u32, Vec<u8>))| {
        !["-wal", "-shm"].iter().any(|end| path.to_string_lossy().ends_with(end))
    };
    assert!(before.iter().filter(kept).eq(after.iter().filter(kept)), "{:?} {:?}", before.keys(), after.keys());
}

#[test]
fn beside_a_running_host_it_says_so_and_the_host_runs_on() {
    let house = House::new();
    let host = Start::on(&house.data()).start();
    let address = host.url.trim_start_matches("http://").to_owned();
    let look = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opssight"));
        command.args(["doctor", "--listen", &address, "--data"]).arg(house.data()).args(more);
        command.output().expect("the binary runs")
    };
    let found = Looked::of(&look(&["-o", "json"]));
    found.nothing_is_failing();
    assert!(found.is("ok", "store").contains("in use by a running host (pid "), "{}", found.all);
    assert_eq!(found.is("ok", "listen"), format!("an OpsSight host runs at {address}"));
    assert!(found.is("ok", "server store").contains("events logged"), "{}", found.all);
    // The same for people.
    let told = said(&look(&[]));
    assert!(told.starts_with("CHECK") && told.contains("an OpsSight host runs at"), "{told}");
    assert_eq!(host.terminate(), 0);
}

#[test]
fn an_address_that_another_program_has_is_found_and_refused_alike() {
    let house = House::new();
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("its address").to_string();
    let run = |command: &str, more: &[&str]| {
        let mut run = Command::new(env!("CARGO_BIN_EXE_opssight"));
        run.args([command, "--listen", &address, "--data"]).arg(house.data()).args(more);
        run.output().expect("the binary runs")
    };
    let found = Looked::of(&run("doctor", &["-o", "json"]));
    let detail = found.is("failing", "listen");
    assert!(detail.contains("is another program using it?"), "{detail}");
    let refused = said(&run("serve", &[]));
    assert!(refused.contains(&detail), "found: {detail}\nrefused: {refused}");
}

#[test]
fn keys_that_others_may_read_are_a_warning_and_keys_that_open_nothing_are_failing() {
    let house = House::new().started_once();
    let key = house.data().join("master.key");
    let right = std::fs::read(&key).expect("a key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("set");
    let found = house.doctor();
    found.nothing_is_failing();
    assert!(found.is("warning", "master keys").contains("others of this machine may read"), "{}", found.all);
    assert!(found.fix("master keys").starts_with("`chmod 600 "), "{}", found.all);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).expect("set");

    std::fs::write(&key, [7_u8; 32]).expect("another key");
    house.is_refused_as_found("master keys", "not among those of `secrets.key`");
    std::fs::remove_file(&key).expect("gone");
    let found = house.doctor();
    assert!(found.is("failing", "master keys").contains("there is no"), "{}", found.all);
    assert!(found.fix("master keys").contains("restore it from a backup"), "{}", found.all);
    assert!(!key.exists(), "looking makes no key");
    std::fs::write(&key, right).expect("the key is back");
    let found = house.doctor();
    assert!(found.is("warning", "master keys").contains("others"), "{}", found.all);
}

#[test]
fn a_configuration_that_cannot_be_used_is_all_there_is_to_say() {
    let house = House::new().with("STORE__URL", format!("mysql://ops:{SECRET}@127.0.0.1/x"));
    house.is_refused_as_found("configuration", "store.url: must look like postgres://");
    assert_eq!(house.doctor().checks.len(), 1);
}

#[test]
fn names_of_what_is_wrong_are_for_scripts() {
    let house = House::new().with("SERVER__PUBLIC_URL", "http://ops.example.com/");
    let output = house.command(&["doctor", "-o", "name"]).output().expect("the binary runs");
    let names = said(&output);
    // The disk of the tests may be nearly full as well.
    let others = names.lines().filter(|name| !matches!(*name, "public url" | "disk"));
    assert!(names.lines().any(|name| name == "public url") && others.count() == 0, "{names}");
    assert_eq!(output.status.code(), Some(0), "a warning is no failure: {names}");
}

#[test]
fn who_is_asked_about_is_this_machine_unless_only_a_server_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let session = folder.path().join("credentials.json");
    std::fs::write(&session, r#"{ "current": "http://127.0.0.1:1", "servers": {} }"#).expect("a session");
    // The variables and the flags, and whether it is that server which is asked.
    let table = [
        (vec![], vec![], true),
        (vec![("OPSSIGHT_HOOKS__BURST", "7")], vec![], false),
        (vec![], vec!["--listen", "127.0.0.1:0"], false),
        (vec![], vec!["--role", "all"], false),
        (vec![("OPSSIGHT_SERVER", "http://127.0.0.1:1")], vec![], true),
        (vec![("OPSSIGHT_HOOKS__BURST", "7")], vec!["--server", "http://127.0.0.1:1"], true),
        (vec![("OPSSIGHT_SERVER", "http://127.0.0.1:1")], vec!["--data", "data"], false),
    ];
    for (envs, flags, of_server) in table {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opssight"));
        command.args(["doctor", "-o", "json"]).args(&flags).current_dir(folder.path()).env_remove("OPSSIGHT_SERVER");
        command.env("OPSSIGHT_CREDENTIALS_FILE", &session).envs(envs.iter().copied());
        let output = command.output().expect("the binary runs");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        assert_eq!(report["server"].is_string(), of_server, "{envs:?} {flags:?}: {report}");
        assert_eq!(report["data"].is_string(), !of_server, "{envs:?} {flags:?}: {report}");
    }
}
