//! Deliveries that keep coming, whatever becomes of the host.

use crate::harness::{Client, Recorded, deliver};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

pub(crate) struct Stream {
    stop: Arc<AtomicBool>,
    url: Arc<Mutex<String>>,
    sender: JoinHandle<BTreeSet<String>>,
}

impl Stream {
    /// One every few milliseconds, each with a name of its own.
    pub(crate) fn start(client: &Client, connection: &str, secret: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let url = Arc::new(Mutex::new(client.url.clone()));
        let (http, connection, secret) = (client.http.clone(), connection.to_owned(), secret.to_owned());
        let (stopped, address) = (Arc::clone(&stop), Arc::clone(&url));
        let sender = tokio::spawn(async move {
            let mut accepted = BTreeSet::new();
            for n in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let one =
                    Recorded { event: "push".into(), id: format!("d-{n}"), body: format!("{{\"n\":{n}}}").into() };
                let url = address.lock().expect("the address").clone();
                // What was not accepted the sender knows of, and sends again; here it is only counted out.
                if let Ok(answer) = deliver(&http, &url, &connection, &secret, &one).send().await
                    && answer.status() == 202
                {
                    accepted.insert(one.id);
                }
                tokio::time::sleep(Duration::from_millis(4)).await;
            }
            accepted
        });
        Self { stop, url, sender }
    }

    /// The host came back on another port.
    pub(crate) fn moved_to(&self, client: &Client) {
        client.url.clone_into(&mut self.url.lock().expect("the address"));
    }

    /// Stop, and see that every accepted delivery is in the log once, and done with.
    pub(crate) async fn none_lost(self, client: &Client) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let accepted = self.sender.await.expect("the sender ends");
        client.all_settled().await;
        let log = client.all("/api/v1/deliveries").await;
        let ids: Vec<&str> = log.iter().filter_map(|delivery| delivery["delivery_id"].as_str()).collect();
        assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "a delivery is in the log twice");
        let lost: Vec<&String> = accepted.iter().filter(|id| !ids.contains(&id.as_str())).collect();
        assert!(lost.is_empty(), "accepted and lost: {lost:?}");
        for delivery in &log {
            assert_eq!(delivery["state"], "ignored", "{delivery}");
        }
        accepted.len()
    }
}

impl Client {
    /// Wait until nothing waits, is worked on or is to be tried again.
    pub(crate) async fn all_settled(&self) {
        self.settled().await;
        for _ in 0..600 {
            let retrying = self.get("/api/v1/deliveries?state=retrying&limit=1").await;
            if retrying["items"].as_array().is_some_and(Vec::is_empty) {
                return self.settled().await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("deliveries are still to be tried again");
    }
}
