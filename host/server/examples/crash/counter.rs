//! A value that several administrators count up, at any host, each on the version that they saw: a history that only one
//! order explains, whatever dies meanwhile. Nobody reads less than what was confirmed before they asked, and nothing is
//! confirmed twice.

use crate::client::Client;
use crate::load::Places;
use reqwest::header::{ETAG, IF_MATCH};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

const CLIENTS: u64 = 4;
const PAUSE: Duration = Duration::from_millis(40);
/// So much of what is wrong says enough.
const SHOWN: usize = 5;

/// What its clients know together.
#[derive(Default)]
struct History {
    stop: AtomicBool,
    reads: AtomicU64,
    /// The highest that was confirmed.
    confirmed: AtomicU64,
    all: Mutex<Confirmed>,
}

#[derive(Default)]
struct Confirmed {
    values: BTreeSet<u64>,
    wrong: Vec<String>,
}

pub(crate) struct Counter {
    history: Arc<History>,
    clients: JoinSet<()>,
}

impl Counter {
    /// A connection whose name is the value.
    pub(crate) fn begin(client: &Client, places: &Places, connection: &str) -> Self {
        let history = Arc::<History>::default();
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let (mut client, places, history) = (client.clone(), places.clone(), Arc::clone(&history));
            let path = format!("/api/v1/connections/{connection}");
            clients.spawn(async move {
                let mut turn = number;
                while !history.stop.load(Ordering::Relaxed) {
                    turn += 1;
                    if let Some(url) = places.one(turn) {
                        client.url = url;
                        history.count_up(|method| client.request(method, &path).timeout(Duration::from_secs(10))).await;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        Self { history, clients }
    }

    /// What was wrong with it.
    pub(crate) async fn end(mut self) -> Vec<String> {
        self.history.stop.store(true, Ordering::Relaxed);
        while self.clients.join_next().await.is_some() {}
        let mut all = self.history.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.wrong.truncate(SHOWN);
        println!(
            "    a counter: {} confirmed up to {}, {} reads",
            all.values.len(),
            self.history.confirmed.load(Ordering::SeqCst),
            self.history.reads.load(Ordering::Relaxed)
        );
        if all.values.is_empty() {
            all.wrong.push("nothing was counted".to_owned());
        }
        std::mem::take(&mut all.wrong)
    }
}

impl History {
    /// Read, and write one more. Without an answer nobody knows whether it was written.
    async fn count_up(&self, ask: impl Fn(Method) -> RequestBuilder) {
        let confirmed = self.confirmed.load(Ordering::SeqCst);
        let Ok(answer) = ask(Method::GET).send().await else { return };
        if !self.is_expected("GET", answer.status().as_u16(), &[200, 429, 503]) || answer.status() != 200 {
            return;
        }
        let Some(version) = answer.headers().get(ETAG).cloned() else { return };
        let Ok(connection) = answer.json::<Value>().await else { return };
        let Some(value) = value_of(&connection) else { return };
        self.reads.fetch_add(1, Ordering::Relaxed);
        if value < confirmed {
            self.note_wrong(format!("a counter was read as {value} after {confirmed} was confirmed"));
        }
        let more = json!({ "name": format!("counter {}", value + 1) });
        let Ok(answer) = ask(Method::PATCH).header(IF_MATCH, version).json(&more).send().await else { return };
        if self.is_expected("PATCH", answer.status().as_u16(), &[200, 409, 412, 429, 503]) && answer.status() == 200 {
            self.confirmed.fetch_max(value + 1, Ordering::SeqCst);
            if !self.all.lock().unwrap_or_else(PoisonError::into_inner).values.insert(value + 1) {
                self.note_wrong(format!("a counter was counted up to {} twice", value + 1));
            }
        }
    }

    fn is_expected(&self, what: &str, status: u16, expected: &[u16]) -> bool {
        if !expected.contains(&status) {
            self.note_wrong(format!("{what} of the counter was answered with {status}"));
        }
        expected.contains(&status)
    }

    fn note_wrong(&self, what: String) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).wrong.push(what);
    }
}

/// A new one is at zero.
fn value_of(connection: &Value) -> Option<u64> {
    let name = connection["name"].as_str()?;
    name.strip_prefix("counter").map(|value| value.trim().parse().unwrap_or(0))
}
