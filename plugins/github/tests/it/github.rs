//! A scripted GitHub: routes by path, counts what it is asked, and knows ETags and pages as the real one does.

use opssight_plugin::http::{Method, Request, Response};
use opssight_plugin::{Batch, Failure, Item, PageRequest, Source, native};
use opssight_plugin_github::GitHub;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// 2026-11-22T10:54:03Z.
pub(crate) const NOW: i64 = 1_795_344_843_000;
const API: &str = "https://api.github.com";

/// A request as routes see it: path without query, and the query by name.
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) etag: Option<String>,
    pub(crate) body: Value,
}

/// What it was asked so far: "GET /repos/o/r/actions/runs?created=...".
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn len(&self) -> usize {
        self.0.borrow().len()
    }

    pub(crate) fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// Start afresh with these settings and this upstream.
pub(crate) fn start(settings: &Value, mut upstream: impl FnMut(&Asked) -> Response + 'static) -> Log {
    native::reset();
    native::set_now_ms(NOW);
    native::set_settings(settings.to_string());
    let log = Log::default();
    let asked = log.clone();
    native::on_http(move |request| {
        let line = request.url().strip_prefix(API).unwrap_or_else(|| panic!("{} is not GitHub", request.url()));
        asked.0.borrow_mut().push(format!("{} {line}", request.method().as_str()));
        assert_eq!(request.header_value("accept"), Some("application/vnd.github+json, application/json"));
        assert_eq!(request.header_value("x-github-api-version"), Some("2022-11-28"));
        assert_eq!(request.header_value("user-agent"), Some("opssight"));
        assert_eq!(request.header_value("authorization"), None, "the host attaches credentials");
        Ok(upstream(&parse(request, line)))
    });
    log
}

fn parse(request: &Request, line: &str) -> Asked {
    let (path, query) = line.split_once('?').unwrap_or((line, ""));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    Asked {
        method: request.method(),
        path: path.to_owned(),
        query: pairs.map(|(name, value)| (name.to_owned(), decode(value))).collect(),
        etag: request.header_value("if-none-match").map(str::to_owned),
        body: serde_json::from_slice(request.body_bytes()).unwrap_or_default(),
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        if *first == b'%' {
            let hex = std::str::from_utf8(&tail[..2]).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).unwrap()
}

pub(crate) fn ok(body: &Value) -> Response {
    native::answer(200, body.to_string())
}

pub(crate) fn error(status: u16, message: &str) -> Response {
    native::answer(status, json!({ "message": message }).to_string())
}

pub(crate) fn with(mut response: Response, name: &str, value: impl ToString) -> Response {
    response.headers.push((name.to_owned(), value.to_string()));
    response
}

/// One page of a list, with a `Link` to the next one; `wrap` makes the body of the entries and their total.
pub(crate) fn page(asked: &Asked, all: &[Value], wrap: impl Fn(&[Value], usize) -> Value) -> Response {
    let per_page: usize = asked.query.get("per_page").map_or(30, |text| text.parse().unwrap());
    let number: usize = asked.query.get("page").map_or(1, |text| text.parse().unwrap());
    let from = ((number - 1) * per_page).min(all.len());
    let to = (from + per_page).min(all.len());
    let response = ok(&wrap(&all[from..to], all.len()));
    if to == all.len() {
        return response;
    }
    let mut query = asked.query.clone();
    query.insert("page".to_owned(), (number + 1).to_string());
    let query: Vec<String> =
        query.iter().map(|(name, value)| format!("{name}={}", opssight_plugin::http::encode(value))).collect();
    let next = format!("{API}{}?{}", asked.path, query.join("&"));
    with(response, "link", format!("<{API}/first>; rel=\"first\", <{next}>; rel=\"next\""))
}

/// A bare list as body.
pub(crate) fn list(entries: &[Value], _: usize) -> Value {
    json!(entries)
}

/// A list as `GET .../actions/runs` wraps it.
pub(crate) fn runs(entries: &[Value], total: usize) -> Value {
    json!({ "total_count": total, "workflow_runs": entries })
}

pub(crate) fn run(id: u64, created_at: i64, conclusion: &str) -> Value {
    let at = opssight_plugin::time::format(created_at);
    json!({
        "id": id, "name": "CI", "run_number": id, "run_attempt": 1, "event": "push", "status": "completed",
        "conclusion": conclusion, "head_sha": format!("{id:040}"), "created_at": at, "updated_at": at,
        "run_started_at": at, "html_url": format!("https://github.com/o/r/actions/runs/{id}"), "pull_requests": [],
    })
}

/// Everything that a feed brings until it says that there is no more, and its checkpoint.
pub(crate) struct Pulled {
    pub(crate) items: Vec<Item>,
    pub(crate) checkpoint: String,
    pub(crate) calls: usize,
}

impl Pulled {
    pub(crate) fn ids(&self, kind: &str) -> Vec<&str> {
        self.items.iter().filter(|item| item.kind == kind).map(|item| item.id.as_str()).collect()
    }
}

pub(crate) fn call(feed: &str, checkpoint: Option<&str>, cursor: Option<&str>) -> Result<Batch, Failure> {
    GitHub::pull(feed, checkpoint, PageRequest { cursor: cursor.map(str::to_owned), limit: 1000 })
}

/// Pull a feed to its end. A crash after every page: only the checkpoint survives.
pub(crate) fn pull(log: &Log, feed: &str, checkpoint: Option<&str>) -> Pulled {
    let mut pulled = Pulled { items: Vec::new(), checkpoint: checkpoint.unwrap_or_default().to_owned(), calls: 0 };
    loop {
        let before = log.len();
        let checkpoint = (!pulled.checkpoint.is_empty()).then_some(pulled.checkpoint.as_str());
        let batch = call(feed, checkpoint, None).unwrap_or_else(|failure| panic!("{feed}: {failure:?}"));
        assert!(log.len() - before <= 12, "{feed}: {} requests in one call", log.len() - before);
        assert!(batch.items.len() <= 1000, "{feed}: {} items in one call", batch.items.len());
        pulled.items.extend(batch.items);
        pulled.calls += 1;
        pulled.checkpoint = batch.checkpoint.unwrap();
        if batch.next.is_none() {
            return pulled;
        }
        assert!(pulled.calls < 2000, "{feed} does not end");
    }
}
