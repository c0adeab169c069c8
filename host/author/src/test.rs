//! `opssight plugin test`.

mod replay;
mod tally;

use crate::cases::{self, Bench, CALLS, CaseFile, Live, Recording, Verdict};
use crate::project::Project;
use crate::talk::Talk;
use crate::toolchain;
use anyhow::{Context, Result, bail};
use clap::Args;
use opssight_core::fact::written_out;
use replay::Recorded;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tally::{Entry, Tally};

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight plugin test\n  opssight plugin test --update\n  \
    opssight plugin test --record recorded/1.0.0\n  \
    opssight plugin test --replay recorded/1.0.0\n  \
    opssight plugin test --fixtures live --live connection.toml --record recorded/upstream\n  \
    opssight plugin test plugins/mine --fixtures ../shared-cases --only builds\n\n\
    Exit codes: 0 every case passed and every recorded call was the same again, 1 it could not be built or run, \
    5 a case failed, a recorded call was different, or nothing could be recorded";

/// What to test, and how.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// The plugin's folder
    #[arg(default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,

    /// Folder of case files [default: `tests` in the plugin's folder]
    #[arg(long, value_name = "FOLDER")]
    fixtures: Option<PathBuf>,

    /// Only cases, or recorded calls, with this in their name or their file's name
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,

    /// Write every call into this folder, without secrets and with the package, to be made again by `--replay`
    #[arg(long, value_name = "FOLDER")]
    record: Option<PathBuf>,

    /// Play no cases: make the calls that were recorded again, offline, and show which are different now
    #[arg(long, value_name = "FOLDER|FILE", conflicts_with_all = ["fixtures", "record", "live", "update"])]
    replay: Option<PathBuf>,

    /// Play the cases that have no recorded upstream against a real one. The file (TOML) has the connection's
    /// `settings`, `grants` and `credentials`
    // Cases were written for the upstream that they play against: what is in `tests` may deliver and act.
    #[arg(long, value_name = "FILE", requires = "fixtures", conflicts_with = "update")]
    live: Option<PathBuf>,

    /// Write what was observed into the case files as what is expected
    // A file of which only some cases were played cannot be matched with what was observed.
    #[arg(long, conflicts_with_all = ["only", "record"])]
    update: bool,
}

pub(crate) async fn run(args: &TestArgs, talk: &mut Talk) -> Result<u8> {
    let project = Project::open(&args.folder)?;
    if let Some(recording) = &args.replay {
        // Before the compiler runs: a wrong path is known at once.
        let files = replay::load(recording)?;
        let package = toolchain::package(&project, talk).await?;
        let data = project.output()?.join("host");
        let mut tally = Tally::new();
        replay::play(&files, args.only.as_deref(), &package, &data, |entry| tally.tell(talk, entry)).await?;
        return tally.sum_up(talk);
    }
    let files = files(args, &project, talk)?;
    let manifest = project.manifest()?;
    let live = args.live.as_deref().map(|path| Live::open(path, &manifest)).transpose()?;
    let mut recording = args.record.as_deref().map(Recording::start).transpose()?;
    let package = toolchain::package(&project, talk).await?;
    let data = project.output()?.join("host");
    let bench = Bench::new(package, &data, live).await?;
    let mut tally = Tally::new();
    for file in &files {
        let mut verdicts = Vec::new();
        for case in &file.cases {
            let started = Instant::now();
            let verdict = bench.play(&file.path, case, recording.as_mut()).await;
            tally.tell(talk, entry(file, &case.name, &verdict, started))?;
            verdicts.push(verdict);
        }
        if args.update {
            let rewritten = cases::rewrite(file, &verdicts).with_context(|| format!("update {}", file.name()))?;
            tally.rewritten += rewritten;
        }
    }
    match recording {
        Some(_) if tally.has_failed() => talk.warn("nothing is recorded, because a case failed"),
        Some(recording) => {
            let entry = keep(recording, bench.package(), &data, talk).await;
            tally.tell(talk, entry)?;
        }
        None => {}
    }
    tally.sum_up(talk)
}

/// The cases that are to be played.
fn files(args: &TestArgs, project: &Project, talk: &mut Talk) -> Result<Vec<CaseFile>> {
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
    if args.live.is_some() {
        let count = |files: &[CaseFile]| files.iter().map(|file| file.cases.len()).sum::<usize>();
        let all = count(&files);
        for file in &mut files {
            file.cases.retain(|case| !case.brings_its_world());
        }
        let left = count(&files);
        if left == 0 {
            bail!("find a case for a real upstream: each has exchanges, credentials or a clock of its own");
        }
        if left < all {
            talk.note(&format!("{} cases are left out: they bring their own upstream", all - left));
        }
    }
    Ok(files)
}

/// Keep a recording, and what came of that.
async fn keep(recording: Recording, package: &[u8], data: &Path, talk: &mut Talk) -> Entry {
    let begun = Instant::now();
    let (problems, differences) = keep_if_same(recording, package, data, talk)
        .await
        .unwrap_or_else(|error| (vec![format!("failed to {error:#}")], Vec::new()));
    let name = "what was recorded is the same again".to_owned();
    Entry { file: CALLS.to_owned(), name, problems, differences, took: begun.elapsed() }
}

/// Make the calls of a recording again, and write it if they are the same: a plugin that draws on something that is in
/// no record never plays the same again. Otherwise, what is different.
async fn keep_if_same(
    recording: Recording,
    package: &[u8],
    data: &Path,
    talk: &mut Talk,
) -> Result<(Vec<String>, Vec<Value>)> {
    let (calls, records) = recording.calls()?;
    let count = records.len();
    let files = [Recorded { name: CALLS.to_owned(), records }];
    let (mut problems, mut differences) = (Vec::new(), Vec::new());
    let note = |entry: Entry| {
        // Its name has words of strangers in it, as a difference has.
        let call = written_out(&entry.name);
        problems.extend(entry.problems.iter().map(|problem| format!("{call}: {problem}")));
        differences.extend(entry.differences);
        Ok(())
    };
    replay::play(&files, None, package, data, note).await?;
    if problems.is_empty() {
        let folder = recording.write(&calls, package)?;
        let what = "makes them again on the plugin as it is then";
        talk.note(&format!("recorded {count} calls; `opssight plugin test --replay {}` {what}", folder.display()));
    }
    Ok((problems, differences))
}

fn entry(file: &CaseFile, name: &str, verdict: &Verdict, started: Instant) -> Entry {
    let differences: Vec<_> = verdict.steps.iter().flat_map(|step| &step.differences).collect();
    Entry {
        file: file.name(),
        name: name.to_owned(),
        problems: problems(verdict),
        differences: differences.iter().map(|difference| json!(difference)).collect(),
        took: started.elapsed(),
    }
}

/// Why a verdict is bad, in lines for people.
fn problems(verdict: &Verdict) -> Vec<String> {
    let mut problems = Vec::new();
    let is_one_step = verdict.steps.len() == 1;
    for (number, step) in verdict.steps.iter().enumerate() {
        let place = if is_one_step { String::new() } else { format!("step {}: ", number + 1) };
        problems.extend(step.unrecorded.iter().map(|asked| format!("{place}nothing is recorded for {asked}")));
        problems.extend(step.differences.iter().map(|difference| format!("{place}{difference}")));
    }
    problems.extend(verdict.broken.as_ref().map(|broken| format!("failed to {broken}")));
    problems
}

#[cfg(test)]
mod tests;
