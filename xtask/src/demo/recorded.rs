//! The recorded deliveries: GitHub payloads that the community collected (npm `@octokit/webhooks-examples`, MIT).

use super::Delivery;
use crate::workspace::Workspace;
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Where the npm package keeps those of github.com.
const INDEX: &str = "node_modules/@octokit/webhooks-examples/api.github.com/index.json";

#[derive(Deserialize)]
struct Event {
    name: String,
    /// Raw, so that what is signed and sent is exactly what was recorded.
    examples: Vec<Box<RawValue>>,
}

/// All of them, in the order of the package.
pub(crate) fn load(workspace: &Workspace) -> Result<Vec<Delivery>> {
    let path = workspace.root.join(INDEX);
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
    let events: Vec<Event> = serde_json::from_str(&text).with_context(|| format!("read {}", path.display()))?;
    let mut deliveries = Vec::new();
    for event in events {
        for example in event.examples {
            let id = Delivery::id(1, deliveries.len());
            deliveries.push(Delivery { event: event.name.clone(), id, body: example.get().to_owned() });
        }
    }
    ensure!(!deliveries.is_empty(), "{} holds no examples", path.display());
    Ok(deliveries)
}
