//! `cargo xtask crash`: a host is killed again and again while deliveries stream in, and nothing may be lost, applied
//! twice or forgotten.
//!
//! Three worlds are played: a host on SQLite, two hosts on PostgreSQL, Redis and Kafka, and a host whose power goes. In
//! the first two the host dies at every named step that it takes (`opssight_backends::failpoint`), which a calm run finds
//! out, then by `SIGKILL` at random moments. The disk fills up and is slow, the clock is set; a host stands still for longer
//! than its leases, the database dies, the network fails, Redis and the broker are away. Senders do what upstreams do: what
//! was not answered is sent again, under the same id.
#![expect(clippy::print_stdout, clippy::expect_used, reason = "a program for its author")]
#![expect(clippy::indexing_slicing, reason = "a program for its author")]

mod check;
#[path = "../parts/client.rs"]
mod client;
mod clock;
mod counter;
mod database;
mod disasters;
mod host;
mod late;
#[path = "../parts/launch.rs"]
mod launch;
mod load;
mod power;
#[path = "../parts/recorded.rs"]
mod recorded;
mod servers;
mod topic;
mod trace;
mod wire;
mod world;

use check::Verdict;
use std::process::ExitCode;
use std::time::Instant;
use world::{Kind, World};

/// `crash OPSSIGHT KILLS SEED`, with the programs of servers in the environment.
fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [binary, kills, seed] = args.as_slice() else {
        println!("use: crash OPSSIGHT KILLS SEED");
        return ExitCode::from(2);
    };
    let (kills, seed): (u32, u64) = (kills.parse().expect("a number of kills"), seed.parse().expect("a seed"));
    // Before anything runs that would be left behind.
    servers::look_for_programs();
    clock::library();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let verdict = runtime.block_on(async {
        // Two thirds where one process has everything, one third where two share it.
        let mut verdict = played(binary, Kind::Sqlite, kills - kills / 3, seed).await;
        verdict.add(&played(binary, Kind::Servers, kills / 3, seed).await);
        verdict.add(&without_power(binary, kills, seed).await);
        verdict
    });
    println!(
        "kills {}, lost {}, duplicated {}, missed timers {}",
        verdict.kills, verdict.lost, verdict.duplicated, verdict.missed
    );
    if verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn played(binary: &str, kind: Kind, kills: u32, seed: u64) -> Verdict {
    let begun = Instant::now();
    println!("{}: {kills} kills, seed {seed} ...", kind.name());
    let mut world = World::begin(binary, kind, seed).await;
    // While its files are small.
    world.fills_its_disk().await;
    world.dies(kills).await;
    world.suffers().await;
    let verdict = world.end().await;
    println!(
        "{}: {} deliveries accepted, {} of them after a timer; {} s",
        kind.name(),
        verdict.accepted,
        verdict.timers,
        begun.elapsed().as_secs()
    );
    verdict
}

/// A third, small one, whose power goes as often as hosts die.
async fn without_power(binary: &str, cuts: u32, seed: u64) -> Verdict {
    println!("SQLite, {cuts} power cuts, seed {seed} ...");
    let mut world = World::begin(binary, Kind::Sqlite, seed).await;
    world.loses_power(cuts).await;
    world.end().await
}
