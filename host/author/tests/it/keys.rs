//! Keys, signatures, and packages that are not what they seem.

use crate::typed::{Desk, MANIFEST};
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn a_key_is_made_once_and_only_its_owner_reads_it() {
    let desk = Desk::new();
    let made = desk.type_in("keygen @publisher.pem").await;
    assert!(made.good().starts_with("ed25519:") && made.good().trim().len() == 72, "{}", made.out);
    let mode = std::fs::metadata(desk.path("publisher.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(desk.type_in("keygen @publisher.pem --public").await.good(), made.out);

    let before = desk.read("publisher.pem");
    assert!(desk.run("keygen @publisher.pem").await.bad().contains("make the key file"));
    assert_eq!(desk.read("publisher.pem"), before);
    desk.write("other.pem", b"not a key");
    assert!(desk.run("keygen @other.pem --public").await.bad().contains("opssight plugin keygen"));
    // Somebody who leaves the door open is told.
    std::fs::set_permissions(desk.path("publisher.pem"), PermissionsExt::from_mode(0o644)).unwrap();
    let open = desk.type_in("keygen @publisher.pem --public").await;
    assert!(open.err.contains("chmod 600") && open.code == 0, "{}", open.err);
}

#[tokio::test]
async fn packing_and_signing_in_one_step_or_two_makes_the_same_bytes() {
    let desk = Desk::new();
    let key = desk.signed("one.wasm", "1.0.0").await;
    let packed = desk.run("pack @component.wasm --manifest @plugin.toml --out @two.wasm").await;
    assert_eq!(packed.json()["key"], serde_json::Value::Null);
    let signed = desk.run("sign @two.wasm --sign-key @publisher.pem").await.json();
    assert_eq!((signed["key"].as_str(), signed["id"].as_str()), (Some(key.as_str()), Some("example")));
    assert_eq!(desk.read("one.wasm"), desk.read("two.wasm"));

    // Again: nothing changes, and the file is not even written.
    let written = std::fs::metadata(desk.path("two.wasm")).unwrap().modified().unwrap();
    desk.run("sign @two.wasm --sign-key @publisher.pem").await.good();
    desk.signed("two.wasm", "1.0.0").await;
    assert_eq!(std::fs::metadata(desk.path("two.wasm")).unwrap().modified().unwrap(), written);
    desk.run("keygen @other.pem").await.good();
    assert!(desk.run("sign @two.wasm --sign-key @other.pem").await.bad().contains("signed with ed25519:"));
}

#[tokio::test]
async fn verifying_says_whose_a_package_is_or_what_is_wrong() {
    let desk = Desk::new();
    let key = desk.signed("good.wasm", "1.0.0").await;
    let verified = desk.type_in("verify @good.wasm").await;
    assert_eq!(verified.good(), format!("example 1.0.0 is as acme signed it with {key}\n"));
    assert!(verified.err.contains("--key"), "{}", verified.err);
    assert!(desk.type_in(&format!("verify @good.wasm --key {key}")).await.err.is_empty());
    let other = format!("ed25519:{}", "0".repeat(64));
    assert!(desk.run(&format!("verify @good.wasm --key {other}")).await.bad().contains("not with ed25519:000"));

    let good = desk.read("good.wasm");
    let seal = good.windows(18).rposition(|window| window == b"opssight:signature").unwrap();
    let mut flipped = good.clone();
    flipped[30] ^= 1;
    // (file, bytes, what is said)
    let cases = [
        ("stripped.wasm", good[..seal - 4].to_vec(), "not signed: nobody vouches"),
        ("flipped.wasm", flipped, "changed after acme signed it"),
        ("longer.wasm", [good.as_slice(), b"\0\x02\x01x"].concat(), "is not its seal"),
        ("cut.wasm", good[..good.len() - 1].to_vec(), "read the package"),
        ("text.wasm", b"hello".to_vec(), "not a WebAssembly component"),
    ];
    for (name, bytes, said) in cases {
        desk.write(name, &bytes);
        let outcome = desk.run(&format!("verify @{name}")).await;
        assert!(outcome.bad().contains(said), "{name}: {}", outcome.err);
    }
    assert_eq!(desk.run("verify").await.code, 2);
    assert!(desk.run("verify @nothing.wasm").await.bad().contains("read "));
}

#[tokio::test]
async fn what_a_host_would_refuse_is_refused_when_it_is_packed() {
    let desk = Desk::new();
    let manifests = [
        (MANIFEST.replace("\"acme\"", "\"Acme Inc.\""), "plugin.toml: publisher: use 1 to 40 lower-case letters"),
        (MANIFEST.replace("Example CI\"", "Example\\u202EIC\""), "has the character U+202E"),
        (format!("{MANIFEST}colour = \"red\"\n"), "unknown field `colour`"),
        (
            format!("{MANIFEST}[[feeds]]\nname = \"runs\"\ntitle = \"Runs\"\nevery_secs = 60\npriority = \"live\"\n"),
            "declares feeds, but it does not export source",
        ),
    ];
    for (manifest, said) in manifests {
        desk.write("plugin.toml", manifest.as_bytes());
        let outcome = desk.run("pack @component.wasm --manifest @plugin.toml --out @out.wasm").await;
        assert!(outcome.bad().contains(said), "{said}: {}", outcome.err);
        assert!(!desk.path("out.wasm").exists());
    }
    desk.write("plugin.toml", MANIFEST.as_bytes());
    let reaching = r#"(component (import "wasi:sockets/tcp@0.2.6" (instance))
        (instance $i) (export "opssight:plugin/health@1.0.0" (instance $i)))"#;
    desk.write("component.wasm", &wat::parse_str(reaching).unwrap());
    let outcome = desk.run("pack @component.wasm --manifest @plugin.toml --out @out.wasm").await;
    assert!(outcome.bad().contains("plugins get no sockets"), "{}", outcome.err);
}

#[tokio::test]
async fn inspecting_says_in_words_what_a_package_is() {
    let desk = Desk::new();
    let key = desk.signed("good.wasm", "1.0.0").await;
    let whole = desk.run("inspect @good.wasm").await.json();
    assert_eq!(whole["manifest"]["id"], "example");
    assert_eq!(whole["signature"]["key"], key.as_str());
    assert_eq!(whole["abilities"][0]["key"], "use state");
    assert_eq!(whole["imports"][0], "opssight:plugin/state@1.0.0");
    assert_eq!((&whole["refused"], &whole["kinds"][0]), (&serde_json::Value::Null, &"health".into()));
    let people = desk.type_in("inspect @good.wasm").await;
    for said in [
        "Plugin       Example CI (example) 1.0.0",
        "keeps small state of its own",
        "cannot send requests, cannot read files",
        key.as_str(),
    ] {
        assert!(people.good().contains(said), "{said}: {}", people.out);
    }
}
