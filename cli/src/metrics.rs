//! `opssight metrics`: expressions over what was measured, and which series there are.

mod print;

use crate::Session;
use crate::args::{Moment, OutputFormat, duration, moment};
use crate::error::CliError;
use crate::tree::Tree;
use clap::{Args, Subcommand};
use opssight_api_types::metrics::{
    MetricsInstant, MetricsInstantQuery, MetricsLabelsQuery, MetricsList, MetricsRange, MetricsRangeQuery,
    MetricsSeries, MetricsSeriesQuery,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight metrics labels --values-of __name__\n  \
    opssight metrics query \"sum(count_over_time(cicd_pipeline_run_duration_seconds[1d]))\" --from 30d --step 1d";

#[derive(Debug, Subcommand)]
pub enum MetricsCommand {
    /// Work out an expression (PromQL; Flux where metrics are kept in InfluxDB), at a moment or over a range
    Query(QueryArgs),
    /// List the series that a selector finds
    Series(SeriesArgs),
    /// List the names of labels, or the values of one
    Labels(LabelsArgs),
}

#[derive(Debug, Args)]
#[command(
    after_help = "A range asks at every step from --from to --to. Without --step the server chooses one that makes \
    at most about 250 of them, at whole multiples of it. What an answer is not exact about is a warning.\n\nExamples:\n  \
    opssight metrics query \"last_over_time(cicd_pipeline_run_duration_seconds[1h])\"\n  \
    opssight metrics query \"avg_over_time(cicd_pipeline_run_duration_seconds[1d])\" --at 2026-11-01\n  \
    opssight metrics query \"sum(count_over_time(cicd_pipeline_run_duration_seconds[1d]))\" --from 30d --step 1d -o csv"
)]
pub struct QueryArgs {
    /// The expression
    #[arg(value_name = "EXPR")]
    expression: String,
    /// The moment: 2h (so long ago), 2026-11-01 or RFC 3339 [default: now]
    #[arg(long, value_name = "WHEN", value_parser = moment, conflicts_with_all = ["from", "to", "step"])]
    at: Option<Moment>,
    /// First step of a range [default with --to or --step: an hour before its end]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    from: Option<Moment>,
    /// No step of a range after this [default with --from or --step: now]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    to: Option<Moment>,
    /// From step to step of a range: 30s, 10m, 1d
    #[arg(long, value_name = "LENGTH", value_parser = step)]
    step: Option<u32>,
}

/// Which stretch of time, and how many.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// With points since: 30d, 2026-11-01 or RFC 3339 [default: a day before the end]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    from: Option<Moment>,
    /// With points until [default: now]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    to: Option<Moment>,
    /// Rows to fetch at most
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=2_000))]
    limit: u16,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  opssight metrics series cicd_pipeline_run_duration_seconds --from 7d\n  \
    opssight metrics series \"{cicd_pipeline_result=~'failure|error'}\" -o csv")]
pub struct SeriesArgs {
    /// A selector, such as name{label="value"}
    #[arg(value_name = "SELECTOR")]
    selector: String,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  opssight metrics labels\n  opssight metrics labels --values-of __name__ --from 30d\n  \
    opssight metrics labels --values-of service --selector cicd_pipeline_run_duration_seconds"
)]
pub struct LabelsArgs {
    /// List the values of this label; __name__ for the names of metrics
    #[arg(long, value_name = "LABEL")]
    values_of: Option<String>,
    /// Only of series that this selector finds
    #[arg(long, value_name = "SELECTOR")]
    selector: Option<String>,
    #[command(flatten)]
    list: ListArgs,
}

pub(crate) async fn run(session: &mut Session, command: MetricsCommand) -> Result<(), CliError> {
    match command {
        MetricsCommand::Query(args) => query(session, args).await,
        MetricsCommand::Series(SeriesArgs { selector, list }) => {
            let (start, end, limit) = list.window(session);
            let query = MetricsSeriesQuery { selector, start, end, limit };
            print_list::<MetricsSeries>(session, "series", &query).await
        }
        MetricsCommand::Labels(LabelsArgs { values_of, selector, list }) => {
            let (start, end, limit) = list.window(session);
            let query = MetricsLabelsQuery { values_of, selector, start, end, limit };
            print_list::<String>(session, "labels", &query).await
        }
    }
}

impl ListArgs {
    fn window(&self, session: &Session) -> (Option<crate::Time>, Option<crate::Time>, Option<usize>) {
        let now = session.ui.now();
        let at = |moment: Option<Moment>| moment.map(|moment| moment.resolve(now));
        (at(self.from), at(self.to), Some(self.limit.into()))
    }
}

async fn query(session: &mut Session, args: QueryArgs) -> Result<(), CliError> {
    let now = session.ui.now();
    let at = |moment: Option<Moment>| moment.map(|moment| moment.resolve(now));
    let query = args.expression;
    if args.from.is_some() || args.to.is_some() || args.step.is_some() {
        let query = MetricsRangeQuery { query, start: at(args.from), end: at(args.to), step_secs: args.step };
        let answer = session.client.get::<MetricsRange>(&["metrics", "query_range"], &query).await?;
        warn(session, &answer.value.warnings);
        print::query(session, answer.tree, &print::of_range(&answer.value))
    } else {
        let query = MetricsInstantQuery { query, at: at(args.at) };
        let answer = session.client.get::<MetricsInstant>(&["metrics", "query"], &query).await?;
        warn(session, &answer.value.warnings);
        print::query(session, answer.tree, &print::of_instant(&answer.value))
    }
}

fn warn(session: &mut Session, warnings: &[String]) {
    for warning in warnings {
        session.ui.warn(warning);
    }
}

/// A list of the metrics has no pages.
async fn print_list<T: DeserializeOwned + print::Item>(
    session: &mut Session,
    what: &str,
    query: &impl Serialize,
) -> Result<(), CliError> {
    let mut answer = session.client.get::<MetricsList<T>>(&["metrics", what], query).await?;
    match session.ui.format() {
        OutputFormat::Json | OutputFormat::Yaml => session.ui.document(&answer.tree, "", |_| Ok(()))?,
        OutputFormat::Jsonl => {
            if let Some(Tree::List(rows)) = answer.tree.take("items") {
                rows.iter().try_for_each(|row| session.ui.json_line(row))?;
            }
        }
        OutputFormat::Table | OutputFormat::Csv | OutputFormat::Name => {
            print::list(session, &answer.value.items, what)?;
        }
    }
    if answer.value.more {
        session.ui.note(&format!("There are more {what}: a higher --limit, or a narrower selector, shows them."));
    }
    Ok(())
}

/// A step has whole seconds.
fn step(text: &str) -> Result<u32, String> {
    let length = duration(text)?;
    let secs = u32::try_from(length.as_secs()).unwrap_or(0);
    if secs == 0 || Duration::from_secs(secs.into()) != length {
        return Err("a step has whole seconds, at least one".to_owned());
    }
    Ok(secs)
}
