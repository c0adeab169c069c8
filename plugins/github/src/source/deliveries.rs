//! Deliveries that GitHub could not make: it tries once, waits ten seconds and forgets. It keeps a log for three days,
//! with the payloads, so that what did not arrive is read from there, through the same parser.
//!
//! The logs of repository webhooks can be read by whoever may administer them. The log of a GitHub App's own webhook
//! cannot: it wants the app's signed JWT itself, which never leaves the host. There the other feeds find what was lost.

use super::{DAY_MS, Feed, Pull, Round, Step};
use crate::client::{Fetched, is_refused, read};
use crate::parse::value::{List, Text, When};
use crate::parse::{self, Context};
use opssight_plugin::{Failure, log, state};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How long GitHub keeps its log.
const KEPT_MS: i64 = 3 * DAY_MS;
/// How far to read again behind what is known: entries appear when a delivery ends, not when it begins.
const OVERLAP_MS: i64 = 600_000;
/// How long to believe that a repository has the webhooks that it had.
const HOOKS_MS: i64 = DAY_MS;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Deliveries {
    round: Round,
    /// The repository being visited, and those of its webhooks whose logs are still to be read.
    service: Option<String>,
    hooks: Vec<u64>,
    visit: Option<Visit>,
    /// Failed deliveries whose payloads are still to be read.
    missed: Vec<String>,
}

/// The log of one webhook in the middle of being read, newest entry first.
#[derive(Debug, Serialize, Deserialize)]
struct Visit {
    log: String,
    page: String,
    etag: Option<String>,
    newest: i64,
    /// Deliveries that are settled: sent again with success, or to be read by us already.
    settled: Vec<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Seen {
    etag: Option<String>,
    since: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Hooks {
    at: i64,
    ids: Vec<u64>,
}

#[derive(Deserialize)]
struct Hook<'a> {
    id: Option<u64>,
    active: Option<bool>,
    #[serde(borrow)]
    config: Option<HookConfig<'a>>,
}

#[derive(Deserialize)]
struct HookConfig<'a> {
    #[serde(borrow)]
    url: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    id: Option<u64>,
    #[serde(borrow)]
    guid: Option<Text<'a>>,
    #[serde(borrow)]
    event: Option<Text<'a>>,
    #[serde(default)]
    delivered_at: When,
    redelivery: Option<bool>,
    status_code: Option<u16>,
}

#[derive(Deserialize)]
struct Delivery<'a> {
    #[serde(borrow)]
    event: Option<Text<'a>>,
    #[serde(default)]
    delivered_at: When,
    #[serde(borrow)]
    request: Option<DeliveryRequest<'a>>,
}

#[derive(Deserialize)]
struct DeliveryRequest<'a> {
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl Feed for Deliveries {
    fn step(&mut self, pull: &mut Pull) -> Result<Step, Failure> {
        if let Some(path) = self.missed.last() {
            reconcile(path, pull)?;
            self.missed.pop();
        } else if let Some(visit) = &mut self.visit {
            let (missed, step) = visit.page(pull)?;
            self.missed = missed;
            if step == Step::Done {
                self.visit = None;
            }
        } else if let (Some(service), Some(hook)) = (&self.service, self.hooks.pop()) {
            let log = format!("/repos/{service}/hooks/{hook}/deliveries");
            // The filter `status=failure` knows only answers of 400 and up, not deliveries that got no answer at all.
            let page = format!("{log}?per_page={}", pull.per_page);
            self.visit = Some(Visit { log, page, etag: None, newest: 0, settled: Vec::new() });
        } else {
            let Some(service) = self.round.next(pull)? else {
                *self = Self::default();
                return Ok(Step::Done);
            };
            self.hooks = hooks(&service, pull)?;
            self.service = Some(service);
        }
        Ok(Step::More)
    }
}

/// The webhooks of a repository that deliver to us. Who may not see them has none: that is no failure, because
/// watching a repository does not need the right to administer it.
fn hooks(service: &str, pull: &Pull) -> Result<Vec<u64>, Failure> {
    let key = format!("hooks/{service}");
    if let Some(hooks) = state::get::<Hooks>(&key)?
        && pull.now_ms - hooks.at < HOOKS_MS
    {
        return Ok(hooks.ids);
    }
    let path = format!("/repos/{service}/hooks?per_page=100");
    let ids = match pull.client.get(&path) {
        Ok(response) => {
            let hooks: List<Hook<'_>> = read(&path, &response)?;
            let ours = hooks.0.iter().filter(|hook| hook.is_ours(&pull.settings.webhook_url));
            ours.filter_map(|hook| hook.id).collect()
        }
        Err(failure) if is_refused(&failure) => {
            log::info(
                "missed deliveries cannot be looked up",
                &[("repository", service), ("because", &failure.message)],
            );
            Vec::new()
        }
        Err(failure) => return Err(failure),
    };
    state::set(&key, &Hooks { at: pull.now_ms, ids: ids.clone() })?;
    Ok(ids)
}

impl Hook<'_> {
    fn is_ours(&self, webhook_url: &str) -> bool {
        let url = self.config.as_ref().and_then(|config| config.url.as_deref()).unwrap_or_default();
        let ours = if webhook_url.is_empty() { url.contains("/hooks/") } else { url == webhook_url };
        ours && self.active != Some(false)
    }
}

impl Visit {
    fn page(&mut self, pull: &mut Pull) -> Result<(Vec<String>, Step), Failure> {
        let key = format!("deliveries{}", self.log);
        let seen: Seen = state::get(&key)?.unwrap_or_default();
        let is_first = self.newest == 0;
        let known = if is_first { seen.etag.as_deref() } else { None };
        let response = match pull.client.get_if_changed(&self.page, known) {
            Ok(Fetched::Changed(response)) => response,
            Ok(Fetched::Unchanged) => return Ok((Vec::new(), Step::Done)),
            Err(failure) if is_refused(&failure) => return Ok((Vec::new(), Step::Done)),
            Err(failure) => return Err(failure),
        };
        let entries: List<Entry<'_>> = read(&self.page, &response)?;
        let since = (seen.since - OVERLAP_MS).max(pull.now_ms - KEPT_MS);
        let mut missed = Vec::new();
        let mut reached = entries.0.is_empty();
        for entry in &entries.0 {
            let at = entry.delivered_at.0.unwrap_or_default();
            self.newest = self.newest.max(at);
            if at < since {
                reached = true;
                break;
            }
            missed.extend(self.judge(entry));
        }
        if is_first {
            self.etag = response.header("etag").map(str::to_owned);
        }
        if let Some(next) = pull.client.next(&response)
            && !reached
        {
            self.page = next;
            return Ok((missed, Step::More));
        }
        state::set(&key, &Seen { etag: self.etag.clone(), since: self.newest.max(seen.since) })?;
        Ok((missed, Step::Done))
    }

    /// A later attempt of the same delivery stands before the first one: when it went well, all is well.
    fn judge(&mut self, entry: &Entry<'_>) -> Option<String> {
        let (id, guid) = (entry.id?, entry.guid.as_deref()?);
        let arrived = entry.status_code.is_some_and(|code| (200..300).contains(&code));
        if arrived {
            if entry.redelivery == Some(true) {
                self.settled.push(guid.to_owned());
            }
            return None;
        }
        if self.settled.iter().any(|settled| settled == guid) || !entry.event.as_deref().is_some_and(parse::handles) {
            return None;
        }
        self.settled.push(guid.to_owned());
        Some(format!("{}/{id}", self.log))
    }
}

fn reconcile(path: &str, pull: &mut Pull) -> Result<(), Failure> {
    let response = match pull.client.get(path) {
        Ok(response) => response,
        // It fell out of the log since it was listed.
        Err(failure) if is_refused(&failure) => return Ok(()),
        Err(failure) => return Err(failure),
    };
    let delivery: Delivery<'_> = read(path, &response)?;
    let payload = delivery.request.and_then(|request| request.payload);
    let (Some(event), Some(payload)) = (delivery.event, payload) else { return Ok(()) };
    let received_at = delivery.delivered_at.0.unwrap_or(pull.now_ms);
    let context = Context { received_at, ..pull.context.clone() };
    match parse::delivery(&event, payload.get().as_bytes(), &context) {
        Ok(reception) => {
            log::info("a delivery that did not arrive is made up for", &[("event", &event)]);
            pull.items.extend(reception.items);
        }
        Err(failure) => log::warn("a delivery that did not arrive cannot be read", &[("problem", &failure.message)]),
    }
    Ok(())
}
