//! `opssight pipelines`.

use crate::Session;
use crate::Time;
use crate::error::CliError;
use crate::list::{self, Row};
use crate::ui::format;
use crate::ui::table::{Field, Tone};
use clap::{Args, Subcommand};
use opssight_api_types::pipelines::{FlakyJob, Pipeline, PipelineQuery, RunResult, RunState};

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight pipelines list --service acme/web\n  opssight pipelines flaky";

#[derive(Debug, Subcommand)]
pub enum PipelinesCommand {
    /// List pipelines with how they fared lately
    #[command(after_help = "Last runs, newest first: + passed, x failed, ! timeout or error, * not over, . other.\n\n\
        Examples:\n  opssight pipelines list\n  opssight pipelines list --service acme/web --days 7 -o json")]
    List(WindowArgs),
    /// List jobs that both passed and failed for the same commit
    #[command(
        after_help = "Examples:\n  opssight pipelines flaky\n  opssight pipelines flaky --service acme/web --days 90"
    )]
    Flaky(WindowArgs),
}

#[derive(Debug, Args)]
pub struct WindowArgs {
    /// Only of this service
    #[arg(long, short, value_name = "OWNER/NAME")]
    service: Option<String>,
    /// How many days back
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=90))]
    days: u32,
}

impl WindowArgs {
    fn query(self) -> PipelineQuery {
        PipelineQuery { service: self.service, days: Some(self.days) }
    }
}

pub(crate) async fn run(session: &mut Session, command: PipelinesCommand) -> Result<(), CliError> {
    match command {
        PipelinesCommand::List(window) => list::print_whole::<Pipeline>(session, &["pipelines"], &window.query()).await,
        PipelinesCommand::Flaky(window) => {
            list::print_whole::<FlakyJob>(session, &["flaky-jobs"], &window.query()).await
        }
    }
}

impl Row for Pipeline {
    const PLURAL: &'static str = "pipelines";
    const HEADER: &'static [&'static str] = &["SERVICE", "PIPELINE", "RUNS", "PASSED", "EXECUTION", "LAST RUNS"];
    const WHOLE: &'static [usize] = &[2, 3, 4, 5];

    fn id(&self) -> &str {
        &self.pipeline
    }

    fn fields(&self, _: Time) -> Vec<Field> {
        let bars: String = self.last.iter().map(|bar| sign(bar.state, bar.result)).collect();
        vec![
            (&self.service).into(),
            (&self.pipeline).into(),
            self.runs.to_string().into(),
            format::percent_or_dash(self.success_rate).into(),
            format::duration_or_dash(self.execution_ms_p50).into(),
            bars.into(),
        ]
    }
}

fn sign(state: RunState, result: Option<RunResult>) -> char {
    match (state, result) {
        (RunState::Finished, Some(RunResult::Success)) => '+',
        (RunState::Finished, Some(RunResult::Failure)) => 'x',
        (RunState::Finished, Some(RunResult::Error | RunResult::Timeout)) => '!',
        (RunState::Finished, _) => '.',
        _ => '*',
    }
}

impl Row for FlakyJob {
    const PLURAL: &'static str = "flaky jobs";
    const HEADER: &'static [&'static str] =
        &["SERVICE", "PIPELINE", "JOB", "COMMITS", "LAST SEEN", "FAILED IN", "PASSED IN"];
    const WHOLE: &'static [usize] = &[3, 4, 5, 6];

    fn id(&self) -> &str {
        &self.job
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        vec![
            (&self.service).into(),
            (&self.pipeline).into(),
            Field::toned(&self.job, Tone::Active),
            self.commits.to_string().into(),
            format::ago(self.last_at, now).into(),
            (&self.failed_run).into(),
            (&self.passed_run).into(),
        ]
    }
}
