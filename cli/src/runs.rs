//! `opssight runs`.

mod act;
mod events;
mod show;
mod watch;

use crate::Session;
use crate::Time;
use crate::args::{Moment, Paging, duration, moment, wire};
use crate::connections;
use crate::error::CliError;
use crate::list::{self, Row};
use crate::ui::format;
use crate::ui::table::{Field, Tone};
use clap::{Args, Subcommand};
use opssight_api_types::pipelines::{Run, RunDetail, RunQuery, RunResult, RunState};
use std::time::Duration;

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight runs list --service acme/web --branch main --result failure\n  \
    opssight runs watch run_0192f0c1 --timeout 30m\n  opssight runs rerun run_0192f0c1 --failed";

pub(crate) const RESULTS: &[&str] =
    &["success", "failure", "error", "timeout", "cancellation", "skip", "neutral", "action_required"];

#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List runs, newest first
    #[command(after_help = "Examples:\n  opssight runs list\n  opssight runs list --state active\n  \
        opssight runs list --service acme/web --result failure --since 7d --all -o jsonl\n  \
        opssight runs list --search \"fix login\"")]
    List(Box<ListArgs>),
    /// Show a run: its jobs, its critical path and why it failed
    #[command(
        after_help = "Examples:\n  opssight runs show run_0192f0c1\n  opssight runs show run_0192f0c1 --steps\n  \
        opssight runs show run_0192f0c1 -o json"
    )]
    Show {
        /// The run
        #[arg(value_name = "RUN")]
        id: String,
        /// Also show the steps of each job
        #[arg(long)]
        steps: bool,
    },
    /// Follow a run until it is over
    #[command(after_help = "Exit code 0 when it ended well, 5 when it ended badly, 8 when --timeout came first. With \
        `-o jsonl` every change is printed as one line, in the shape of `runs show`.\n\nExamples:\n  \
        opssight runs watch run_0192f0c1\n  opssight runs watch run_0192f0c1 --timeout 30m --quiet && ./release.sh")]
    Watch {
        /// The run
        #[arg(value_name = "RUN")]
        id: String,
        /// Give up after this long
        #[arg(long, value_name = "TIME", value_parser = duration)]
        timeout: Option<Duration>,
    },
    /// Run it again
    #[command(
        after_help = "Examples:\n  opssight runs rerun run_0192f0c1\n  opssight runs rerun run_0192f0c1 --failed"
    )]
    Rerun {
        /// The run
        #[arg(value_name = "RUN")]
        id: String,
        /// Only the jobs that failed
        #[arg(long)]
        failed: bool,
    },
    /// Stop it
    #[command(after_help = "Examples:\n  opssight runs cancel run_0192f0c1\n  \
        opssight runs cancel run_0192f0c1 --force --yes")]
    Cancel {
        /// The run
        #[arg(value_name = "RUN")]
        id: String,
        /// Even where the run's own conditions would keep it going
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only seen through this connection: id or name
    #[arg(long, value_name = "CONNECTION")]
    connection: Option<String>,
    /// Only of this service
    #[arg(long, short, value_name = "OWNER/NAME")]
    service: Option<String>,
    /// Only of this pipeline
    #[arg(long, value_name = "NAME")]
    pipeline: Option<String>,
    /// Only of this branch
    #[arg(long, short, value_name = "NAME")]
    branch: Option<String>,
    /// Only of this commit
    #[arg(long, value_name = "SHA")]
    commit: Option<String>,
    /// Only in this state; `active` stands for queued, waiting and running
    #[arg(long, value_parser = ["queued", "waiting", "running", "finished", "active"])]
    state: Option<String>,
    /// Only with this result
    #[arg(long, value_parser = wire::<RunResult>(RESULTS))]
    result: Option<RunResult>,
    /// Only caused by this
    #[arg(long, value_name = "WHAT")]
    trigger: Option<String>,
    /// Only caused by them
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Text in title, service, pipeline, branch, commit or number
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only created at or after: 7d, 2026-11-01 or RFC 3339
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Moment>,
    /// Only created before
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Moment>,
    #[command(flatten)]
    paging: Paging,
}

pub(crate) async fn run(session: &mut Session, command: RunsCommand) -> Result<(), CliError> {
    match command {
        RunsCommand::List(args) => list(session, *args).await,
        RunsCommand::Show { id, steps } => {
            let detail = session.client.get::<RunDetail>(&["runs", &id], &()).await?;
            session.ui.document(&detail.tree, &detail.value.run.id, |ui| show::print(ui, &detail.value, steps))
        }
        RunsCommand::Watch { id, timeout } => watch::watch(session, &id, timeout).await,
        RunsCommand::Rerun { id, failed: false } => act::act(session, &id, act::RERUN).await,
        RunsCommand::Rerun { id, failed: true } => act::act(session, &id, act::RERUN_FAILED).await,
        RunsCommand::Cancel { id, force: false } => act::act(session, &id, act::CANCEL).await,
        RunsCommand::Cancel { id, force: true } => act::act(session, &id, act::FORCE_CANCEL).await,
    }
}

async fn list(session: &mut Session, args: ListArgs) -> Result<(), CliError> {
    let now = session.ui.now();
    let query = RunQuery {
        connection: connections::filter(session, args.connection).await?,
        service: args.service,
        pipeline: args.pipeline,
        branch: args.branch,
        commit: args.commit,
        state: args.state,
        result: args.result,
        trigger: args.trigger,
        actor: args.actor,
        q: args.search,
        since: args.since.map(|since| since.resolve(now)),
        until: args.until.map(|until| until.resolve(now)),
        cursor: None,
        limit: None,
    };
    list::print::<Run>(session, &["runs"], &query, &args.paging).await
}

impl Row for Run {
    const PLURAL: &'static str = "runs";
    const HEADER: &'static [&'static str] =
        &["ID", "STATE", "SERVICE", "PIPELINE", "BRANCH", "TITLE", "QUEUE", "EXECUTION", "CREATED"];
    const WHOLE: &'static [usize] = &[0, 1, 6, 7, 8];

    fn id(&self) -> &str {
        &self.id
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        vec![
            (&self.id).into(),
            state(self.state, self.result),
            (&self.service).into(),
            pipeline(self).into(),
            format::text_or_dash(self.branch.as_deref()).into(),
            format::text_or_dash(self.title.as_deref()).into(),
            format::duration_or_dash(self.queue_ms).into(),
            format::duration_or_dash(self.execution_ms).into(),
            format::ago_or_dash(self.created_at, now).into(),
        ]
    }
}

/// "CI #42", and which attempt if it is not the first.
fn pipeline(run: &Run) -> String {
    let mut text = format::text_or_dash(run.pipeline.as_deref());
    if let Some(number) = run.number {
        text.push_str(&format!(" #{number}"));
    }
    if run.attempt > 1 {
        text.push_str(&format!(" (attempt {})", run.attempt));
    }
    text
}

/// How it ended, else its stage of life.
pub(crate) fn state(state: RunState, result: Option<RunResult>) -> Field {
    let (text, tone) = match (state, result) {
        (RunState::Queued, _) => ("queued", Tone::Active),
        (RunState::Waiting, _) => ("waiting", Tone::Active),
        (RunState::Running, _) => ("running", Tone::Active),
        (RunState::Finished, None) => ("finished", Tone::Plain),
        (RunState::Finished, Some(result)) => (result_name(result), result_tone(result)),
    };
    Field::toned(text, tone)
}

pub(crate) fn result_name(result: RunResult) -> &'static str {
    match result {
        RunResult::Success => "success",
        RunResult::Failure => "failure",
        RunResult::Error => "error",
        RunResult::Timeout => "timeout",
        RunResult::Cancellation => "cancelled",
        RunResult::Skip => "skipped",
        RunResult::Neutral => "neutral",
        RunResult::ActionRequired => "action required",
    }
}

fn result_tone(result: RunResult) -> Tone {
    match result {
        RunResult::Success => Tone::Good,
        RunResult::Failure | RunResult::Error | RunResult::Timeout => Tone::Bad,
        RunResult::ActionRequired => Tone::Active,
        RunResult::Cancellation | RunResult::Skip | RunResult::Neutral => Tone::Muted,
    }
}
