//! `cargo xtask demo`: from a clean clone to pipelines that move in the browser.
//!
//! It builds everything, starts the host on embedded stores in an empty folder, makes a GitHub connection and plays
//! real deliveries through the public hook endpoint. Then it works out from the raw payloads what the read model must
//! hold, and compares. What it prints as a summary is what the API showed, not what was hoped for.

mod compare;
mod expect;
mod payload;
mod play;
mod recorded;
mod story;
#[cfg(test)]
mod tests;
mod upstream;

use crate::host::{self, Api, Host};
use crate::process::{headline, print, say};
use crate::workspace::Workspace;
use crate::{interrupt, plugins, web};
use anyhow::{Context, Result, bail};
use compare::{Shown, Window};
use expect::Expected;
use play::{Answers, Stage};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use story::Told;

/// Where the demo answers unless told otherwise.
const PORT: u16 = 7311;
/// How many days the shown delivery metrics cover.
const DAYS: i64 = 30;
/// How long the story goes on while the demo stays open, seconds.
const AHEAD: i64 = 2 * 3600;

/// Options of the demo.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Stop after checking, and print the outcome as one JSON object on the last line.
    #[arg(long)]
    exit: bool,
    /// Port on 127.0.0.1 [default: 7311, or a free one]
    #[arg(long)]
    port: Option<u16>,
    /// Keep the data here (an empty or new folder) instead of throwing it away.
    #[arg(long)]
    data: Option<PathBuf>,
}

/// One webhook delivery.
pub(crate) struct Delivery {
    /// `x-github-event`.
    event: String,
    /// `x-github-delivery`.
    id: String,
    /// The exact bytes.
    body: String,
}

impl Delivery {
    /// A delivery id in GitHub's form that follows from its place in a series.
    fn id(series: usize, place: usize) -> String {
        format!("{series:08x}-0de0-4000-8000-{place:012x}")
    }
}

/// Everything that was found out.
struct Outcome {
    answers: Answers,
    errors: u64,
    shown: Shown,
    window: Window,
    metrics: Vec<Value>,
}

pub(crate) fn run(workspace: &Workspace, args: &Args) -> Result<ExitCode> {
    prepare(workspace)?;
    let temporary = tempfile::tempdir().context("make a folder for the demo's data")?;
    let data = args.data.as_deref().unwrap_or(temporary.path());
    let recorded = recorded::load(workspace)?;
    let now = now();
    let told = story::tell(&recorded, now, if args.exit { now } else { now + AHEAD })?;
    let (past, ahead): (Vec<Told>, Vec<Told>) = told.into_iter().partition(|told| told.at <= now);
    let past: Vec<Delivery> = past.into_iter().map(|told| told.delivery).collect();

    headline("Start");
    interrupt::watch()?;
    let host = start(workspace, args, data)?;
    let api = host.sign_in()?;
    let upstream = upstream::start()?;
    let stage = play::connect(&api, &upstream)?;
    say(&format!("    {} runs on embedded stores in {}", host.address, data.display()));
    say(&format!("    connection {} takes signed deliveries. The demo calls nobody outside: in", stage.connection));
    say(&format!("    GitHub's place, {upstream} answers the plugin: no repositories, and it takes no orders."));

    let outcome = play(&api, &stage, &recorded, &past, now)?;
    summary(&outcome, recorded.len(), past.len());
    let good = outcome.is_good();
    if args.exit {
        host.stop()?;
        print(&outcome.json().to_string())?;
    } else {
        stay(host, &api, &stage, &ahead, now)?;
    }
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything that the host needs, in the order in which one goes into the other: the dashboard into the host, and the
/// host packs the plugins.
pub(crate) fn prepare(workspace: &Workspace) -> Result<()> {
    web::build(workspace)?;
    plugins::build(workspace, None).map(drop)
}

/// A host with the demo's data in it, for tests that look at it through a browser.
pub(crate) fn furnished(workspace: &Workspace, data: &Path) -> Result<Host> {
    let recorded = recorded::load(workspace)?;
    let now = now();
    let told = story::tell(&recorded, now, now)?;
    let past: Vec<Delivery> = told.into_iter().filter(|told| told.at <= now).map(|told| told.delivery).collect();
    let host = Host::start(workspace, data, host::free_port(None)?)?;
    let api = host.sign_in()?;
    let stage = play::connect(&api, &upstream::start()?)?;
    stage.play(&api, "recorded deliveries", &recorded)?;
    stage.play(&api, "derived deliveries", &past)?;
    let failed = stage.settle(&api)?;
    anyhow::ensure!(failed == 0, "{failed} of the demo's deliveries failed");
    Ok(host)
}

fn start(workspace: &Workspace, args: &Args, data: &Path) -> Result<Host> {
    if std::fs::read_dir(data).is_ok_and(|mut files| files.next().is_some()) {
        bail!("{} is not empty: the demo begins with an empty folder", data.display());
    }
    let port = match args.port {
        Some(port) => host::free_port(Some(port))?,
        None if args.exit => host::free_port(None)?,
        None => host::free_port(Some(PORT)).or_else(|_| host::free_port(None))?,
    };
    Host::start(workspace, data, port)
}

fn play(api: &Api, stage: &Stage, recorded: &[Delivery], derived: &[Delivery], now: i64) -> Result<Outcome> {
    headline("Play");
    let mut answers = stage.play(api, "recorded deliveries", recorded)?;
    let more = stage.play(api, "deliveries derived from recorded payloads", derived)?;
    answers.accepted += more.accepted;
    answers.rejected += more.rejected;
    let errors = stage.settle(api)?;

    headline("Compare");
    let expected = Expected::of(recorded.iter().chain(derived))?;
    let mut shown = compare::compare(api, &expected)?;
    let window = Window::ending(now * 1000, DAYS);
    let metrics = caught_up(api, &expected, window, &mut shown)?;
    // What was recorded happened years ago: its deployments have windows of their own.
    for at in expected.verdict_times().into_iter().filter(|at| *at < window.from) {
        caught_up(api, &expected, Window::ending(at, DAYS), &mut shown)?;
    }
    Ok(Outcome { answers, errors, shown, window, metrics })
}

/// The metrics follow the event log and may be a moment behind it.
fn caught_up(api: &Api, expected: &Expected, window: Window, shown: &mut Shown) -> Result<Vec<Value>> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let (metrics, differences) = compare::metrics(api, expected, window)?;
        if differences.is_empty() || Instant::now() > deadline {
            shown.differences.extend(differences);
            return Ok(metrics);
        }
        interrupt::check()?;
        std::thread::sleep(Duration::from_millis(250));
    }
}

impl Outcome {
    fn is_good(&self) -> bool {
        self.answers.rejected == 0 && self.errors == 0 && self.shown.differences.is_empty()
    }

    /// The service and environment that was deployed to most: metrics of several are never blended.
    fn busiest(&self) -> Option<&Value> {
        let count = |row: &Value, name: &str| row.pointer(&format!("/counts/{name}")).and_then(Value::as_u64);
        self.metrics.iter().max_by_key(|row| {
            let production = row.get("environment").and_then(Value::as_str) == Some("production");
            (production, count(row, "succeeded").unwrap_or(0) + count(row, "failed").unwrap_or(0))
        })
    }

    fn json(&self) -> Value {
        let of = |name: &str| self.busiest().and_then(|row| row.get(name)).cloned().unwrap_or(Value::Null);
        let time = |at: i64| payload::time(at / 1000);
        json!({
            "accepted": self.answers.accepted,
            "rejected": self.answers.rejected,
            "runs": self.shown.runs,
            "jobs": self.shown.jobs,
            "deployments": self.shown.deployments,
            "changes": self.shown.changes,
            "errors": self.errors,
            "differences": self.shown.differences.len(),
            "delivery": {
                "service": of("service"),
                "environment": of("environment"),
                "from": time(self.window.from),
                "to": time(self.window.to),
                "deployment_frequency_per_day": of("deployment_frequency_per_day"),
                "change_lead_time_ms_p50": of("change_lead_time_ms_p50"),
                "change_fail_rate": of("change_fail_rate"),
                "failed_deployment_recovery_time_ms_p50": of("failed_deployment_recovery_time_ms_p50"),
                "deployment_rework_rate": of("deployment_rework_rate"),
            },
        })
    }
}

fn summary(outcome: &Outcome, recorded: usize, derived: usize) {
    let Outcome { answers, errors, shown, .. } = outcome;
    say(&format!(
        "    {recorded} recorded deliveries, {derived} derived from recorded payloads (ids and times shifted)"
    ));
    say(&format!("    accepted {}, rejected {}, failed {errors}", answers.accepted, answers.rejected));
    say(&format!(
        "    the API shows {} runs, {} jobs, {} deployments, {} changes",
        shown.runs, shown.jobs, shown.deployments, shown.changes
    ));
    if shown.differences.is_empty() {
        say("    which is what the payloads say; so are the five delivery metrics of every service and environment");
        return;
    }
    say(&format!("    which differs from what the payloads say in {} places:", shown.differences.len()));
    for difference in shown.differences.iter().take(20) {
        say(&format!("    - {difference}"));
    }
}

/// Keep it open, and go on with the story, until Ctrl-C.
fn stay(mut host: Host, api: &Api, stage: &Stage, ahead: &[Told], now: i64) -> Result<()> {
    print(&format!("\nOpsSight is open at {}", host.address))?;
    print(&format!("Sign in with the admin secret: {}", host.secret.as_deref().unwrap_or_default()))?;
    print("Runs go on moving (derived from recorded payloads). Press Ctrl-C to stop and clean up.")?;
    let begun = Instant::now();
    let mut ahead = ahead.iter().peekable();
    while !interrupt::seen() {
        if !host.is_running() {
            bail!("opssight ended by itself; its log ends with:\n{}", host.log_end());
        }
        let elapsed = i64::try_from(begun.elapsed().as_secs()).unwrap_or(i64::MAX);
        while let Some(told) = ahead.next_if(|told| told.at <= now + elapsed) {
            let answer = stage.deliver(api, &told.delivery)?;
            if !(200..300).contains(&answer.status) {
                say(&format!("a {} delivery was answered {}: {}", told.delivery.event, answer.status, answer.body));
            }
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    say("\nStopping ...");
    host.stop()
}

/// The story is told as of now; nothing else here asks for the time of day.
#[expect(clippy::disallowed_methods, reason = "a demo shows the present; the host's own clock is another process's")]
fn now() -> i64 {
    chrono::Utc::now().timestamp()
}
