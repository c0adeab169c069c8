//! What gets in, and what is kept out with a reason.

use crate::guests::{NOOP, checking, manifest, package_of};
use crate::harness::{House, target};
use opssight_core::plugins::{FailureClass, FaultSource, Plugins};
use opssight_runtime::{InstallError, PrecheckError};
use serde_json::json;

fn component(inside: &str) -> Vec<u8> {
    let text = format!(
        r#"(component {inside}
            (core module $m
                (memory (export "memory") 1)
                (func (export "check") (result i32) (i32.const 1024)))
            (core instance $i (instantiate $m))
            (instance $health)
            (export "opssight:plugin/health@1.0.0" (instance $health)))"#
    );
    let manifest = serde_json::from_value(manifest(json!({}))).unwrap();
    opssight_package::embed(&wat::parse_str(text).unwrap(), &manifest).unwrap()
}

#[tokio::test]
async fn an_installed_plugin_shows_what_it_is_and_can_do() {
    let house = House::new();
    let imports = r#"(import "wasi:clocks/monotonic-clock@0.2.12" "now" (func $now (result i64)))"#;
    let asks = json!({ "budgets": { "health": { "cpu_ms": 50 } } });
    let package = checking(imports, "(drop (call $now)) (i32.const 1024)", asks);
    let installed = house.host.install(&package).unwrap();
    assert_eq!(installed.manifest.id, "probe");
    assert_eq!(installed.exports, ["health"]);
    assert!(installed.imports.iter().any(|import| import.starts_with("wasi:clocks/monotonic-clock@0.2")));
    assert!(!installed.imports.iter().any(|import| import.contains("http")));
    assert!(installed.digest.starts_with("sha256:"));
    assert_eq!(installed.budgets["health"].cpu_ms, 50);
    let called = house.check(json!({}), Default::default()).await.unwrap();
    assert_eq!(called.value.summary, "");
    assert!(called.usage.memory_bytes >= 65_536 && called.state.is_empty());
    assert_eq!(house.host.installed().len(), 1);
    assert_eq!(house.host.find(&"probe".into()).unwrap().stats.calls, 1);
}

#[test]
fn imports_that_plugins_do_not_get_are_refused_with_the_reason() {
    let house = House::new();
    let cases = [
        ("wasi:filesystem/types@0.2.6", "plugins get no files"),
        ("wasi:sockets/tcp@0.2.6", "plugins get no sockets"),
        ("wasi:http/handler@0.3.0", "WASI 0.2"),
        ("opssight:plugin/mail@1.0.0", "does not offer it yet"),
        ("acme:own/thing@1.0.0", "does not know the interface"),
    ];
    for (import, why) in cases {
        let error = house.host.install(&component(&format!(r#"(import "{import}" (instance))"#))).unwrap_err();
        assert!(matches!(error, InstallError::Precheck(PrecheckError::Import { .. })), "{error}");
        assert!(error.to_string().contains(why) && error.to_string().contains(import), "{error}");
    }
}

#[test]
fn a_package_that_does_not_keep_its_word_is_refused() {
    let house = House::new();
    let feeds = json!({ "feeds": [{ "name": "runs", "title": "Runs", "every_secs": 60, "priority": "live" }] });
    let error = house.host.install(&checking("", "(i32.const 1024)", feeds)).unwrap_err();
    assert!(error.to_string().contains("declares feeds, but it does not export source"), "{error}");
    // It exports the interface's name, but nothing that could be called.
    let error = house.host.install(&component("")).unwrap_err();
    assert!(matches!(error, InstallError::DoesNotFit(_)), "{error}");
    let bare = wat::parse_str(r#"(component (instance $i) (export "opssight:plugin/health@1.0.0" (instance $i)))"#);
    assert!(matches!(house.host.install(&bare.unwrap()).unwrap_err(), InstallError::Package(_)));
}

#[tokio::test]
async fn calls_that_a_plugin_does_not_take_are_unsupported() {
    let house = House::new();
    let missing = house.host.check(&target(json!({}), Default::default())).await.unwrap_err();
    assert_eq!((missing.class, missing.fault), (FailureClass::Unavailable, FaultSource::Host));
    assert_eq!(missing.code, "plugin.not-installed");
    house.install(&package_of(NOOP, &["health", "webhook"], &manifest(json!({}))));
    let target = target(json!({}), Default::default());
    let no_source = house.host.pull(&target, "runs", None, Default::default()).await.unwrap_err();
    assert_eq!((no_source.class, no_source.code.as_str()), (FailureClass::Unsupported, "plugin.not-exported"));
}

#[tokio::test]
async fn an_upgrade_takes_the_place_of_the_old_version() {
    let house = House::new();
    house.install(&checking("", "(unreachable)", json!({ "version": "1.0.0" })));
    let error = house.check(json!({}), Default::default()).await.unwrap_err();
    assert_eq!(error.version, "1.0.0");
    house.install(&checking("", "(i32.const 1024)", json!({ "version": "1.0.1" })));
    house.check(json!({}), Default::default()).await.unwrap();
    assert_eq!(house.host.installed().len(), 1);
}

/// As the components of interpreters are made: parts with a memory each, one of which hands texts to the other. What
/// carries them over is code with two memories, without which the compiler would panic.
#[test]
fn a_component_of_parts_with_memories_of_their_own_is_compiled() {
    let memory = r#"
        (core module $memory
            (memory (export "memory") 1)
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
        (core instance $memory (instantiate $memory))"#;
    let parts = format!(
        r#"(component $hears {memory}
            (core module $main (func (export "say") (param i32 i32)))
            (core instance $main (instantiate $main))
            (func (export "say") (param "text" string) (canon lift (core func $main "say")
                (memory (core memory $memory "memory")) (realloc (core func $memory "realloc")))))
        (instance $hears (instantiate $hears))
        (component $says {memory}
            (import "say" (func $say (param "text" string)))
            (core func $say (canon lower (func $say) (memory (core memory $memory "memory"))))
            (core module $main
                (import "" "say" (func $say (param i32 i32)))
                (func (export "speak") (call $say (i32.const 0) (i32.const 9))))
            (core instance $main (instantiate $main (with "" (instance (export "say" (func $say)))))))
        (instance (instantiate $says (with "say" (func $hears "say"))))"#
    );
    let error = House::new().host.install(&component(&parts)).unwrap_err();
    // It has nothing that could be called, which is found out after it was compiled.
    assert!(matches!(&error, InstallError::DoesNotFit(why) if why.contains("check")), "{error}");
}
