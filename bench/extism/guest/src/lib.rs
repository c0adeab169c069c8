//! The GitHub plugin's parser as an Extism plugin: a delivery in, items as JSON out.

use extism_pdk::{FnResult, plugin_fn};
use opssight_plugin_github::parse::{self, Context};
use serde_json::value::RawValue;

type Item = (String, String, i64, String, Option<String>, Vec<(String, String)>, Box<RawValue>);

#[plugin_fn]
pub fn receive(body: Vec<u8>) -> FnResult<Vec<u8>> {
    let context = Context { received_at: 1_700_000_000_000, ..Context::default() };
    let reception = parse::delivery("workflow_run", &body, &context)
        .map_err(|failure| extism_pdk::Error::msg(failure.message))?;
    let mut items: Vec<Item> = Vec::new();
    for item in reception.items {
        let payload = RawValue::from_string(String::from_utf8(item.payload)?)?;
        items.push((item.id, item.kind, item.at, item.title, item.url, item.attrs, payload));
    }
    Ok(serde_json::to_vec(&items)?)
}
