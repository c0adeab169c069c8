//! Deliveries that keep coming, as upstreams send them: what was not accepted is sent again, under the same id.

use crate::client::Client;
use crate::recorded::Recorded;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;

/// Senders of each connection, and the pause of each after a delivery.
const SENDERS: usize = 2;
/// There are two targets.
pub(crate) const SENDERS_IN_ALL: u64 = 4;
const PAUSE: Duration = Duration::from_millis(15);
/// When nobody answers.
const AGAIN: Duration = Duration::from_millis(10);

/// Where the hosts are just now.
#[derive(Clone, Default)]
pub(crate) struct Places(Arc<Mutex<Vec<String>>>);

impl Places {
    pub(crate) fn set(&self, urls: Vec<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = urls;
    }

    /// One of them, in turn.
    pub(crate) fn one(&self, number: u64) -> Option<String> {
        let urls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = usize::try_from(number).unwrap_or(0) % urls.len().max(1);
        urls.get(at).cloned()
    }
}

/// What is sent to some connections, which take turns.
#[derive(Clone)]
pub(crate) struct Target {
    /// With the secret of each.
    connections: Vec<(String, String)>,
    /// A recorded delivery, or nothing in particular.
    example: Option<Recorded>,
}

impl Target {
    pub(crate) fn new(connections: Vec<(String, String)>, example: Option<Recorded>) -> Self {
        Self { connections, example }
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.connections.iter().map(|(id, _)| id.clone()).collect()
    }

    /// Each delivery is about a run of its own.
    fn body(&self, number: u64) -> Vec<u8> {
        match &self.example {
            Some(example) => example.body(1_000_000 + number),
            None => format!("{{\"number\":{number}}}").into_bytes(),
        }
    }
}

/// What hosts answered, so often.
#[derive(Default)]
struct Told {
    accepted: AtomicU64,
    /// Not now.
    refused: AtomicU64,
}

/// The upstream ids of what was accepted, by connection.
pub(crate) type Accepted = BTreeMap<String, BTreeSet<String>>;

/// All senders.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    told: Arc<Told>,
    senders: JoinSet<Accepted>,
}

impl Load {
    pub(crate) fn begin(client: &Client, places: &Places, targets: &[Target]) -> Self {
        let (stop, told) = (Arc::new(AtomicBool::new(false)), Arc::<Told>::default());
        let mut senders = JoinSet::new();
        for target in targets {
            let next = Arc::new(AtomicU64::new(0));
            for _ in 0..SENDERS {
                let sender = Sender {
                    http: client.http.clone(),
                    places: places.clone(),
                    target: target.clone(),
                    next: Arc::clone(&next),
                    stop: Arc::clone(&stop),
                    told: Arc::clone(&told),
                };
                senders.spawn(sender.run());
            }
        }
        Self { stop, told, senders }
    }

    /// How many were told that they cannot be accepted now.
    pub(crate) fn refused(&self) -> u64 {
        self.told.refused.load(Ordering::Relaxed)
    }

    /// How many were accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.told.accepted.load(Ordering::Relaxed)
    }

    /// No new ones; those that were begun are still brought to their end. What was accepted, by connection.
    pub(crate) async fn end(mut self) -> Accepted {
        self.stop.store(true, Ordering::Relaxed);
        let mut accepted = Accepted::new();
        while let Some(ended) = self.senders.join_next().await {
            for (connection, ids) in ended.expect("a sender ends") {
                accepted.entry(connection).or_default().extend(ids);
            }
        }
        accepted
    }
}

struct Sender {
    http: reqwest::Client,
    places: Places,
    target: Target,
    next: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    told: Arc<Told>,
}

impl Sender {
    async fn run(self) -> Accepted {
        let mut accepted = Accepted::new();
        while !self.stop.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let all = &self.target.connections;
            let (connection, secret) = &all[usize::try_from(number).unwrap_or(0) % all.len()];
            let (id, body) = (format!("d-{number}"), self.target.body(number));
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
            let signature = format!("sha256={}", hex::encode(aws_lc_rs::hmac::sign(&key, &body)));
            let mut tries = 0;
            while !self.is_accepted((number + tries, connection), &id, &signature, &body).await {
                tries += 1;
                tokio::time::sleep(AGAIN).await;
            }
            accepted.entry(connection.clone()).or_default().insert(id);
            tokio::time::sleep(PAUSE).await;
        }
        accepted
    }

    async fn is_accepted(&self, (place, connection): (u64, &str), id: &str, signature: &str, body: &[u8]) -> bool {
        let Some(url) = self.places.one(place) else { return false };
        let request = self
            .http
            .post(format!("{url}/hooks/{connection}"))
            .header("x-github-event", self.target.example.as_ref().map_or("any", |example| example.event.as_str()))
            .header("x-github-delivery", id)
            .header("x-hub-signature-256", signature)
            .timeout(Duration::from_secs(5))
            .body(body.to_vec());
        let Ok(answer) = request.send().await else { return false };
        let status = answer.status().as_u16();
        assert!(matches!(status, 202 | 429 | 503), "{id}: {status}");
        let told = if status == 202 { &self.told.accepted } else { &self.told.refused };
        told.fetch_add(1, Ordering::Relaxed);
        status == 202
    }
}
