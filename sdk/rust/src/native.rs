//! The stand-in for the host, on the machine that you write on: settings, state, clock and upstream of the
//! current thread, so that a plugin's logic is tested without a sandbox. The real thing is `opssight-testkit`.
//!
//! ```ignore
//! native::reset();
//! native::set_settings(r#"{"base_url": "https://api.example.com"}"#);
//! native::on_http(|request| Ok(native::answer(200, r#"{"login": "octocat"}"#)));
//! let report = MyPlugin::check()?;
//! ```

use crate::Failure;
use crate::http::{Request, Response};
use crate::log::Level;
use std::cell::RefCell;
use std::collections::BTreeMap;

type Handler = Box<dyn FnMut(&Request) -> Result<Response, Failure>>;

#[derive(Default)]
struct Host {
    settings: Option<String>,
    state: BTreeMap<String, Vec<u8>>,
    secrets: BTreeMap<String, Vec<u8>>,
    now_ms: i64,
    handler: Option<Handler>,
    lines: Vec<String>,
}

thread_local! {
    static HOST: RefCell<Host> = RefCell::default();
}

/// Forget everything: no settings, no state, 1970, no upstream.
pub fn reset() {
    HOST.with_borrow_mut(|host| *host = Host::default());
}

/// The connection's settings, a JSON object.
pub fn set_settings(json: impl Into<String>) {
    HOST.with_borrow_mut(|host| host.settings = Some(json.into()));
}

/// A credential that [`crate::reveal`] reads.
pub fn set_secret(credential: impl Into<String>, secret: impl Into<Vec<u8>>) {
    HOST.with_borrow_mut(|host| host.secrets.insert(credential.into(), secret.into()));
}

/// What the clock shows, milliseconds since the Unix epoch.
pub fn set_now_ms(now_ms: i64) {
    HOST.with_borrow_mut(|host| host.now_ms = now_ms);
}

/// Who answers requests from now on.
pub fn on_http(handler: impl FnMut(&Request) -> Result<Response, Failure> + 'static) {
    HOST.with_borrow_mut(|host| host.handler = Some(Box::new(handler)));
}

/// An answer with a body and no headers.
pub fn answer(status: u16, body: impl Into<Vec<u8>>) -> Response {
    Response { status, headers: Vec::new(), body: body.into() }
}

/// The log lines since the last reset, as "level message name=value".
pub fn log_lines() -> Vec<String> {
    HOST.with_borrow(|host| host.lines.clone())
}

/// The state as it is now.
pub fn state() -> BTreeMap<String, Vec<u8>> {
    HOST.with_borrow(|host| host.state.clone())
}

pub(crate) fn exchange(request: &Request) -> Result<Response, Failure> {
    // The handler is taken out while it runs, so that it may look at this module itself.
    let handler = HOST.with_borrow_mut(|host| host.handler.take());
    let Some(mut handler) = handler else {
        return Err(Failure::upstream("native.no-upstream", format!("{}: no upstream is set up", request.describe())));
    };
    let answer = handler(request);
    HOST.with_borrow_mut(|host| {
        host.handler.get_or_insert(handler);
    });
    answer
}

pub(crate) fn settings() -> String {
    HOST.with_borrow(|host| host.settings.clone()).unwrap_or_else(|| "{}".to_owned())
}

pub(crate) fn setting(key: &str) -> Option<String> {
    let all: BTreeMap<String, serde_json::Value> = serde_json::from_str(&settings()).ok()?;
    all.get(key).map(ToString::to_string)
}

pub(crate) fn state_get(key: &str) -> Option<Vec<u8>> {
    HOST.with_borrow(|host| host.state.get(key).cloned())
}

pub(crate) fn state_set(key: &str, value: &[u8]) {
    HOST.with_borrow_mut(|host| host.state.insert(key.to_owned(), value.to_vec()));
}

pub(crate) fn state_delete(key: &str) {
    HOST.with_borrow_mut(|host| host.state.remove(key));
}

pub(crate) fn state_keys(prefix: &str, cursor: Option<&str>, limit: u32) -> (Vec<String>, Option<String>) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    HOST.with_borrow(|host| {
        let mut keys = host
            .state
            .keys()
            .filter(|key| key.starts_with(prefix) && cursor.is_none_or(|cursor| key.as_str() > cursor))
            .cloned();
        let page: Vec<String> = keys.by_ref().take(limit).collect();
        let next = keys.next().and_then(|_| page.last().cloned());
        (page, next)
    })
}

pub(crate) fn secret(credential: &str) -> Result<Vec<u8>, Failure> {
    let secret = HOST.with_borrow(|host| host.secrets.get(credential).cloned());
    secret.ok_or_else(|| {
        Failure::config("reveal.no-credential", format!("the connection has no credential \"{credential}\""))
    })
}

pub(crate) fn now_ms() -> i64 {
    HOST.with_borrow(|host| host.now_ms)
}

pub(crate) fn log(level: Level, message: &str, fields: &[(&str, &str)]) {
    let fields: String = fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    HOST.with_borrow_mut(|host| host.lines.push(format!("{level:?} {message}{fields}").to_lowercase()));
}
