//! The mutator for as long as one likes: a child process is the host under attack, and its parent starts another one
//! where it did not survive. What went wrong is kept as a file, with the words that make it again.

use super::{Found, Mutator, Tally, bytes_of};
use crate::arena::Arena;
use crate::attacked::Attacked;
use crate::case::Options;
use crate::measure::{Cost, REMAINS_MIB, Watch};
use crate::paper::{Paper, forget_log};
use crate::run::neighbour_failed;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What the host keeps for ever (tables of the engine, the allocator's stock) is there after so many.
const WARM_UP: u64 = 4_000;
/// So often the child says how far it is.
const TELL: u64 = 1_000;
/// A child that says nothing for so long hangs: so many attacks take seconds.
const SILENCE: Duration = Duration::from_secs(600);
/// The rule of all cases.
const GROWTH_MIB: u64 = 100;
/// More than this has one cause.
const MOST_FOUND: usize = 50;

/// How long to go on, and where to begin.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What chance begins with.
    pub seed: u64,
    /// The first mutant.
    pub from: u64,
    /// At least one, and then until so much time has passed.
    pub time: Duration,
    /// Where mutants are kept that should not have gone as they went.
    pub save: PathBuf,
}

/// How it went.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// How many of which ended how.
    pub tally: Tally,
    /// What should not have happened.
    pub found: Vec<Found>,
    /// What else broke the rule of all cases.
    pub wrong: Vec<String>,
    /// What the processes cost, the longest-lived last.
    pub costs: Vec<Cost>,
}

impl Outcome {
    /// All attacks.
    pub fn attacks(&self) -> u64 {
        self.tally.values().sum()
    }
}

/// What the child says, one line each.
#[derive(Debug, Serialize, Deserialize)]
enum Said {
    /// The next ones begin with this.
    At(u64),
    Found(Found),
    Ended {
        tally: Tally,
        cost: Box<Cost>,
    },
}

fn say(said: &Said) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(said)?)?;
    Ok(out.flush()?)
}

/// Be the host under attack.
pub fn mutating(seed: u64, from: u64, time: Duration, place: &Path) -> Result<()> {
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(Paper);
    log.with_env_filter("warn,opssight=info,opssight_runtime=info,opssight_core=info").init();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("api").enable_all().build()?;
    runtime.block_on(async {
        let arena = Arena::open(Options { seed, ..Options::default() })?;
        let watch = Watch::start(&arena).await?;
        let mut mutator = Mutator::open(&arena, seed).await?;
        let (began, mut begun, mut number) = (Instant::now(), watch.begin(), from);
        loop {
            // Said before it is tried, so that the parent knows what a host died of.
            if number.is_multiple_of(TELL) || number == from {
                say(&Said::At(number))?;
            }
            if number == from + WARM_UP {
                begun = watch.begin();
            }
            record(place, number)?;
            if let Some(found) = mutator.attack(number).await {
                say(&Said::Found(found))?;
            }
            number += 1;
            if began.elapsed() >= time {
                break;
            }
        }
        let tally = std::mem::take(&mut mutator.tally);
        mutator.close();
        forget_log();
        let cost = Box::new(watch.end(begun).await);
        say(&Said::Ended { tally, cost })
    })
}

/// The number of the mutant that is tried now, for whoever looks after this process died.
fn record(place: &Path, number: u64) -> Result<()> {
    std::fs::write(place, number.to_string()).context("write down which mutant is tried")
}

/// Attack for so long, in child processes of this program.
pub fn run(plan: &Plan, mut tell: impl FnMut(&str)) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let (began, mut from) = (Instant::now(), plan.from);
    let place = tempfile::NamedTempFile::new().context("make a file for where it is")?;
    loop {
        let left = plan.time.saturating_sub(began.elapsed());
        let mut attacked = start(plan.seed, from, left, place.path())?;
        let mut ended = false;
        while let Some(line) = attacked.line()? {
            match serde_json::from_str(&line) {
                Ok(Said::At(number)) if number.is_multiple_of(50 * TELL) => {
                    tell(&format!("at {number} after {} s, {} found", began.elapsed().as_secs(), outcome.found.len()));
                }
                Ok(Said::Found(found)) => keep(plan, found, &mut outcome, &mut tell)?,
                Ok(Said::Ended { tally, cost }) => {
                    ended = true;
                    judge(&cost, &mut outcome.wrong);
                    tally.into_iter().for_each(|(how, count)| *outcome.tally.entry(how).or_default() += count);
                    outcome.costs.push(*cost);
                }
                // Progress in between, and whatever else was printed.
                _ => {}
            }
        }
        let how = attacked.ended()?;
        if !ended {
            let number = std::fs::read_to_string(place.path())?.parse().unwrap_or(from);
            let (target, _) = bytes_of(plan.seed, number);
            let why = how.unwrap_or_else(|| "the host process ended too soon".to_owned());
            *outcome.tally.entry(format!("{target}: FAILED")).or_default() += 1;
            keep(plan, Found { number, target: target.to_owned(), why }, &mut outcome, &mut tell)?;
            from = number + 1;
        }
        if ended || began.elapsed() >= plan.time || outcome.found.len() >= MOST_FOUND {
            return Ok(outcome);
        }
    }
}

fn start(seed: u64, from: u64, time: Duration, place: &Path) -> Result<Attacked> {
    let time = time.as_millis().to_string();
    let place = place.to_str().context("write down where it is")?.to_owned();
    Attacked::start(&["mutating".to_owned(), seed.to_string(), from.to_string(), time, place], SILENCE)
}

/// Keep its bytes, and say how to make it again.
fn keep(plan: &Plan, found: Found, outcome: &mut Outcome, tell: &mut impl FnMut(&str)) -> Result<()> {
    std::fs::create_dir_all(&plan.save).with_context(|| format!("make {}", plan.save.display()))?;
    let (_, bytes) = bytes_of(plan.seed, found.number);
    let path = plan.save.join(format!("{}-{}-{}.bin", found.target, plan.seed, found.number));
    std::fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))?;
    tell(&format!("{} {}: {}", found.target, found.number, found.why));
    tell(&format!("    kept as {}; again: --mutate 0s --seed {} --from {}", path.display(), plan.seed, found.number));
    outcome.found.push(found);
    Ok(())
}

/// Latency is told and not judged: a run of half an hour shares its machine.
fn judge(cost: &Cost, wrong: &mut Vec<String>) {
    if cost.rss_mib > GROWTH_MIB || cost.remains_mib > REMAINS_MIB {
        wrong.push(format!("memory: it grew by {} MiB, and {} MiB remain", cost.rss_mib, cost.remains_mib));
    }
    if cost.door_failed > 0 {
        wrong.push(format!("the door failed {} times", cost.door_failed));
    }
    wrong.extend(neighbour_failed(cost));
}
