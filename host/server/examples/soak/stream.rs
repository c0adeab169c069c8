//! Deliveries that keep coming, as an upstream sends them: what is not accepted is sent again.

use crate::client::Client;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const EVERY: Duration = Duration::from_millis(50);
/// Retries back off; the longest pause that a soak's short interruptions lead to ends well before this.
const PATIENCE: Duration = Duration::from_secs(600);

pub(crate) struct Stream {
    client: Client,
    connection: String,
    stop: Arc<AtomicBool>,
    sender: JoinHandle<BTreeSet<String>>,
}

/// How it went.
pub(crate) struct Told {
    pub(crate) accepted: usize,
    pub(crate) lost: usize,
}

impl Stream {
    pub(crate) fn start(client: Client, connection: String, secret: String) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let sender = tokio::spawn(send(client.clone(), connection.clone(), secret, Arc::clone(&stop)));
        Self { client, connection, stop, sender }
    }

    /// No more; wait until all are done with, and count those that are not.
    pub(crate) async fn end(self) -> Told {
        self.stop.store(true, Ordering::Relaxed);
        let accepted = self.sender.await.expect("the sender ends");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let done = done(&self.client, &self.connection).await;
            let lost = accepted.difference(&done).count();
            if lost == 0 || Instant::now() > deadline {
                return Told { accepted: accepted.len(), lost };
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

async fn send(client: Client, connection: String, secret: String, stop: Arc<AtomicBool>) -> BTreeSet<String> {
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret.as_bytes());
    let mut accepted = BTreeSet::new();
    let mut number = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        let (id, body) = (format!("d-{number}"), format!("{{\"n\":{number}}}").into_bytes());
        let signature = hex::encode(aws_lc_rs::hmac::sign(&key, &body));
        let request = client.http.post(format!("{}/hooks/{connection}", client.url));
        let sent = request.header("x-delivery", &id).header("x-signature", signature).body(body).send().await;
        if sent.is_ok_and(|answer| answer.status() == 202) {
            accepted.insert(id);
            number += 1;
        }
        tokio::time::sleep(EVERY).await;
    }
    accepted
}

/// Upstream ids of what is done with.
async fn done(client: &Client, connection: &str) -> BTreeSet<String> {
    let mut done = BTreeSet::new();
    for state in ["done", "ignored"] {
        let rows = client.all(&format!("/api/v1/deliveries?connection={connection}&state={state}")).await;
        done.extend(rows.iter().filter_map(|row| row["delivery_id"].as_str()).map(str::to_owned));
    }
    done
}
