//! The one way for a secret into a sandbox, and what stands around it.

use crate::guests::checking;
use crate::harness::House;
use opssight_core::plugins::Grants;
use opssight_core::plugins::Plugins as _;
use opssight_core::plugins::installs::PluginRuntime;
use opssight_runtime::InstallError;
use serde_json::{Value, json};

const REVEAL: &str = r#"
    (import "opssight:plugin/reveal@1.0.0" "reveal" (func $reveal (param i32 i32 i32)))
    (import "opssight:plugin/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))
    (data (i32.const 4096) "key")"#;

/// Reads "key", logs what it got, and answers with it; a failure is answered with its code.
const READ: &str = "
    (call $reveal (i32.const 4096) (i32.const 3) (i32.const 3072))
    (if (i32.load8_u (i32.const 3072))
        (then (i32.store (i32.const 2056) (i32.load (i32.const 3084))) (i32.store (i32.const 2060) (i32.load (i32.const 3088))))
        (else (i32.store (i32.const 2056) (i32.load (i32.const 3080))) (i32.store (i32.const 2060) (i32.load (i32.const 3084)))))
    (call $log (i32.const 2) (i32.load (i32.const 2056)) (i32.load (i32.const 2060)) (i32.const 0) (i32.const 0))
    (i32.const 2048)";

fn declared(reveal: &[&str]) -> Value {
    let input = json!({ "name": "token", "title": "Token", "secret": true });
    let scheme = json!({ "scheme": "bearer", "title": "Token", "inputs": [input] });
    let credential = |name: &str| json!({ "name": name, "title": "Key", "schemes": [scheme] });
    json!({ "credentials": [credential("key"), credential("other")], "reveal": reveal })
}

fn withholding(ability: &str) -> Grants {
    Grants { withheld: [ability.to_owned()].into(), ..Grants::default() }
}

#[tokio::test]
async fn a_secret_is_read_in_clear_only_on_record() {
    let house = House::new();
    house.install(&checking(REVEAL, READ, declared(&["key"])));
    house.memory.credential("key", "bearer", &[("token", "c4n4ry-c4n4ry")]);
    let called = house.check(json!({}), Grants::default()).await.unwrap();
    assert_eq!(called.value.summary, "c4n4ry-c4n4ry");
    let notices = house.host.notices();
    assert_eq!((notices.len(), notices[0].what.as_str()), (1, "revealed"));
    assert!(notices[0].detail.contains("\"key\"") && notices[0].detail.contains("c1"), "{}", notices[0].detail);
    assert!(notices[0].digest.starts_with("sha256:") && !notices[0].detail.contains("c4n4ry"));
    assert_eq!(house.host.log(&"probe".into())[0].message, "[secret]");
}

#[tokio::test]
async fn what_is_withheld_undeclared_or_missing_is_not_read() {
    let house = House::new();
    house.memory.credential("key", "bearer", &[("token", "c4n4ry-c4n4ry")]);
    house.install(&checking(REVEAL, READ, declared(&["key"])));
    for ability in ["use reveal", "reveal key"] {
        let called = house.check(json!({}), withholding(ability)).await.unwrap();
        assert_eq!(called.value.summary, "policy.withheld", "{ability}");
    }
    house.memory.credentials.lock().unwrap().clear();
    let called = house.check(json!({}), Grants::default()).await.unwrap();
    assert_eq!(called.value.summary, "reveal.no-credential");
    house.memory.credential("key", "bearer", &[("token", "c4n4ry-c4n4ry")]);
    house.install(&checking(REVEAL, READ, declared(&["other"])));
    let called = house.check(json!({}), Grants::default()).await.unwrap();
    assert_eq!(called.value.summary, "reveal.undeclared");
    assert!(house.host.notices().is_empty(), "nothing was read");
}

#[tokio::test]
async fn a_call_cannot_bury_the_record() {
    let house = House::new();
    house.memory.credential("key", "bearer", &[("token", "c4n4ry-c4n4ry")]);
    let body = format!(
        "(local $i i32)
        (loop $l
            (call $reveal (i32.const 4096) (i32.const 3) (i32.const 3072))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const 5000))))
        {READ}"
    );
    let called = house.try_check(&checking(REVEAL, &body, declared(&["key"]))).await.unwrap();
    assert_eq!(called.value.summary, "reveal.too-often");
    assert_eq!(house.host.notices().len(), 10);
}

#[test]
fn who_imports_it_must_say_for_what() {
    let house = House::new();
    let error = house.host.install(&checking(REVEAL, READ, declared(&[]))).unwrap_err();
    assert!(matches!(error, InstallError::RevealsUnsaid), "{error}");
    let contents = house.host.examine(&checking("", "(i32.const 1024)", declared(&["key"]))).unwrap();
    assert!(contents.remarks[0].contains("to reveal"), "{:?}", contents.remarks);
}
