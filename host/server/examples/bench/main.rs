//! `cargo xtask bench`: what things cost, as ratios against peers measured in the same run.
//!
//! CPU per call is thread time and holds on a busy machine; wall times are what this machine gave. The profile is
//! the one that tests and demo use (hot packages optimised), so that no second build of wasmtime is needed; the
//! table says so.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench is a program for its author")]
#![expect(clippy::indexing_slicing, reason = "a bench is a program for its author")]

mod calls;
mod host;
mod native;
mod noisy;
mod path;
mod peer;
mod peers;
#[path = "../parts/recorded.rs"]
mod recorded;
mod series;

use opssight_runtime::{CellLimits, compile_worker};
use serde_json::{Map, Value};

/// The figures, in the order in which they were taken.
#[derive(Default)]
struct Figures(Map<String, Value>);

impl Figures {
    fn put(&mut self, name: &str, value: f64) {
        // Three digits are more than these figures are good for.
        let rounded = if value >= 100.0 { value.round() } else { (value * 100.0).round() / 100.0 };
        self.0.insert(name.to_owned(), rounded.into());
    }

    fn get(&self, name: &str) -> f64 {
        self.0.get(name).and_then(Value::as_f64).unwrap_or(f64::NAN)
    }

    fn row(&self, name: &str, aim: &str, meaning: &str) {
        let value = self.0.get(name).map_or_else(|| "-".to_owned(), ToString::to_string);
        println!("{name:36} {value:>10}  {aim:12} {meaning}");
    }
}

fn main() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        // This program is its own peers: the host (with and without sandbox) and the subprocess plugin.
        Some("host") => return host::run(&args[1..]),
        // The sandboxed host compiles by starting its own program, which is this one.
        Some("compile-worker") => {
            let number = |at: usize| args[at].parse().expect("a number");
            let limits = CellLimits { memory_mib: number(1), cpu_secs: number(2) };
            std::process::exit(compile_worker(limits).into());
        }
        Some("peer") => return peer::serve(&args[1]),
        _ => {}
    }
    let mut figures = Figures::default();
    // It needs none of the rest, and takes a minute or two.
    if args.first().is_some_and(|arg| arg == "series") {
        series::measure(&mut figures);
        return print(&figures, &args);
    }
    let package = opssight_testkit::build_plugin("opssight-plugin-github").expect("the GitHub plugin builds");
    // Each alone takes a minute or two; all takes many.
    let only = args.first().map(String::as_str).filter(|arg| ["noisy", "deliveries"].contains(arg));
    if only.is_none() {
        calls::measure(&mut figures, &package);
        peers::measure(&mut figures, &package, &args);
    }
    if only != Some("noisy") {
        path::measure(&mut figures, &package);
    }
    if only != Some("deliveries") {
        noisy::measure(&mut figures, &package);
    }
    print(&figures, &args);
}

fn print(figures: &Figures, args: &[String]) {
    println!("\n{:36} {:>10}  {:12} meaning", "figure", "value", "aim");
    if args.first().is_some_and(|arg| arg == "series") {
        series::print(figures);
    } else {
        table(figures);
    }
    println!("\ncargo profile: dev with optimised hot packages; best of several rounds; {} cores", cores());
    if args.iter().any(|arg| arg == "--json") {
        println!("{}", Value::Object(figures.0.clone()));
    }
}

fn table(figures: &Figures) {
    figures.row("plugin_fresh_call_us", "<= 20", "no-op call, fresh instance, every limit on (thread CPU)");
    figures.row("plugin_warm_call_us", "<= 0.5", "the same on a warm instance");
    figures.row("bare_fresh_call_us", "", "the same on bare wasmtime, same bytes and engine settings");
    figures.row("bare_warm_call_us", "", "");
    figures.row("plugin_fresh_over_bare", "<= 1.15", "what the host adds");
    figures.row("normalise_native_us", "", "a recorded workflow_run delivery, parsed in process");
    figures.row("normalise_fresh_us", "", "in a fresh sandbox");
    figures.row("normalise_warm_us", "", "in a warm sandbox");
    figures.row("normalise_bare_us", "", "in a fresh instance on bare wasmtime");
    figures.row("normalise_fresh_over_bare", "<= 1.15", "what the host adds to a call that does something");
    figures.row("normalise_subprocess_us", "", "in a warm subprocess over a Unix socket (both processes' CPU)");
    figures.row("normalise_sandbox_over_native", "<= 4", "fresh sandbox / native");
    figures.row("normalise_sandbox_over_subprocess", "< 1", "fresh sandbox / warm subprocess");
    figures.row("normalise_extism_fresh_us", "", "Extism 1.30, a fresh plugin a call, same parser (--peers)");
    figures.row("normalise_extism_warm_us", "", "Extism 1.30, one plugin for all calls");
    figures.row("fresh_per_s", "", "fresh sandboxed calls a second, one thread");
    figures.row("extism_fresh_per_s", "", "the same in Extism");
    figures.row("fresh_throughput_over_extism", ">= 2", "ours / Extism's, fresh");
    figures.row("warm_cpu_under_extism", ">= 2", "Extism's CPU a warm call / ours");
    figures.row("instance_idle_kib", "", "resident memory of a live instance of 1,000");
    figures.row("instance_called_kib", "", "the same after a call with the recorded delivery");
    figures.row("deliveries_per_s", "", "POST to applied, whole path, sandboxed");
    figures.row("cpu_us_per_delivery", "", "the host's CPU");
    figures.row("accepted_p99_ms", "", "POST to answer, 32 at once, as fast as they are taken");
    figures.row("deliveries_per_s_postgres", "", "the same on PostgreSQL on this machine");
    figures.row("cpu_us_per_delivery_postgres", "", "the host's CPU, without the database's");
    figures.row("accepted_p99_ms_postgres", "", "");
    figures.row("postgres_over_sqlite", "", "deliveries a second");
    figures.row("deliveries_per_s_postgres_two_hosts", "", "two hosts on one database, on the same cores");
    figures.row("accepted_p99_ms_postgres_two_hosts", "", "");
    figures.row(
        "deliveries_per_s_servers_1_worker",
        "",
        "PostgreSQL, Redis, Kafka; one process at the door, one works",
    );
    figures.row("cpu_us_per_delivery_servers_1_worker", "", "both processes'");
    figures.row("accepted_p99_ms_servers_1_worker", "", "");
    figures.row("servers_over_sqlite", "", "deliveries a second");
    figures.row("deliveries_per_s_servers_2_workers", "", "two work, on the same cores");
    figures.row("accepted_p99_ms_servers_2_workers", "", "");
    figures.row("deliveries_per_s_no_sandbox", "", "the same, plugin code linked into the host");
    figures.row("cpu_us_per_delivery_no_sandbox", "", "");
    figures.row("sandbox_cpu_over_no_sandbox", "", "what the sandbox costs a delivery");
    figures.row("hook_to_live_p50_ms", "", "POST to live event at a steady 50/s");
    figures.row("hook_to_live_p99_ms", "<= 250", "");
    figures.row("idle_rss_mib", "<= 150", "resident memory, idle, GitHub plugin loaded");
    figures.row("warm_start_ms", "<= 500", "cold process to ready, warm AOT cache");
    figures.row("quiet_p99_ms", "", "good deliveries, received to applied, alone");
    figures.row("noisy_p99_over_quiet", "<= 2", "the same beside twenty hostile plugins under load, median of rounds");
    figures.row("noisy_p99_over_quiet_worst", "", "and in the worst round");
    figures.row("noisy_rss_mib", "<= 512", "the host's peak of resident memory meanwhile");
    figures.row("noisy_rss_growth_mib", "", "and how much of it the hostile plugins brought");
    figures.row("noisy_lost", "0", "good deliveries that were not applied");
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
