//! What a connection withholds from its plugin is not given, from the next call on.

use crate::guests::{NOOP, answering, checking, manifest, package_of};
use crate::harness::{House, NOW, target};
use opssight_core::plugins::{
    ActionInvocation, CallError, FailureClass, FaultSource, Grants, Plugins, WebhookDelivery,
};
use serde_json::json;

fn withholding(ability: &str) -> Grants {
    Grants { withheld: [ability.to_owned()].into(), ..Grants::default() }
}

fn is_withheld(error: &CallError) {
    assert_eq!(
        (error.fault, error.class, error.code.as_str()),
        (FaultSource::Policy, FailureClass::Config, "policy.withheld"),
        "{error}"
    );
    assert_eq!(error.version, "1.2.3");
}

#[tokio::test]
async fn settings_that_are_withheld_are_empty() {
    let house = House::new();
    let imports = r#"
        (import "opssight:plugin/settings@1.0.0" "all" (func $all (param i32)))
        (import "opssight:plugin/settings@1.0.0" "get" (func $get (param i32 i32 i32)))
        (data (i32.const 4096) "owner")"#;
    // An owner that is there is one byte more of answer.
    let body = "(call $get (i32.const 4096) (i32.const 5) (i32.const 3072))
        (call $all (i32.const 2056))
        (if (i32.load8_u (i32.const 3072)) (then (i32.store (i32.const 2060) (i32.const 1))))
        (i32.const 2048)";
    house.install(&checking(imports, body, json!({})));
    let settings = json!({ "owner": "acme" });
    let summary = |grants| async { house.check(settings.clone(), grants).await.unwrap().value.summary };
    assert_eq!(summary(Grants::default()).await, "{");
    assert_eq!(summary(withholding("use settings")).await, "{}");
    assert_eq!(summary(Grants::default()).await, "{", "given back, from the next call on");
}

#[tokio::test]
async fn state_that_is_withheld_is_neither_read_nor_written_nor_listed() {
    let imports = r#"
        (import "opssight:plugin/state@1.0.0" "get" (func $get (param i32 i32 i32)))
        (import "opssight:plugin/state@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))
        (import "opssight:plugin/state@1.0.0" "delete" (func $delete (param i32 i32 i32)))
        (import "opssight:plugin/state@1.0.0" "list-keys" (func $list (param i32 i32 i32 i32 i32 i32 i32)))
        (data (i32.const 4096) "key")"#;
    let calls = [
        "(call $get (i32.const 4096) (i32.const 3) (i32.const 3072))",
        "(call $set (i32.const 4096) (i32.const 3) (i32.const 4096) (i32.const 3) (i32.const 3072))",
        "(call $delete (i32.const 4096) (i32.const 3) (i32.const 3072))",
        "(call $list (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 10) (i32.const 3072))",
    ];
    for call in calls {
        let house = House::new();
        // The code of a failure is the summary.
        let body = format!(
            "{call}
            (if (i32.load8_u (i32.const 3072))
                (then
                    (i32.store (i32.const 2056) (i32.load (i32.const 3084)))
                    (i32.store (i32.const 2060) (i32.load (i32.const 3088)))))
            (i32.const 2048)"
        );
        house.install(&checking(imports, &body, json!({})));
        let given = house.check(json!({}), Grants::default()).await.unwrap();
        assert_eq!(given.value.summary, "", "{call}");
        let withheld = house.check(json!({}), withholding("use state")).await.unwrap();
        assert_eq!((withheld.value.summary.as_str(), withheld.state.len()), ("policy.withheld", 0), "{call}");
    }
}

#[tokio::test]
async fn deliveries_feeds_and_actions_that_are_withheld_never_reach_the_plugin() {
    let house = House::new();
    let about = manifest(json!({
        "feeds": [{ "name": "runs", "title": "Runs", "every_secs": 60, "priority": "live" }],
    }));
    let module = r#"(module
        (memory (export "memory") 1)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4096))
        (func (export "opssight:plugin/source@1.0.0#pull") (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 1024)))"#;
    house.install(&package_of(module, &["source"], &about));
    let pull = |grants| async { house.host.pull(&target(json!({}), grants), "runs", None, Default::default()).await };
    pull(Grants::default()).await.unwrap();
    is_withheld(&pull(withholding("pull runs")).await.unwrap_err());
    pull(withholding("pull jobs")).await.unwrap();

    house.install(&package_of(NOOP, &["health", "webhook"], &manifest(json!({}))));
    let delivery = || WebhookDelivery { headers: vec![], body: vec![], received_at: NOW };
    let receive = |grants| async { house.host.receive(&target(json!({}), grants), delivery()).await };
    receive(Grants::default()).await.unwrap();
    is_withheld(&receive(withholding("receive deliveries")).await.unwrap_err());

    let action = json!({ "name": "rerun", "title": "r", "description": "d", "subject": "run", "role": "operator",
        "danger": "safe", "input": { "type": "object" } });
    let body = "(i32.store (i32.const 2056) (i32.const 4300)) (i32.store (i32.const 2060) (i32.const 1))
        (i32.store8 (i32.const 4300) (i32.const 48)) (i32.const 2048)";
    let params = "(param i32 i32 i32 i32 i32 i32 i32 i32)";
    house.install(&answering("actions", "run", params, body, json!({ "actions": [action] })));
    let act = |grants| async {
        let invocation = ActionInvocation {
            name: "rerun".into(),
            input: "{}".into(),
            idempotency_key: "k".into(),
            actor: "a".into(),
        };
        house.host.act(&target(json!({}), grants), invocation).await
    };
    assert_eq!(act(Grants::default()).await.unwrap().value.output, "0");
    is_withheld(&act(withholding("act rerun")).await.unwrap_err());
    // Three calls reached plugins, and none of those that were withheld.
    assert_eq!(house.host.find(&"probe".into()).unwrap().stats.calls, 1);
}
