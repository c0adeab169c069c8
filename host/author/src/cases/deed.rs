//! What a case asks, asked of the real host.

mod kinds;

use super::load;
use super::model::{Act, Deed, Deliver, Pull};
use super::observe::{attrs, body, item};
use anyhow::{Context, Result, bail};
use opssight_testkit::TestHost;
use opssight_testkit::plugins::manifest::misfits;
use opssight_testkit::plugins::{CallError, Manifest, PageRequest};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// Pages after which a feed that never ends is given up.
const MOST_PAGES: usize = 100;

/// What a plugin answered, in the contract's words.
pub(super) type Answer = Result<Map<String, Value>, CallError>;

/// Where each feed of a case may resume.
pub(super) type Checkpoints = BTreeMap<String, String>;

/// Ask it. An error is the case's own: it asks for what the manifest does not declare.
pub(super) async fn perform(
    host: &TestHost,
    manifest: &Manifest,
    case_file: &Path,
    deed: &Deed<'_>,
    checkpoints: &mut Checkpoints,
) -> Result<Answer> {
    match deed {
        Deed::Deliver(delivery) => deliver(host, manifest, case_file, delivery).await,
        Deed::Pull(asked) => pull(host, manifest, asked, checkpoints).await,
        Deed::Act(asked) => act(host, manifest, asked).await,
        Deed::Check => Ok(host
            .check()
            .await
            .map(|report| fields(json!({ "summary": report.summary, "attrs": attrs(&report.attrs) })))),
        Deed::Notify(asked) => kinds::notify(host, asked).await,
        Deed::Costs(asked) => kinds::costs(host, asked).await,
        Deed::List(asked) => kinds::list(host, asked).await,
        Deed::Detect(asked) => kinds::detect(host, asked).await,
    }
}

async fn deliver(host: &TestHost, manifest: &Manifest, case_file: &Path, delivery: &Deliver) -> Result<Answer> {
    let webhook = manifest.webhook.as_ref().context("deliver it: plugin.toml has no [webhook]")?;
    let kept = |name: &str| webhook.headers.iter().any(|known| known.eq_ignore_ascii_case(name));
    let headers = delivery.headers.iter().filter(|(name, _)| kept(name));
    let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let body = load::bytes(case_file, delivery.body())?;
    let answer = host.receive(&headers, body).await;
    Ok(answer.map(|reception| {
        let items: Vec<Value> = reception.items.iter().map(item).collect();
        with(fields(json!({ "items": items })), [("note", reception.note)])
    }))
}

async fn pull(host: &TestHost, manifest: &Manifest, asked: &Pull, checkpoints: &mut Checkpoints) -> Result<Answer> {
    let feed =
        manifest.feed(&asked.feed).with_context(|| format!("pull {}: plugin.toml has no such feed", asked.feed))?;
    let limit = asked.limit.unwrap_or(feed.page);
    let checkpoint = asked.checkpoint.clone().or_else(|| checkpoints.get(&asked.feed).cloned());
    let (mut items, mut cursor) = (Vec::new(), asked.cursor.clone());
    for _ in 0..MOST_PAGES {
        let page = PageRequest { cursor: cursor.take(), limit };
        let batch = match host.pull(&asked.feed, checkpoint.as_deref(), page).await {
            Ok(batch) => batch,
            Err(error) => return Ok(Err(error)),
        };
        items.extend(batch.items.iter().map(item));
        if let Some(checkpoint) = &batch.checkpoint {
            checkpoints.insert(asked.feed.clone(), checkpoint.clone());
        }
        if asked.to_the_end && batch.next.is_some() {
            cursor = batch.next;
            continue;
        }
        let answer = fields(json!({ "items": items }));
        return Ok(Ok(with(answer, [("next", batch.next), ("checkpoint", batch.checkpoint)])));
    }
    bail!("pull {} to the end: after {MOST_PAGES} pages it still says that there is more", asked.feed)
}

async fn act(host: &TestHost, manifest: &Manifest, asked: &Act) -> Result<Answer> {
    let name = &asked.action;
    let action = manifest.action(name).with_context(|| format!("do {name}: plugin.toml has no such action"))?;
    let input = Value::Object(asked.input.clone());
    check(&action.input, &input).with_context(|| format!("do {name} with this input"))?;
    Ok(host.act(name, input).await.map(|outcome| {
        let items: Vec<Value> = outcome.items.iter().map(item).collect();
        fields(json!({ "output": body(outcome.output.as_bytes()), "items": items }))
    }))
}

/// Settings and inputs are checked before a plugin sees them, as the host does, by the same rules.
pub(super) fn check(schema: &Value, value: &Value) -> Result<()> {
    match misfits(schema, value).into_iter().next() {
        Some((at, problem)) => bail!("{at}: {problem}"),
        None => Ok(()),
    }
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn with<const N: usize>(mut fields: Map<String, Value>, texts: [(&str, Option<String>); N]) -> Map<String, Value> {
    for (key, text) in texts {
        if let Some(text) = text {
            fields.insert(key.to_owned(), text.into());
        }
    }
    fields
}
