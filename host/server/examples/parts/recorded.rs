//! Recorded deliveries of npm's `@octokit/webhooks-examples`, each as often as wanted, about a run of its own.

use serde_json::Value;
use std::path::Path;

#[derive(Clone)]
pub(crate) struct Recorded {
    pub(crate) event: String,
    pub(crate) payload: Value,
}

/// All recorded examples of an event, largest first.
pub(crate) fn examples(event: &str) -> Vec<Recorded> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../node_modules/@octokit/webhooks-examples/api.github.com/index.json");
    let text = std::fs::read(&path).unwrap_or_else(|error| panic_with(&path, &error));
    let index: Vec<Value> = serde_json::from_slice(&text).expect("JSON");
    let found = index.into_iter().find(|entry| entry["name"] == event).expect("the event is recorded");
    let mut all: Vec<Value> = found["examples"].as_array().expect("examples").clone();
    all.sort_by_key(|example| std::cmp::Reverse(example.to_string().len()));
    all.into_iter().map(|payload| Recorded { event: event.to_owned(), payload }).collect()
}

fn panic_with(path: &Path, error: &std::io::Error) -> ! {
    println!("{}: {error}; run `npm ci` first", path.display());
    std::process::exit(1)
}

impl Recorded {
    /// The same run under another id.
    pub(crate) fn body(&self, id: u64) -> Vec<u8> {
        let mut payload = self.payload.clone();
        payload["workflow_run"]["id"] = id.into();
        serde_json::to_vec(&payload).expect("JSON")
    }
}
