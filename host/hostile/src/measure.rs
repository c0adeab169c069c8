//! What a case costs the host and its neighbours.
//!
//! Two tasks run on the host's own (API's) runtime all the time: a *door*, which answers requests on loopback as
//! `/healthz` does and is asked every ten milliseconds, and a *canary*, a plugin that is called every hundred. Latencies are
//! counted from when the request was due, so that one that could not even be made counts as well.

use crate::arena::{Arena, NOW};
use anyhow::{Context, Result};
use opssight_core::id::{ConnectionId, PluginId};
use opssight_core::plugins::installs::PluginRuntime;
use opssight_core::plugins::{CallPriority, CallTarget, Grants, Plugins, WebhookDelivery};
use opssight_runtime::PluginHost;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const DOOR_EVERY: Duration = Duration::from_millis(10);
const TICK: Duration = Duration::from_millis(100);
/// A tick that is not answered within this time is late: ten ticks.
const LATE: Duration = Duration::from_secs(1);
/// The rule of all cases, for the door.
pub(crate) const DOOR_P99_MS: f64 = 50.0;
/// The rule of all cases: so much memory may remain, MiB.
pub(crate) const REMAINS_MIB: u64 = 10;
/// No case is judged by fewer samples of the door.
const LEAST: Duration = Duration::from_millis(210);
/// How long memory may take to come back.
const SETTLE: Duration = Duration::from_secs(3);

/// What was measured while a case ran.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Start to end.
    pub wall_ms: u64,
    /// Of the host process and its children.
    pub cpu_ms: u64,
    /// Peak of resident memory above where it began, MiB.
    pub rss_mib: u64,
    /// What of it remained, MiB.
    pub remains_mib: u64,
    /// 99th percentile of the door's answers, ms.
    pub door_p99_ms: f64,
    /// Answers of the door that failed.
    pub door_failed: u64,
    /// The canary's ticks.
    pub ticks: u64,
    /// Those of them that were not answered in time.
    pub late: u64,
    /// Those of them whose call failed.
    pub failed: u64,
    /// What the first of those failed with.
    pub failed_with: Option<String>,
    /// Longest tick, ms.
    pub tick_max_ms: f64,
}

#[derive(Default)]
struct Samples {
    door_ms: Vec<f64>,
    door_failed: u64,
    ticks_ms: Vec<f64>,
    late: u64,
    failed: u64,
    failed_with: Option<String>,
}

/// The two tasks.
pub struct Watch(Arc<Mutex<Samples>>);

/// Resident memory when the attack began, KiB.
static BASE: AtomicU64 = AtomicU64::new(0);

/// What is compared with later.
pub struct Begun {
    at: Instant,
    cpu: Duration,
}

/// The case has made what it attacks with; from here on, memory is the host's.
pub(crate) fn ready() {
    BASE.store(rss_kib("VmRSS:"), Ordering::Relaxed);
    forget_peak();
}

impl Watch {
    /// Start them on the runtime of the caller.
    pub async fn start(arena: &Arena) -> Result<Self> {
        let samples = Arc::new(Mutex::new(Samples::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.context("open the door")?;
        let door = TcpStream::connect(listener.local_addr()?).await.context("reach the door")?;
        tokio::spawn(async move {
            let Ok((stream, _)) = listener.accept().await else { return };
            let mut stream = BufReader::new(stream);
            while head(&mut stream).await.is_ok() && stream.write_all(HEALTHY).await.is_ok() {}
        });
        tokio::spawn(knock(BufReader::new(door), Arc::clone(&samples)));
        let target = canary(&arena.host).await?;
        tokio::spawn(tick(Arc::clone(&arena.host), target, Arc::clone(&samples)));
        Ok(Self(samples))
    }

    /// A case begins.
    pub fn begin(&self) -> Begun {
        *self.0.lock().unwrap() = Samples::default();
        ready();
        Begun { at: Instant::now(), cpu: cpu() }
    }

    /// It has ended: what it cost.
    pub async fn end(&self, begun: Begun) -> Cost {
        let wall = begun.at.elapsed();
        let cpu = cpu().saturating_sub(begun.cpu);
        let peak = rss_kib("VmHWM:");
        if let Some(rest) = LEAST.checked_sub(wall) {
            tokio::time::sleep(rest).await;
        }
        // A tick that is under way belongs to this case.
        tokio::time::sleep(TICK).await;
        let above = |rss: u64| rss.saturating_sub(BASE.load(Ordering::Relaxed)) >> 10;
        let patience = Instant::now();
        while above(rss_kib("VmRSS:")) > REMAINS_MIB && patience.elapsed() < SETTLE {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let mut samples = std::mem::take(&mut *self.0.lock().unwrap());
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Cost {
            wall_ms: millis(wall),
            cpu_ms: millis(cpu),
            rss_mib: above(peak),
            remains_mib: above(rss_kib("VmRSS:")),
            door_p99_ms: percentile(&mut samples.door_ms, 99),
            door_failed: samples.door_failed,
            ticks: samples.ticks_ms.len() as u64,
            late: samples.late,
            failed: samples.failed,
            failed_with: samples.failed_with,
            tick_max_ms: percentile(&mut samples.ticks_ms, 100),
        }
    }
}

const HEALTHY: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// The lines of a message up to the empty one; the first of them.
async fn head(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let (mut first, mut line) = (String::new(), String::new());
    while line != "\r\n" {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if first.is_empty() {
            first.clone_from(&line);
        }
    }
    Ok(first)
}

async fn knock(mut door: BufReader<TcpStream>, samples: Arc<Mutex<Samples>>) {
    let mut due = Instant::now();
    loop {
        due += DOOR_EVERY;
        tokio::time::sleep_until(due.into()).await;
        let answered = async {
            door.write_all(b"GET /healthz HTTP/1.1\r\nhost: door\r\n\r\n").await?;
            head(&mut door).await
        };
        let ok = answered.await.is_ok_and(|status| status.starts_with("HTTP/1.1 204 "));
        let mut samples = samples.lock().unwrap();
        samples.door_ms.push(due.elapsed().as_secs_f64() * 1000.0);
        samples.door_failed += u64::from(!ok);
    }
}

/// A guest that means well: it turns a delivery into nothing, at once.
async fn canary(host: &Arc<PluginHost>) -> Result<CallTarget> {
    use opssight_testkit::guests::{NOOP, manifest, package_of};
    let package = package_of(NOOP, &["health", "webhook"], &manifest(json!({ "id": "canary" })));
    let digest = opssight_core::plugins::digest_of(&package);
    host.load(&digest, package.into()).await.context("install the canary")?;
    let plugin = PluginId::from("canary");
    host.activate(&plugin, Some(&digest));
    Ok(CallTarget {
        connection: ConnectionId::from("c-canary"),
        plugin,
        digest: None,
        settings: Arc::new(json!({})),
        grants: Arc::new(Grants::default()),
        priority: CallPriority::Live,
    })
}

async fn tick(host: Arc<PluginHost>, target: CallTarget, samples: Arc<Mutex<Samples>>) {
    let mut due = Instant::now();
    loop {
        due += TICK;
        tokio::time::sleep_until(due.into()).await;
        let delivery = WebhookDelivery { headers: vec![], body: vec![b' '; 2_000], received_at: NOW };
        let outcome = tokio::time::timeout(LATE, host.receive(&target, delivery)).await;
        let mut samples = samples.lock().unwrap();
        samples.ticks_ms.push(due.elapsed().as_secs_f64() * 1000.0);
        match outcome {
            Ok(Ok(_)) => continue,
            Ok(Err(error)) => {
                samples.failed += 1;
                samples.failed_with.get_or_insert_with(|| error.to_string());
            }
            Err(_) => samples.late += 1,
        }
        drop(samples);
        due = Instant::now();
    }
}

/// Nearest rank; 0 of nothing.
fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100).max(1);
    values.get(rank - 1).copied().unwrap_or(0.0)
}

/// Of this process and of its children that have ended.
pub(crate) fn cpu() -> Duration {
    let own = clock_gettime(ClockId::ProcessCPUTime);
    let own = Duration::new(u64::try_from(own.tv_sec).unwrap_or(0), u32::try_from(own.tv_nsec).unwrap_or(0));
    own + children()
}

fn children() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which may hold anything: field 3 is first; 16 and 17 are the children's times in 1/100 s.
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks = fields.split_whitespace().skip(13).take(2).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
    Duration::from_millis(ticks * 10)
}

fn rss_kib(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// Let the kernel's high-water mark of resident memory begin anew.
fn forget_peak() {
    // Where this is not allowed the mark is that of the whole run, which is stricter.
    let _allowed = std::fs::write("/proc/self/clear_refs", "5");
}
