//! `opssight plugin test`.

use crate::cases::{self, Bench, CaseFile, Recording, Verdict};
use crate::project::Project;
use crate::talk::{Talk, plain};
use crate::{FAILED, toolchain};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Instant;

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight plugin test\n  opssight plugin test --update\n  \
    opssight plugin test --record museum/mine-1.0.0\n  \
    opssight plugin test plugins/mine --fixtures ../shared-cases --only builds\n\n\
    Exit codes: 0 every case passed, 1 it could not be built or run, 5 a case failed";

/// What to test, and how.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// The plugin's folder
    #[arg(default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,

    /// Folder of case files [default: `tests` in the plugin's folder]
    #[arg(long, value_name = "FOLDER")]
    fixtures: Option<PathBuf>,

    /// Only cases with this in their name or their file's name
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,

    /// Write every call into this folder, with the package, to be made again offline by `opssight plugin replay`
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,

    /// Write what was observed into the case files as what is expected
    // A file of which only some cases were played cannot be matched with what was observed.
    #[arg(long, conflicts_with_all = ["only", "record"])]
    update: bool,
}

pub(crate) async fn run(args: &TestArgs, talk: &mut Talk) -> Result<u8> {
    let begun = Instant::now();
    let project = Project::open(&args.folder)?;
    let mut files = cases::load(&args.fixtures.clone().unwrap_or_else(|| project.folder.join("tests")))?;
    if let Some(only) = &args.only {
        for file in &mut files {
            let of_this_file = file.name().contains(only.as_str());
            file.cases.retain(|case| of_this_file || case.name.contains(only.as_str()));
        }
        if files.iter().all(|file| file.cases.is_empty()) {
            bail!("find a case with \"{only}\" in its name or its file's name");
        }
    }
    let mut recording = args.record.as_deref().map(Recording::start).transpose()?;
    let package = toolchain::package(&project, talk)?;
    let bench = Bench::new(package, &project.output()?.join("host")).await?;
    let mut tally = Tally::default();
    for file in &files {
        let mut verdicts = Vec::new();
        for case in &file.cases {
            let started = Instant::now();
            let verdict = bench.play(&file.path, case, recording.as_mut()).await;
            tally.tell(talk, file, &case.name, &verdict, started)?;
            verdicts.push(verdict);
        }
        if args.update {
            let rewritten = cases::rewrite(file, &verdicts).with_context(|| format!("update {}", file.name()))?;
            tally.rewritten += rewritten;
        }
    }
    match recording {
        Some(_) if tally.failed > 0 => talk.warn("nothing is recorded, because a case failed"),
        Some(recording) => talk.note(&recording.finish(bench.package())?),
        None => {}
    }
    tally.sum_up(talk, begun)
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    rewritten: usize,
    cases: Vec<Value>,
}

impl Tally {
    fn tell(
        &mut self,
        talk: &mut Talk,
        file: &CaseFile,
        name: &str,
        verdict: &Verdict,
        started: Instant,
    ) -> Result<()> {
        let good = verdict.is_good();
        *(if good { &mut self.passed } else { &mut self.failed }) += 1;
        let problems = problems(verdict);
        if talk.is_for_programs() {
            let differences: Vec<_> = verdict.steps.iter().flat_map(|step| &step.differences).collect();
            self.cases.push(json!({
                "file": file.name(), "name": name, "passed": good, "problems": problems, "differences": differences,
            }));
            return Ok(());
        }
        let mark = if good { "ok    " } else { "FAILED" };
        talk.say(&format!("{mark} {}: {name} ({} ms)", file.name(), started.elapsed().as_millis()))?;
        for problem in problems {
            for line in problem.lines() {
                talk.say(&format!("         {line}"))?;
            }
        }
        Ok(())
    }

    fn sum_up(&self, talk: &mut Talk, begun: Instant) -> Result<u8> {
        let Self { passed, failed, rewritten, cases } = self;
        if talk.is_for_programs() {
            let whole = json!({ "passed": passed, "failed": failed, "rewritten": rewritten, "cases": cases });
            talk.say(&whole.to_string())?;
        } else {
            if *rewritten > 0 {
                talk.say(&format!("{rewritten} expectations rewritten: look at them before you commit them"))?;
            }
            talk.say(&format!("{passed} passed, {failed} failed"))?;
            talk.note(&format!("in {:.1} s", begun.elapsed().as_secs_f32()));
        }
        Ok(if *failed == 0 { 0 } else { FAILED })
    }
}

/// Why a verdict is bad, in lines for people.
fn problems(verdict: &Verdict) -> Vec<String> {
    let mut problems = Vec::new();
    let is_one_step = verdict.steps.len() == 1;
    for (number, step) in verdict.steps.iter().enumerate() {
        let place = if is_one_step { String::new() } else { format!("step {}: ", number + 1) };
        problems.extend(step.unrecorded.iter().map(|asked| format!("{place}nothing is recorded for {}", plain(asked))));
        problems.extend(step.differences.iter().map(|difference| format!("{place}{}", plain(&difference.to_string()))));
    }
    problems.extend(verdict.broken.as_ref().map(|broken| format!("failed to {}", plain(broken))));
    problems
}
