//! What came over the boundary, checked and in the words of the core. A plugin is not believed: whatever a rule of
//! the house relies on is looked at here.

use crate::bindings::opssight::plugin::types::Item;
use crate::budget::Budget;
use crate::error::Fault;
use crate::text;
use opssight_core::plugins::kinds::{self, Malformed};
use opssight_core::plugins::{PageRequest, RawItem};

const MAX_ID: usize = 512;
const MAX_KIND: usize = 80;
const MAX_TITLE: usize = 500;
const MAX_URL: usize = 2_048;
const MAX_ATTRS: usize = 64;
const MAX_CURSOR: usize = 64 << 10;

/// All items of an answer, or what is wrong with the first that is wrong.
pub(super) fn items(items: Vec<Item>, budget: &Budget) -> Result<Vec<RawItem>, Fault> {
    few_enough("items", items.len(), budget)?;
    let mut bytes = 0_usize;
    let mut raw = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        bytes = bytes.saturating_add(size(&item));
        fits(bytes, budget)?;
        raw.push(checked(item, budget).map_err(|problem| invalid(format!("item {at}: {problem}")))?);
    }
    Ok(raw)
}

fn checked(item: Item, budget: &Budget) -> Result<RawItem, String> {
    if !is_name(&item.id, MAX_ID) {
        return Err(format!("its id is empty, longer than {MAX_ID} bytes or holds control characters"));
    }
    let kind_ok = item.kind.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-'));
    if !kind_ok || !is_name(&item.kind, MAX_KIND) {
        return Err("its kind is not written like \"ci.pipeline-run\"".to_owned());
    }
    let Some(at) = kinds::time(item.at) else {
        return Err(format!("its time {} lies outside of 2000 to 2100", item.at));
    };
    if item.payload.len() > budget.payload_bytes {
        return Err(format!(
            "its payload has {} bytes, at most {} are taken",
            item.payload.len(),
            budget.payload_bytes
        ));
    }
    if item.attrs.len() > MAX_ATTRS || item.attrs.iter().any(|(name, _)| !is_name(name, MAX_KIND)) {
        return Err(format!("its attributes are more than {MAX_ATTRS}, or one has no proper name"));
    }
    Ok(RawItem {
        id: item.id,
        kind: item.kind,
        at,
        title: text::clean(&item.title, MAX_TITLE),
        // Whatever a page links to, a person may click.
        url: item.url.filter(|url| url.len() <= MAX_URL && (url.starts_with("https://") || url.starts_with("http://"))),
        attrs: item.attrs,
        payload: item.payload,
    })
}

/// Whether an answer may have so many entries.
pub(super) fn few_enough(what: &str, count: usize, budget: &Budget) -> Result<(), Fault> {
    let limit = budget.result_items;
    if count > limit {
        return Err(invalid(format!("it gave {count} {what}, and an answer has at most {limit}")));
    }
    Ok(())
}

/// Whether an answer may have so many bytes.
pub(super) fn fits(bytes: usize, budget: &Budget) -> Result<(), Fault> {
    let limit = budget.result_bytes;
    if bytes > limit { Err(invalid(format!("its answer has more than {limit} bytes"))) } else { Ok(()) }
}

/// What the core did not take.
pub(super) fn malformed(problem: Malformed) -> Fault {
    invalid(format!("its answer: {}", text::clean(&problem.to_string(), 300)))
}

/// A cursor or checkpoint, which the house stores and hands back.
pub(super) fn cursor(cursor: Option<String>) -> Result<Option<String>, Fault> {
    match cursor {
        Some(cursor) if cursor.len() > MAX_CURSOR || cursor.contains('\0') => {
            Err(invalid(format!("its cursor or checkpoint is longer than {MAX_CURSOR} bytes or holds a NUL")))
        }
        cursor => Ok(cursor),
    }
}

/// Pairs for people.
pub(super) fn attrs(attrs: Vec<(String, String)>) -> Vec<(String, String)> {
    attrs
        .into_iter()
        .take(MAX_ATTRS)
        .map(|(name, value)| (text::clean(&name, MAX_KIND), text::clean(&value, 1_000)))
        .collect()
}

pub(super) fn page(page: PageRequest) -> crate::bindings::opssight::plugin::types::PageRequest {
    crate::bindings::opssight::plugin::types::PageRequest { cursor: page.cursor, limit: page.limit }
}

pub(super) fn invalid(problem: String) -> Fault {
    Fault::Invalid(problem)
}

fn is_name(text: &str, max: usize) -> bool {
    !text.is_empty() && text.len() <= max && !text.chars().any(char::is_control)
}

/// Bytes of attributes.
pub(super) fn attrs_size(attrs: &[(String, String)]) -> usize {
    attrs.iter().map(|(name, value)| name.len() + value.len()).sum()
}

fn size(item: &Item) -> usize {
    let attrs = attrs_size(&item.attrs);
    let url = item.url.as_ref().map_or(0, String::len);
    item.id.len() + item.kind.len() + item.title.len() + url + attrs + item.payload.len()
}

#[cfg(test)]
mod tests {
    use super::{Item, items};
    use crate::budget::{Budget, Kind};
    use opssight_core::plugins::manifest::BudgetAsk;

    fn item() -> Item {
        Item {
            id: "42:1".into(),
            kind: "ci.pipeline-run".into(),
            at: 1_700_000_000_000,
            title: "build".into(),
            url: Some("https://ci.example.test/42".into()),
            attrs: vec![("ci.branch".into(), "main".into())],
            payload: b"{}".to_vec(),
        }
    }

    #[test]
    fn items_that_the_house_cannot_rely_on_are_refused() {
        let budget = Budget::new(Kind::Webhook, None, &BudgetAsk::default());
        assert!(items(vec![item()], &budget).is_ok());
        type Spoil = (&'static str, fn(&mut Item));
        let spoil: [Spoil; 10] = [
            ("no id", |item| item.id.clear()),
            ("NUL in the id", |item| item.id = "a\0b".into()),
            ("no kind", |item| item.kind.clear()),
            ("a kind in capitals", |item| item.kind = "CI.Run".into()),
            ("before the epoch", |item| item.at = i64::MIN),
            ("at the end of time", |item| item.at = i64::MAX),
            ("in the year 9999", |item| item.at = 253_402_300_799_999),
            ("in 1970, where a mistaken zero lies", |item| item.at = 0),
            ("a large payload", |item| item.payload = vec![b' '; (512 << 10) + 1]),
            ("a nameless attribute", |item| item.attrs.push((String::new(), String::new()))),
        ];
        for (name, spoil) in spoil {
            let mut item = item();
            spoil(&mut item);
            let fault = items(vec![self::item(), item], &budget).unwrap_err();
            assert!(format!("{fault:?}").contains("item 1: its "), "{name}: {fault:?}");
        }
        let many = vec![item(); budget.result_items + 1];
        assert!(items(many, &budget).is_err());
    }

    #[test]
    fn links_and_titles_are_made_harmless() {
        let budget = Budget::new(Kind::Webhook, None, &BudgetAsk::default());
        let hostile = Item { url: Some("javascript:alert(1)".into()), title: "a\u{202e}b\n".into(), ..item() };
        let raw = items(vec![hostile], &budget).unwrap();
        assert_eq!(raw[0].url, None);
        assert_eq!(raw[0].title, "a\u{fffd}b ");
    }
}
