//! `cargo xtask soak`: plugins come, change and go at random on a real host that has work to do all the while.
//!
//! Two plugins live through installs, updates, rollbacks, switches, revocations and uninstallations while deliveries
//! stream in for both. At the end every accepted delivery must be done with, and the host's memory must not have grown.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a soak is a program for its author")]
#![expect(clippy::indexing_slicing, reason = "a soak is a program for its author")]

#[path = "../parts/client.rs"]
mod client;
mod desk;
mod host;
#[path = "../parts/launch.rs"]
mod launch;
mod memory;
mod stream;

use desk::Desk;
use host::Host;
use memory::Memory;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use stream::Stream;

/// How far and from where: `soak OPSSIGHT STEPS SEED`.
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [binary, steps, seed] = args.as_slice() else {
        println!("use: soak OPSSIGHT STEPS SEED");
        return ExitCode::from(2);
    };
    let (steps, seed) = (steps.parse().expect("a number of steps"), seed.parse().expect("a seed"));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    if runtime.block_on(soak(binary, steps, seed)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn soak(binary: &str, steps: u32, seed: u64) -> bool {
    let dir = tempfile::tempdir().expect("a folder");
    let host = Host::start(binary, dir.path());
    let client = host.sign_in().await;
    let mut desk = Desk::open(client.clone(), seed);
    let mut streams = Vec::new();
    for plugin in desk::PLUGINS {
        desk.install(plugin).await;
        let (connection, secret) = host::connect(&client, plugin).await;
        streams.push(Stream::start(client.clone(), connection, secret));
    }
    let (mut memory, begun) = (Memory::default(), Instant::now());
    for step in 0..steps {
        desk.step().await;
        if step % 10 == 0 {
            memory.note(step, host.memory_kib());
        }
        if step % 250 == 249 {
            println!("{:>6} steps, {} s, {} MiB", step + 1, begun.elapsed().as_secs(), host.memory_kib() >> 10);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    desk.mend().await;
    let (mut accepted, mut lost) = (0, 0);
    for stream in streams {
        let told = stream.end().await;
        accepted += told.accepted;
        lost += told.lost;
    }
    println!("{}", desk.summary());
    println!("{}", memory.summary());
    println!("{accepted} deliveries accepted, {lost} lost");
    let good = lost == 0 && memory.is_flat() && desk.unexpected == 0 && accepted > 0;
    println!("steps {steps}, seed {seed}: {}", if good { "ok" } else { "FAILED" });
    good
}
