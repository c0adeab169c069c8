//! What one plugin call costs.

use crate::peer::Peer;
use crate::{Figures, native, recorded};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::plugins::{
    CallPriority, CallTarget, CredentialSource, Credentials, Grants, PluginState, WebhookDelivery,
};
use opssight_core::time::Timestamp;
use opssight_runtime::bench::{self, Job, NOOP};
use opssight_runtime::{PluginHost, RuntimeConfig};
use std::hint::black_box;
use std::sync::Arc;

/// A connection with nothing in it.
pub(crate) struct Empty;

#[async_trait]
impl CredentialSource for Empty {
    async fn credentials(&self, _: &ConnectionId) -> Result<Credentials, StoreError> {
        Ok(Credentials::new())
    }
}

#[async_trait]
impl PluginState for Empty {
    async fn get(&self, _: &ConnectionId, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    async fn keys(&self, _: &ConnectionId, _: &str, _: Option<&str>, _: u32) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    async fn usage(&self, _: &ConnectionId) -> Result<(u64, u64), StoreError> {
        Ok((0, 0))
    }
}

pub(crate) fn target(plugin: &str) -> CallTarget {
    CallTarget {
        connection: ConnectionId::from("bench"),
        plugin: PluginId::from(plugin),
        digest: None,
        settings: Arc::new(serde_json::json!({ "base_url": "https://api.github.com" })),
        grants: Arc::new(Grants::default()),
        priority: CallPriority::Live,
    }
}

/// Batches per figure; the least of them counts, because other work can only add.
const BATCHES: usize = 400;

pub(crate) fn measure(figures: &mut Figures, package: &[u8]) {
    let dir = tempfile::tempdir().expect("a folder");
    let host = PluginHost::open(
        RuntimeConfig::new(dir.path()),
        Arc::new(Empty),
        Arc::new(Empty),
        Arc::new(opssight_backends::SystemClock),
    )
    .expect("a plugin host");
    let noop = host.install(NOOP).expect("the no-op plugin is accepted");
    host.install(package).expect("the GitHub plugin is accepted");
    let noop_target = target(&noop.manifest.id);
    let us = |ns: u64| {
        #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a call fit")]
        let ns = ns as f64;
        ns / 1000.0
    };

    println!("plugin calls ...");
    let fresh = bench::fresh(&host, &noop_target, &Job::Check, BATCHES).expect("fresh calls");
    let bare_fresh = bench::bare_fresh(NOOP, &Job::Check, BATCHES).expect("bare fresh calls");
    let warm = bench::warm(&host, &noop_target, &Job::Check, BATCHES).expect("warm calls");
    let bare_warm = bench::bare_warm(NOOP, &Job::Check, BATCHES).expect("bare warm calls");
    figures.put("plugin_fresh_call_us", us(fresh.min()));
    figures.put("plugin_warm_call_us", us(warm.min()));
    figures.put("bare_fresh_call_us", us(bare_fresh.min()));
    figures.put("bare_warm_call_us", us(bare_warm.min()));
    figures.put("plugin_fresh_over_bare", us(fresh.min()) / us(bare_fresh.min()));

    println!("normalising a recorded delivery ...");
    let delivery = recorded_delivery();
    let body = delivery.body.clone();
    figures.put("normalise_body_bytes", us(body.len() as u64 * 1000));
    let native = best(|| {
        black_box(native::receive(black_box(&delivery)).expect("parsed"));
    });
    let github = target("github");
    let job = Job::Receive(delivery);
    let fresh = us(bench::fresh(&host, &github, &job, BATCHES).expect("fresh").min());
    let warm = us(bench::warm(&host, &github, &job, BATCHES).expect("warm").min());
    let bare = us(bench::bare_fresh(package, &job, BATCHES).expect("bare").min());
    let subprocess = subprocess(dir.path(), &body);
    figures.put("normalise_native_us", native);
    figures.put("normalise_fresh_us", fresh);
    figures.put("normalise_warm_us", warm);
    figures.put("normalise_bare_us", bare);
    figures.put("normalise_fresh_over_bare", fresh / bare);
    figures.put("normalise_subprocess_us", subprocess);
    figures.put("normalise_sandbox_over_native", fresh / native);
    figures.put("normalise_sandbox_over_subprocess", fresh / subprocess);
}

/// The largest recorded `workflow_run`.
pub(crate) fn recorded_delivery() -> WebhookDelivery {
    let example = &recorded::examples("workflow_run")[0];
    WebhookDelivery {
        headers: vec![("x-github-event".to_owned(), example.event.clone())],
        body: serde_json::to_vec(&example.payload).expect("JSON"),
        received_at: Timestamp::from_millis(1_700_000_000_000),
    }
}

/// Least thread CPU, microseconds, of batches of 16 calls.
fn best(mut call: impl FnMut()) -> f64 {
    let mut least = u64::MAX;
    for _ in 0..BATCHES {
        let start = bench::thread_cpu_ns();
        for _ in 0..16 {
            call();
        }
        least = least.min(bench::thread_cpu_ns() - start);
    }
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a batch fit")]
    let least = least as f64;
    least / 16_000.0
}

/// CPU of both processes per call, microseconds; least of rounds of 200 calls.
fn subprocess(dir: &std::path::Path, body: &[u8]) -> f64 {
    let mut peer = Peer::start(dir);
    let mut least = u64::MAX;
    for _ in 0..20 {
        let start = bench::thread_cpu_ns() + peer.cpu_ns();
        for _ in 0..200 {
            black_box(peer.call(body));
        }
        least = least.min(bench::thread_cpu_ns() + peer.cpu_ns() - start);
    }
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a round fit")]
    let least = least as f64;
    least / 200_000.0
}
