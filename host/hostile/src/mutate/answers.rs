//! What a guest's answer is worth once the host has taken it: everything that the house relies on in it, whatever kind
//! it is of.

use super::images::Of;
use crate::arena::NOW;
use crate::paper::acts;
use crate::rows::notifier::notification;
use anyhow::{Context, Result, bail, ensure};
use opssight_core::plugins::kinds::{
    CostColumns, CostPage, CostRequest, CostSource, Granularity, Inventory, Notified, Notifier,
};
use opssight_core::plugins::{ActionInvocation, CallError, CallTarget, PageRequest, Plugins, RawItem, WebhookDelivery};
use opssight_runtime::PluginHost;

/// No cursor or checkpoint that is stored has more bytes.
const CURSOR: usize = 64 << 10;
const NOTIFICATIONS: [&str; 2] = ["n1", "n2"];

/// An answer that the host has taken.
#[derive(Default)]
pub(super) struct Answer {
    pub(super) items: Vec<RawItem>,
    /// What people read.
    texts: Vec<String>,
    /// Where to go on, as the house stores it.
    cursors: Vec<String>,
    /// What an action says to whoever asked for it.
    output: Option<String>,
    notified: Option<Vec<Notified>>,
    bill: Option<CostPage>,
}

/// Have the mirror answer with an image of this kind.
pub(super) async fn ask(host: &PluginHost, of: Of, target: &CallTarget, image: Vec<u8>) -> Result<Answer, CallError> {
    let page = PageRequest { cursor: None, limit: 100 };
    let none = Answer::default;
    Ok(match of {
        Of::Webhook => {
            let delivery = WebhookDelivery { headers: vec![], body: image, received_at: NOW };
            let said = host.receive(target, delivery).await?.value;
            Answer { items: said.items, texts: said.note.into_iter().collect(), ..none() }
        }
        Of::Health => {
            let said = host.check(target).await?.value;
            Answer { texts: texts(said.summary, said.attrs), ..none() }
        }
        Of::Source => {
            let said = host.pull(target, "runs", None, page).await?.value;
            let cursors = said.next.into_iter().chain(said.checkpoint).collect();
            Answer { items: said.items, cursors, ..none() }
        }
        Of::Actions => {
            let invocation = ActionInvocation {
                name: "rerun".to_owned(),
                input: "{}".to_owned(),
                idempotency_key: "k".to_owned(),
                actor: "somebody".to_owned(),
            };
            let said = host.act(target, invocation).await?.value;
            Answer { items: said.items, output: Some(said.output), ..none() }
        }
        Of::Notifier => {
            let batch = NOTIFICATIONS.map(notification).to_vec();
            Answer { notified: Some(host.notify(target, "#ops", batch).await?.value), ..none() }
        }
        Of::Costs => {
            let (start_at, end_at) = (NOW, NOW.plus_secs(86_400));
            let request = CostRequest { start_at, end_at, granularity: Granularity::Daily, page };
            Answer { bill: Some(host.fetch_costs(target, request).await?.value), ..none() }
        }
        Of::Inventory => {
            let said = host.list_resources(target, "", page).await?.value;
            Answer { items: said.resources, cursors: said.next.into_iter().collect(), ..none() }
        }
    })
}

fn texts(first: String, attrs: Vec<(String, String)>) -> Vec<String> {
    std::iter::once(first).chain(attrs.into_iter().flat_map(|(name, value)| [name, value])).collect()
}

impl Answer {
    /// The house can rely on it.
    pub(super) fn is_sound(&self) -> Result<()> {
        self.items.iter().try_for_each(item)?;
        readable(&self.texts)?;
        cursors(&self.cursors)?;
        if let Some(output) = &self.output {
            let parsed = serde_json::from_str::<serde::de::IgnoredAny>(output);
            parsed.with_context(|| format!("the output of an action is {output:?}"))?;
        }
        if let Some(notified) = &self.notified {
            receipts(notified)?;
        }
        self.bill.as_ref().map_or(Ok(()), |page| bill(page.columns()))
    }
}

fn readable(texts: &[String]) -> Result<()> {
    match texts.iter().find(|text| text.chars().any(acts)) {
        Some(text) => bail!("a text that people read says {text:?}"),
        None => Ok(()),
    }
}

fn cursors(cursors: &[String]) -> Result<()> {
    let wrong = cursors.iter().find(|cursor| cursor.len() > CURSOR || cursor.contains('\0'));
    ensure!(wrong.is_none(), "a cursor is {wrong:?}");
    Ok(())
}

fn item(item: &RawItem) -> Result<()> {
    this_century("an item", item.at.millis())?;
    ensure!(!item.title.chars().any(acts), "a title says {:?}", item.title);
    ensure!(!item.id.is_empty() && !item.id.chars().any(char::is_control), "an id is {:?}", item.id);
    let link = item.url.as_deref().unwrap_or("https://");
    ensure!(link.starts_with("https://") || link.starts_with("http://"), "a link is {link:?}");
    Ok(())
}

fn this_century(what: &str, millis: i64) -> Result<()> {
    let year = millis / (365 * 86_400_000) + 1970;
    ensure!((1999..=2101).contains(&year), "{what} is of the year {year}");
    Ok(())
}

/// One for each notification, in the order of the batch, under the ids that the house gave.
fn receipts(notified: &[Notified]) -> Result<()> {
    let ids: Vec<&str> = notified.iter().map(|one| one.id.as_str()).collect();
    ensure!(ids == NOTIFICATIONS, "the answers are for {ids:?}");
    notified.iter().try_for_each(|one| match &one.outcome {
        Ok(receipt) => readable(&texts(receipt.upstream_id.clone().unwrap_or_default(), receipt.attrs.clone())),
        Err(failure) => readable(&[failure.code.clone(), failure.message.clone()]),
    })
}

/// Columns of one length, amounts of a currency that there may be, stretches of time that are some, and names that can
/// be shown.
fn bill(page: &CostColumns) -> Result<()> {
    let currency = page.currency.as_bytes();
    ensure!(currency.len() == 3 && currency.iter().all(u8::is_ascii_uppercase), "a currency is {:?}", page.currency);
    let rows = page.billed_nanos.len();
    let lengths = [page.effective_nanos.len(), page.start_at.len(), page.end_at.len(), page.tags.len()];
    let texts = page.text.iter().map(Vec::len);
    ensure!(lengths.into_iter().chain(texts).all(|length| length == rows), "its columns are not of one length");
    ensure!(page.columns.len() == page.text.len(), "{} names of {} columns", page.columns.len(), page.text.len());
    for (start, end) in page.start_at.iter().zip(&page.end_at) {
        this_century("a row", *start)?;
        this_century("a row", *end)?;
        ensure!(start < end, "a row is of the time from {start} to {end}");
    }
    readable(&page.columns)?;
    page.text.iter().try_for_each(|column| readable(column))?;
    for (name, value) in page.tags.iter().flatten() {
        ensure!(!name.is_empty(), "a tag has no name");
        readable(&[name.clone(), value.clone()])?;
    }
    cursors(page.next.as_slice())
}
