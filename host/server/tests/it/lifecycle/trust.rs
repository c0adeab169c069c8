//! Whose packages are believed, and where development is allowed.

use super::guest::{Does, package, unsigned};
use super::life::{host, signed_in};
use crate::harness::{Client, Start};
use std::process::Command;

#[tokio::test]
async fn only_signed_packages_are_installed_and_a_publisher_keeps_the_first_key() {
    let dir = tempfile::tempdir().expect("a folder");
    let running = host(&dir.path().join("data"));
    let client = signed_in(&running).await;
    let (status, told) = client.install(&unsigned("1.0.0", 1, Does::Say), true).await;
    assert_eq!((status, told["code"].as_str()), (400, Some("unsigned")), "{told}");
    let mut tampered = package("1.0.0", 1, Does::Say);
    tampered[100] ^= 1;
    let (status, told) = client.install(&tampered, true).await;
    assert_eq!((status, told["code"].as_str()), (400, Some("signature")), "{told}");
    assert_eq!(client.install(&package("1.0.0", 1, Does::Say), true).await.0, 201);
    let stranger = opssight_package::SigningKey::generate().expect("a key");
    let forged = opssight_package::sign(&unsigned("1.1.0", 1, Does::Say), "acme", &stranger).expect("sealed");
    let (status, told) = client.install(&forged, true).await;
    assert_eq!((status, told["code"].as_str()), (400, Some("wrong-key")), "{told}");
}

#[tokio::test]
async fn the_plugin_folder_is_installed_once_and_what_it_refuses_keeps_nobody_out() {
    let dir = tempfile::tempdir().expect("a folder");
    let plugins = dir.path().join("plugins");
    std::fs::create_dir_all(&plugins).expect("a folder");
    std::fs::write(plugins.join("a-broken.wasm"), b"\0asm").expect("written");
    std::fs::write(plugins.join("b-unsigned.wasm"), unsigned("1.0.0", 1, Does::Say)).expect("written");
    std::fs::write(plugins.join("c-good.wasm"), package("1.0.0", 1, Does::Say)).expect("written");
    let data = dir.path().join("data");
    let running = Start::on(&data).with_plugins(&plugins).start();
    let client = signed_in(&running).await;
    let (connection, _) = client.connect_example("demo").await;
    let log = running.log();
    assert!(log.contains("b-unsigned.wasm") && log.contains("it is not signed"), "{log}");
    // A file that wants more waits, however often the host starts.
    std::fs::write(plugins.join("c-good.wasm"), package("1.1.0", 2, Does::Say)).expect("written");
    assert_eq!(running.terminate(), 0);
    for _ in 0..2 {
        let running = Start::on(&data).with_plugins(&plugins).start();
        let client: Client = client.moved_to(&running);
        assert_eq!(client.running(&connection).await, "1.0.0");
        assert_eq!(client.get("/api/v1/plugins/example").await["waiting"]["version"], "1.1.0");
        assert_eq!(running.terminate(), 0);
    }
    let running = Start::on(&data).with_plugins(&plugins).env("OPSSIGHT_PLUGINS__ENABLED", "false").start();
    let events = client.moved_to(&running).get("/api/v1/plugins/example/events").await;
    assert_eq!(events["items"].as_array().expect("items").len(), 2, "{events}");
}

#[test]
fn development_is_for_this_machine_only_and_keys_are_checked() {
    let dir = tempfile::tempdir().expect("a folder");
    let check = |toml: &str, flags: &[&str]| {
        let file = dir.path().join("opssight.toml");
        std::fs::write(&file, toml).expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_opssight"));
        let output = command.args(["config", "check", "-c"]).arg(&file).args(flags).output().expect("it runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let key = "a".repeat(64);
    let good = format!("[plugins]\ndev = true\n[plugins.trust]\npublishers = {{ acme = \"ed25519:{key}\" }}\n");
    assert!(check(&good, &[]).0, "{}", check(&good, &[]).1);
    for (toml, flags, expect) in [
        ("[plugins]\ndev = true\n[server]\nlisten = \"0.0.0.0:8080\"\n", &[][..], "other machines can reach"),
        ("", &["--dev", "--listen", "[::]:8080"], "plugins.dev"),
        ("[plugins.trust.publishers]\nacme = \"secret\"\n", &[], "plugins.trust.publishers.acme"),
        ("[plugins.trust]\nonly_listed = true\n", &[], "nobody is listed"),
        ("[plugins.update]\npercent = 0\n", &[], "plugins.update.percent"),
        ("[plugins.update]\nfault = 3\n", &[], "unknown field"),
    ] {
        let (accepted, error) = check(toml, flags);
        assert!(!accepted && error.contains(expect), "{toml} {flags:?}: {error}");
    }
}
