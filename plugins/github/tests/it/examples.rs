//! GitHub's example deliveries, as the npm package `@octokit/webhooks-examples` has them.

use serde_json::Value;
use std::path::Path;

pub(crate) struct Example {
    pub(crate) event: String,
    pub(crate) number: usize,
    pub(crate) payload: Value,
}

impl Example {
    pub(crate) fn action(&self) -> &str {
        self.payload["action"].as_str().unwrap_or("-")
    }
}

/// All examples of all events.
pub(crate) fn all() -> Vec<Example> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../node_modules/@octokit/webhooks-examples/api.github.com/index.json");
    let Ok(bytes) = std::fs::read(&path) else {
        panic!("{} is not there: run `npm ci` at the root of the workspace", path.display());
    };
    let index: Vec<Value> = serde_json::from_slice(&bytes).unwrap();
    let mut all = Vec::new();
    for entry in &index {
        let event = entry["name"].as_str().unwrap();
        for (number, payload) in entry["examples"].as_array().unwrap().iter().enumerate() {
            all.push(Example { event: event.to_owned(), number, payload: payload.clone() });
        }
    }
    all
}

/// The examples of one event.
pub(crate) fn of(event: &str) -> Vec<Example> {
    all().into_iter().filter(|example| example.event == event).collect()
}
