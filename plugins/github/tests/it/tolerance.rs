//! A null where the schema says otherwise costs a fact, never the delivery.

use crate::examples::{self, Example};
use crate::parsing::context;
use opssight_plugin_github::parse::delivery;
use proptest::prelude::*;
use serde_json::Value;
use std::sync::OnceLock;

/// What items are keyed by, and so must be there. A parent of such a field counts as the field.
const IDENTITIES: &[(&str, &[&str])] = &[
    ("workflow_run", &["/workflow_run/id", "/repository/full_name"]),
    ("workflow_job", &["/workflow_job/id", "/workflow_job/run_id", "/repository/full_name"]),
    ("check_suite", &["/check_suite/id", "/repository/full_name"]),
    ("check_run", &["/check_run/id", "/check_run/check_suite/id", "/repository/full_name"]),
    ("deployment", &["/deployment/id", "/repository/full_name"]),
    ("deployment_status", &["/deployment/id", "/repository/full_name"]),
    ("pull_request", &["/pull_request/number", "/repository/full_name"]),
    ("pull_request_review", &["/pull_request/number", "/review/id", "/repository/full_name"]),
    ("push", &["/ref", "/after", "/repository/full_name"]),
    ("release", &["/release/id", "/repository/full_name"]),
    ("ping", &[]),
    ("installation", &[]),
    ("installation_repositories", &[]),
];

fn is_identity(event: &str, pointer: &str) -> bool {
    // `review` itself may be missing: then there is the change to store and no review.
    let fields = IDENTITIES.iter().find(|(known, _)| *known == event).map_or(&[] as &[&str], |(_, fields)| fields);
    fields.iter().any(|field| {
        *field == pointer
            || field.starts_with(&format!("{pointer}/")) && !(pointer == "/review" && *field == "/review/id")
    })
}

fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                found.push(at.clone());
                pointers(value, &at, found);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                let at = format!("{at}/{index}");
                found.push(at.clone());
                pointers(value, &at, found);
            }
        }
        _ => {}
    }
}

fn handled() -> &'static [(Example, Vec<String>)] {
    static HANDLED: OnceLock<Vec<(Example, Vec<String>)>> = OnceLock::new();
    HANDLED.get_or_init(|| {
        let known = |event: &str| IDENTITIES.iter().any(|(known, _)| *known == event);
        examples::all()
            .into_iter()
            .filter(|example| known(&example.event))
            .map(|example| {
                let mut found = Vec::new();
                pointers(&example.payload, "", &mut found);
                found.retain(|pointer| !is_identity(&example.event, pointer));
                (example, found)
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn nulling_or_dropping_any_fields_but_identities_is_never_a_failure(
        which in any::<prop::sample::Index>(),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..12),
    ) {
        let (example, pointers) = which.get(handled());
        let mut payload = example.payload.clone();
        let mut done = Vec::new();
        for (place, drop) in places {
            let pointer: &String = place.get(pointers.as_slice());
            let (parent, key) = pointer.rsplit_once('/').unwrap();
            match payload.pointer_mut(parent) {
                Some(Value::Object(map)) if drop => { map.remove(&key.replace("~1", "/").replace("~0", "~")); }
                Some(_) => if let Some(value) = payload.pointer_mut(pointer) { *value = Value::Null; },
                None => {}
            }
            done.push(pointer);
        }
        let result = delivery(&example.event, &serde_json::to_vec(&payload).unwrap(), &context());
        prop_assert!(result.is_ok(), "{} without {done:?}: {result:?}", example.event);
    }

    #[test]
    fn bytes_of_any_kind_never_panic(event in "[a-z_]{1,20}", body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = delivery(&event, &body, &context());
        let _ = delivery("workflow_run", &body, &context());
    }

    #[test]
    fn a_payload_with_any_value_anywhere_never_panics(
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        text in ".{0,40}",
        number in any::<i64>(),
        pick in 0..4u8,
    ) {
        let (example, pointers) = which.get(handled());
        let mut payload = example.payload.clone();
        if let Some(value) = payload.pointer_mut(place.get::<String>(pointers.as_slice()).as_str()) {
            *value = match pick {
                0 => Value::from(text),
                1 => Value::from(number),
                2 => Value::from(vec![number]),
                _ => serde_json::json!({ "x": text }),
            };
        }
        if let Err(failure) = delivery(&example.event, &serde_json::to_vec(&payload).unwrap(), &context()) {
            prop_assert_eq!(failure.code, "github.bad-payload");
        }
    }
}

#[test]
fn each_single_null_of_each_handled_event_is_tolerated() {
    for event in IDENTITIES.iter().map(|(event, _)| event) {
        let (example, pointers) = handled().iter().find(|(example, _)| example.event == *event).unwrap();
        for pointer in pointers {
            let mut payload = example.payload.clone();
            *payload.pointer_mut(pointer).unwrap() = Value::Null;
            let result = delivery(event, &serde_json::to_vec(&payload).unwrap(), &context());
            assert!(result.is_ok(), "{event} with {pointer} null: {result:?}");
        }
    }
}
