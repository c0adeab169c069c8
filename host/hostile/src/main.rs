//! `opssight-hostile`: runs the hostile corpus. `cargo xtask hostile` builds and calls it.
#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use anyhow::{Context, Result, bail};
use clap::Parser;
use opssight_hostile::arena::COMPILE_WORKER;
use opssight_hostile::mutate::long::{self, Plan};
use opssight_hostile::run::{self, Verdict};
use opssight_hostile::{Case, Options, cases, neighbours, table};
use opssight_runtime::{CellLimits, compile_worker};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// Attack the plugin host in every way that the corpus knows.
#[derive(Parser)]
struct Cli {
    /// Only this row, or all of its variants: "58", "74c", "X1". May be repeated.
    #[arg(long)]
    row: Vec<String>,
    /// What random choices begin with.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many broken packages row 20 makes.
    #[arg(long, default_value_t = 2_000)]
    mutants: u32,
    /// Change things at random for so long, instead of running rows: "30m", "90s"; "0s" is one mutant.
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with_all = ["row", "mutants"])]
    mutate: Option<Duration>,
    /// The mutant to begin with.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Where mutants are kept that should not have gone as they went.
    #[arg(long, value_name = "DIR", default_value = "target/hostile")]
    save: PathBuf,
    /// Print the page of the documentation, and run nothing.
    #[arg(long)]
    table: bool,
    /// Write the packages of twenty cases into this folder, and run nothing.
    #[arg(long, value_name = "DIR")]
    packages: Option<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let args: Vec<String> = std::env::args().collect();
    // It locks the process in, for which there must be no other thread yet.
    if let [_, command, memory_mib, cpu_secs] = args.as_slice()
        && command == COMPILE_WORKER
    {
        let limits = CellLimits { memory_mib: memory_mib.parse()?, cpu_secs: cpu_secs.parse()? };
        return Ok(ExitCode::from(compile_worker(limits)));
    }
    // Only fails where a provider is installed already.
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if let [_, command, seed, mutants, rows @ ..] = args.as_slice()
        && command == "attacked"
    {
        run::attacked(rows, Options { seed: seed.parse()?, mutants: mutants.parse()? })?;
        return Ok(ExitCode::SUCCESS);
    }
    if let [_, command, seed, from, millis, place] = args.as_slice()
        && command == "mutating"
    {
        let time = Duration::from_millis(millis.parse()?);
        long::mutating(seed.parse()?, from.parse()?, time, Path::new(place))?;
        return Ok(ExitCode::SUCCESS);
    }
    let cli = Cli::parse();
    if let Some(time) = cli.mutate {
        return mutate(Plan { seed: cli.seed, from: cli.from, time, save: cli.save });
    }
    if cli.table {
        print!("{}", table::page(&cases()));
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(folder) = &cli.packages {
        for (name, package) in neighbours() {
            let path = folder.join(format!("{name}.wasm"));
            std::fs::write(&path, package).with_context(|| format!("write {}", path.display()))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    attack(&cli)
}

/// "90s", "30m", "2h".
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("\"{text}\" is no time: write it as 90s, 30m or 2h");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3_600,
        _ => return Err(wrong()),
    };
    let number: u64 = text.strip_suffix(['s', 'm', 'h']).and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
    Ok(Duration::from_secs(number.saturating_mul(unit)))
}

fn mutate(plan: Plan) -> Result<ExitCode> {
    println!("seed {}, from mutant {}, for {:?}", plan.seed, plan.from, plan.time);
    let outcome = long::run(&plan, |line| println!("{line}"))?;
    for (how, count) in &outcome.tally {
        println!("{count:>10}  {how}");
    }
    for cost in &outcome.costs {
        println!(
            "{} s, {} s of CPU, +{} MiB, {} MiB remain, door p99 {:.1} ms, {} of {} ticks late, the longest {:.1} ms",
            cost.wall_ms / 1_000,
            cost.cpu_ms / 1_000,
            cost.rss_mib,
            cost.remains_mib,
            cost.door_p99_ms,
            cost.late,
            cost.ticks,
            cost.tick_max_ms
        );
    }
    for wrong in &outcome.wrong {
        println!("FAILED {wrong}");
    }
    let failed = outcome.found.len() + outcome.wrong.len();
    println!("{} attacks, {failed} failed", outcome.attacks());
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn attack(cli: &Cli) -> Result<ExitCode> {
    let chosen: Vec<Case> = cases().into_iter().filter(|case| wanted(case, &cli.row)).collect();
    if chosen.is_empty() {
        bail!("there is no row {}", cli.row.join(", "));
    }
    println!(
        "{:5} {:24} {:>7} {:>6} {:>5} {:>7} {:>7}  {:9} outcome",
        "row", "name", "cpu ms", "MiB", "left", "door ms", "tick ms", "verdict"
    );
    let options = Options { seed: cli.seed, mutants: cli.mutants };
    let verdicts = run::run(&chosen, options, print)?;
    let failed = verdicts.iter().filter(|verdict| !verdict.wrong.is_empty()).count();
    println!("{} contained, {failed} failed", verdicts.len() - failed);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// "74" is 74a to 74r; "74c" is only itself.
fn wanted(case: &Case, rows: &[String]) -> bool {
    let variant_of = |row: &String| {
        case.row.strip_prefix(row.as_str()).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    rows.is_empty() || rows.iter().any(variant_of)
}

fn print(case: &Case, verdict: &Verdict) {
    let (cost, fine) = (&verdict.cost, verdict.wrong.is_empty());
    println!(
        "{:5} {:24} {:>7} {:>6} {:>5} {:>7.1} {:>7.1}  {:9} {}",
        case.row,
        case.name,
        cost.cpu_ms,
        format!("+{}", cost.rss_mib),
        format!("+{}", cost.remains_mib),
        cost.door_p99_ms,
        cost.tick_max_ms,
        if fine { "contained" } else { "FAILED" },
        verdict.outcome
    );
    for wrong in &verdict.wrong {
        println!("      {wrong}");
    }
    if let Some(first) = &verdict.first_try {
        println!(
            "      (second try; first: door {:.1} ms, {} of {} ticks late)",
            first.door_p99_ms, first.late, first.ticks
        );
    }
}
