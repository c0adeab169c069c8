//! Running cases: a child process is the host under attack, and says how each case went; its parent prints that, and
//! starts another child where one did not survive.

use crate::arena::Arena;
use crate::attacked::Attacked;
use crate::case::{Case, Options};
use crate::measure::{Cost, DOOR_P99_MS, REMAINS_MIB, Watch};
use crate::paper::{Paper, forged, forget_log};
use crate::rows::cases;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::time::Duration;

/// No case takes longer, whatever happens.
const LONGEST: Duration = Duration::from_secs(300);
/// A host that says nothing for so long hangs: it has had the time for a case, for that case once more, and for what is
/// around them.
const SILENCE: Duration = Duration::from_secs(2 * LONGEST.as_secs() + 60);

/// How one case went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verdict {
    /// Which.
    pub row: String,
    /// What happened.
    pub outcome: String,
    /// What it cost.
    pub cost: Cost,
    /// Why it failed; empty when it was contained.
    pub wrong: Vec<String>,
    /// The first try failed by latency only, as a busy machine makes it: that try's cost.
    pub first_try: Option<Cost>,
}

/// What a child says, one line each.
#[derive(Debug, Serialize, Deserialize)]
enum Said {
    Begins(String),
    Ended(Box<Verdict>),
}

// --- the child ---

/// Be the host under attack: run these cases, in order, and say on standard output how each went.
pub fn attacked(rows: &[String], options: Options) -> Result<()> {
    let log = tracing_subscriber::fmt().with_ansi(false).with_writer(Paper);
    log.with_env_filter("warn,opssight=trace,opssight_runtime=trace,opssight_core=trace").init();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("api").enable_all().build()?;
    runtime.block_on(async {
        let arena = Arena::open(options)?;
        let watch = Watch::start(&arena).await?;
        // What every host has touched after its first minute.
        tokio::time::sleep(Duration::from_millis(300)).await;
        for case in cases().iter().filter(|case| rows.iter().any(|row| row == case.row)) {
            say(&Said::Begins(case.row.to_owned()))?;
            let verdict = judged(&arena, &watch, case).await;
            // Memory that remains would hide what the next case takes: that one gets a fresh host.
            let spoilt = verdict.wrong.iter().any(|wrong| wrong.starts_with("memory: "));
            say(&Said::Ended(Box::new(verdict)))?;
            if spoilt {
                break;
            }
            forget_log();
        }
        anyhow::Ok(())
    })
}

fn say(said: &Said) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(said)?)?;
    Ok(out.flush()?)
}

/// Run it; once more if only latency was wrong.
async fn judged(arena: &Arena, watch: &Watch, case: &Case) -> Verdict {
    let first = tried(arena, watch, case).await;
    if first.wrong.is_empty() || !first.wrong.iter().all(|wrong| wrong.starts_with("latency: ")) {
        return first;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let second = tried(arena, watch, case).await;
    Verdict { first_try: Some(first.cost), ..second }
}

async fn tried(arena: &Arena, watch: &Watch, case: &Case) -> Verdict {
    arena.begin(case.row);
    let begun = watch.begin();
    let ran = tokio::time::timeout(LONGEST, case.run(arena)).await;
    arena.end();
    let cost = watch.end(begun).await;
    let mut wrong = Vec::new();
    let outcome = match ran {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => {
            wrong.push(format!("{error:#}"));
            "not contained".to_owned()
        }
        Err(_) => {
            wrong.push(format!("it went on for longer than {LONGEST:?}"));
            "did not end".to_owned()
        }
    };
    wrong.extend(bounds(case, &cost));
    wrong.extend(forged().map(|line| format!("log: somebody else wrote a line of it: {line}")));
    Verdict { row: case.row.to_owned(), outcome, cost, wrong, first_try: None }
}

/// The rule of all cases, and the case's own bounds.
fn bounds(case: &Case, cost: &Cost) -> Vec<String> {
    let mut wrong = Vec::new();
    if cost.rss_mib > case.rss_mib {
        wrong.push(format!("memory: the host grew by {} MiB, at most {} are allowed", cost.rss_mib, case.rss_mib));
    }
    if cost.remains_mib > REMAINS_MIB {
        wrong.push(format!("memory: {} MiB remain, at most {REMAINS_MIB} are allowed", cost.remains_mib));
    }
    if cost.cpu_ms > case.cpu_ms {
        wrong.push(format!("cpu: {} ms, at most {} are allowed", cost.cpu_ms, case.cpu_ms));
    }
    if cost.door_failed > 0 {
        wrong.push(format!("the door failed {} times", cost.door_failed));
    }
    if cost.door_p99_ms > DOOR_P99_MS {
        wrong
            .push(format!("latency: the door's p99 was {:.1} ms, at most {DOOR_P99_MS} are allowed", cost.door_p99_ms));
    }
    if cost.late > 0 {
        let (late, ticks) = (cost.late, cost.ticks);
        wrong.push(format!("latency: the neighbour had no answer within a second to {late} of {ticks} ticks"));
    }
    wrong.extend(neighbour_failed(cost));
    wrong
}

/// However busy the machine is, no call of the neighbour may fail.
pub(crate) fn neighbour_failed(cost: &Cost) -> Option<String> {
    let why = cost.failed_with.as_deref().unwrap_or_default();
    (cost.failed > 0).then(|| format!("{} of the neighbour's {} calls failed: {why}", cost.failed, cost.ticks))
}

// --- the parent ---

/// Run these cases in child processes of this program, and tell of each as it ends.
pub fn run(cases: &[Case], options: Options, mut tell: impl FnMut(&Case, &Verdict)) -> Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    let mut rest: Vec<&Case> = cases.iter().collect();
    while !rest.is_empty() {
        let before = verdicts.len();
        let mut attacked = start(&rest, options)?;
        let mut begun = None;
        while let Some(line) = attacked.line()? {
            match serde_json::from_str(&line) {
                Ok(Said::Begins(row)) => begun = Some(row),
                Ok(Said::Ended(verdict)) => {
                    begun = None;
                    rest.retain(|case| case.row != verdict.row);
                    verdicts.extend(cases.iter().find(|case| case.row == verdict.row).map(|case| {
                        tell(case, &verdict);
                        *verdict
                    }));
                }
                // Something else that was printed.
                Err(_) => {}
            }
        }
        let ended = attacked.ended()?;
        if ended.is_none() && begun.is_none() && verdicts.len() > before {
            continue;
        }
        let Some(row) = begun.or_else(|| rest.first().map(|case| case.row.to_owned())) else { break };
        if let Some(at) = rest.iter().position(|case| case.row == row) {
            let case = rest.remove(at);
            let verdict = died(case, ended.unwrap_or_else(|| "the host process ended too soon".to_owned()));
            tell(case, &verdict);
            verdicts.push(verdict);
        }
    }
    Ok(verdicts)
}

fn start(rest: &[&Case], options: Options) -> Result<Attacked> {
    let mut args = vec!["attacked".to_owned(), options.seed.to_string(), options.mutants.to_string()];
    args.extend(rest.iter().map(|case| case.row.to_owned()));
    Attacked::start(&args, SILENCE)
}

fn died(case: &Case, how: String) -> Verdict {
    Verdict {
        row: case.row.to_owned(),
        outcome: "the host died".to_owned(),
        cost: Cost::default(),
        wrong: vec![how],
        first_try: None,
    }
}
