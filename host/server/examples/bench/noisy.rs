//! Twenty hostile plugins beside the GitHub plugin: what they cost those who mean well.
//!
//! The same steady stream of good deliveries is sent twice to the same host: first alone, then while each of the hostile
//! plugins is sent work as well, so much that their queues never empty. Theirs come at a pace of their own, as from
//! vendors that know nothing of each other.

use crate::Figures;
use crate::host::Host;
use crate::path::Client;
use crate::recorded::{self, Recorded};
use serde_json::Value;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Good deliveries of one run, and their rate.
const GOOD: u64 = 600;
const PER_SECOND: u64 = 20;
/// One after the other, a hostile plugin gets a delivery: each of twenty about two a second.
const HOSTILE_EVERY: Duration = Duration::from_millis(23);
/// No good delivery may take longer to be applied.
const PATIENCE: Duration = Duration::from_secs(120);

/// A disk that stalls for a moment, in one round or another, must not decide.
const ROUNDS: usize = 3;

/// What one round gave.
struct Round {
    quiet_p99: f64,
    noisy_p99: f64,
    rss_mib: f64,
    growth_mib: f64,
    lost: u64,
}

pub(crate) fn measure(figures: &mut Figures, package: &[u8]) {
    let hostile = opssight_hostile::neighbours();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    println!("{} hostile plugins beside the GitHub plugin ...", hostile.len());
    let mut rounds: Vec<Round> = (0..ROUNDS).map(|_| runtime.block_on(round(package, &hostile))).collect();
    let most = |of: fn(&Round) -> f64| rounds.iter().map(of).fold(0.0, f64::max);
    figures.put("noisy_rss_mib", most(|round| round.rss_mib));
    figures.put("noisy_rss_growth_mib", most(|round| round.growth_mib));
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    figures.put("noisy_lost", rounds.iter().map(|round| round.lost).sum::<u64>() as f64);
    rounds.sort_by(|a, b| a.ratio().total_cmp(&b.ratio()));
    let median = rounds.get(ROUNDS / 2).expect("as many rounds as there are");
    figures.put("quiet_p99_ms", median.quiet_p99);
    figures.put("noisy_p99_over_quiet", median.ratio());
    figures.put("noisy_p99_over_quiet_worst", rounds.last().expect("a round").ratio());
}

impl Round {
    fn ratio(&self) -> f64 {
        self.noisy_p99 / self.quiet_p99
    }
}

/// A host of its own, quiet first: what the hostile plugins leave behind would not be.
async fn round(package: &[u8], hostile: &[(String, Vec<u8>)]) -> Round {
    let dir = tempfile::tempdir().expect("a folder");
    let plugins = dir.path().join("plugins");
    std::fs::create_dir_all(&plugins).expect("a folder");
    std::fs::write(plugins.join("github.wasm"), package).expect("the package");
    for (name, package) in hostile {
        std::fs::write(plugins.join(format!("hostile-{name}.wasm")), package).expect("the package");
    }
    let example = recorded::examples("workflow_run").swap_remove(0);
    let mut host = Host::start("sandbox", &dir.path().join("data"), &plugins);
    let client = Client::of(&host).await;
    let mut bad = Vec::new();
    for (name, _) in hostile {
        bad.push(client.beside(&format!("hostile-{name}")).await);
    }
    let quiet = stream(&client, &example, 10_000_000).await;
    let rss = host.rss_mib();
    let noisy = tokio::select! {
        noisy = stream(&client, &example, 20_000_000) => noisy,
        () = pester(&bad, &example) => unreachable!("it never ends"),
    };
    assert!(host.is_running(), "the host ended");
    Round {
        lost: GOOD - u64::try_from(noisy.len()).unwrap_or(0),
        quiet_p99: p99(quiet),
        noisy_p99: p99(noisy),
        rss_mib: host.peak_rss_mib(),
        growth_mib: host.peak_rss_mib() - rss,
    }
}

fn p99(mut waits: Vec<f64>) -> f64 {
    waits.sort_by(f64::total_cmp);
    waits.get((waits.len() * 99 / 100).min(waits.len().saturating_sub(1))).copied().unwrap_or(f64::MAX)
}

/// How long each good delivery took from being sent to being applied, milliseconds, by the host's own clock.
async fn stream(good: &Client, example: &Recorded, first: u64) -> Vec<f64> {
    let mut tick = tokio::time::interval(Duration::from_millis(1000 / PER_SECOND));
    let mut sent = tokio::task::JoinSet::new();
    for number in 0..GOOD {
        let request = good.request(example, first + number);
        tick.tick().await;
        sent.spawn(request.send());
    }
    while let Some(answer) = sent.join_next().await {
        let status = answer.expect("joined").expect("an answer").status();
        assert!(status == 202, "{status}");
    }
    applied(good, first).await
}

/// Keep the hostile plugins busy.
async fn pester(bad: &[Client], example: &Recorded) {
    let mut tick = tokio::time::interval(HOSTILE_EVERY);
    let mut sent = tokio::task::JoinSet::new();
    for number in 0.. {
        for client in bad {
            tick.tick().await;
            sent.spawn(client.request(example, number).send());
            while let Some(answer) = sent.try_join_next() {
                let status = answer.expect("joined").expect("an answer").status();
                assert!(status == 202, "{status}");
            }
        }
    }
}

/// Wait until all good deliveries of a run are done, or for as long as patience lasts.
async fn applied(good: &Client, first: u64) -> Vec<f64> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let done = done(good, first).await;
        if done.len() as u64 == GOOD || Instant::now() > deadline {
            return done.into_values().collect();
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn done(good: &Client, first: u64) -> HashMap<String, f64> {
    let mut done = HashMap::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/api/v1/deliveries?connection={}&state=done&limit=200{cursor}", good.connection);
        let page: Value = good.get(&path).send().await.expect("an answer").json().await.expect("a page");
        for delivery in page["items"].as_array().expect("items") {
            let id = delivery["delivery_id"].as_str().unwrap_or_default();
            let number = id.strip_prefix("bench-").and_then(|id| id.parse::<u64>().ok()).unwrap_or(0);
            if (first..first + GOOD).contains(&number) {
                done.insert(id.to_owned(), wait_ms(delivery));
            }
        }
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return done,
        }
    }
}

fn wait_ms(delivery: &Value) -> f64 {
    let at = |field: &str| {
        let text = delivery[field].as_str().expect("a finished delivery has its times");
        chrono::DateTime::parse_from_rfc3339(text).expect("a time").timestamp_micros()
    };
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let micros = (at("finished_at") - at("received_at")) as f64;
    micros / 1000.0
}
