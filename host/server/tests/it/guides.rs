//! The commands of the guides, as they stand there, through the real binary and against a real registry.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const MANIFEST: &str = r#"id = "example"
version = "1.0.0"
contract = "1.0"
name = "Example CI"
publisher = "acme"
description = "Pipelines of Example CI."
licence = "Apache-2.0"
"#;

/// A private registry. Dropping it stops it.
struct Registry {
    child: Child,
    host: String,
}

impl Registry {
    fn start(folder: &Path) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port").local_addr().expect("a port").port();
        let config = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    \
             rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
            folder.join("storage").display()
        );
        let path = folder.join("registry.yml");
        std::fs::write(&path, config).expect("the configuration is written");
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect(
            "docker-registry is not on the PATH: `cargo xtask test` installs it (apt-get install docker-registry)",
        );
        let mut registry = Self { child, host: format!("127.0.0.1:{port}") };
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(registry.child.try_wait().expect("its state").is_none(), "docker-registry ended by itself");
            assert!(Instant::now() < deadline, "docker-registry does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The commands of a section of a guide.
pub(crate) fn commands(guide: &str, section: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides").join(guide);
    let text = std::fs::read_to_string(path).expect("the guide is there");
    let (_, section) = text.split_once(&format!("## {section}\n")).expect("the section is there");
    let section = section.split("\n## ").next().unwrap_or(section);
    section.lines().filter_map(|line| line.strip_prefix("    opssight ")).map(str::to_owned).collect()
}

/// Run a line in a folder; what it printed.
pub(crate) fn run(folder: &Path, line: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_opssight"))
        .args(line.split_whitespace())
        .current_dir(folder)
        .env("DOCKER_CONFIG", folder)
        .stdin(Stdio::null())
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "opssight {line}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn a_plugin_is_signed_published_found_locked_and_mirrored_as_the_guides_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = Registry::start(folder.path());
    let component = r#"(component (instance $i) (export "opssight:plugin/health@1.0.0" (instance $i)))"#;
    std::fs::write(folder.path().join("component.wasm"), wat::parse_str(component).expect("a component")).expect("it");
    std::fs::write(folder.path().join("plugin.toml"), MANIFEST).expect("the manifest is written");
    let github = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/github");
    let stick = folder.path().join("stick");
    let place = |line: String| {
        line.replace("registry.example", &registry.host)
            .replace("/media/stick", &stick.display().to_string())
            .replace("plugin build", &format!("plugin build {}", github.display()))
    };

    let lines = commands("plugin-authors.md", "Sign and publish");
    assert!(lines.len() >= 9, "{lines:?}");
    let mut said: Vec<(String, String)> = Vec::new();
    for line in lines.into_iter().map(place) {
        let out = run(folder.path(), &line);
        said.push((line, out));
    }
    let (made, key) = (&said[0].1, said[1].1.trim());
    assert_eq!(made.trim(), key);
    assert!(
        said.iter().any(|(line, out)| line.contains("plugin search") && out.contains("example  1.0.0")),
        "{said:?}"
    );
    assert!(said.iter().any(|(line, out)| line.contains("plugin inspect") && out.contains(key)), "{said:?}");

    let lines = commands("operators.md", "Where plugins come from");
    assert!(lines.len() >= 9, "{lines:?}");
    for line in lines.into_iter().map(place) {
        run(folder.path(), &line.replace("ed25519:...", key));
    }
    let fetched = std::fs::read(folder.path().join("plugins/example-1.0.0.wasm")).expect("it was fetched");
    assert_eq!(fetched, std::fs::read(folder.path().join("example.wasm")).expect("it was made"));
    assert!(stick.join("mirror/index.json").is_file());
}

#[test]
fn one_noun_holds_what_needs_a_server_and_what_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let opssight = |line: &str| {
        Command::new(env!("CARGO_BIN_EXE_opssight"))
            .args(line.split_whitespace())
            .current_dir(folder.path())
            .env("OPSSIGHT_CREDENTIALS_FILE", folder.path().join("credentials.json"))
            .stdin(Stdio::null())
            .output()
            .expect("the binary runs")
    };
    let help = String::from_utf8(opssight("plugin --help").stdout).expect("text");
    for verb in
        ["list", "inspect", "keygen", "build", "pack", "sign", "verify", "publish", "search", "fetch", "mirror", "lock"]
    {
        assert!(help.lines().any(|line| line.trim_start().starts_with(verb)), "{verb}: {help}");
    }
    // An id asks the server, a file or an address does not.
    let asked = opssight("plugins inspect github --server http://127.0.0.1:1");
    assert!(String::from_utf8_lossy(&asked.stderr).contains("opssight login"), "{asked:?}");
    for what in ["./github.wasm", "github.wasm", "dir:packages/github"] {
        let local = opssight(&format!("plugin inspect {what}"));
        assert_eq!(local.status.code(), Some(1));
        let said = String::from_utf8_lossy(&local.stderr).into_owned();
        assert!(said.starts_with("opssight: failed to ") && local.stdout.is_empty(), "{said}");
    }
    let json = opssight("plugin verify nothing.wasm -o json");
    let said: serde_json::Value = serde_json::from_slice(&json.stderr).expect("an error for programs");
    assert_eq!((json.status.code(), &said["code"]), (Some(1), &"failed".into()));
    assert_eq!(opssight("plugin verify x.wasm -o yaml").status.code(), Some(2));
    assert_eq!(opssight("plugin publish x.wasm --to ftp://x").status.code(), Some(2));
}

#[test]
fn places_of_the_configuration_are_checked_before_anything_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |places: &str| {
        std::fs::write(folder.path().join("opssight.toml"), format!("[plugins]\ncatalogues = {places}\n")).expect("it");
        let mut command = Command::new(env!("CARGO_BIN_EXE_opssight"));
        command.args(["config", "check", "-c", "opssight.toml"]).current_dir(folder.path());
        command.output().expect("the binary runs")
    };
    assert!(check(r#"["oci://registry.example/acme", "mirror:/srv/mirror", "packages"]"#).status.success());
    let wrong = check(r#"["https://registry.example", "oci://user:secret@registry.example"]"#);
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert!(!wrong.status.success() && said.contains("plugins.catalogues: failed to use the place https:"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}
