//! The command line: the commands, the flags that all of them take, and how flags become values.

use crate::Time;
use crate::error::CliError;
use crate::{
    account, can, connections, deliveries, delivery, keys, login, metrics, people, pipelines, plugins, runs, sessions,
};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::time::Duration;

/// Commands that talk to a running server.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Sign in to a server and remember the session
    Login(login::LoginArgs),
    /// End the session and forget it
    #[command(after_help = "Examples:\n  opssight logout\n  opssight logout --server https://ops.example.com")]
    Logout,
    /// Show who you are signed in as
    #[command(after_help = "Examples:\n  opssight whoami\n  opssight whoami -o json")]
    Whoami,
    /// Have an account: join by an invitation
    Join(account::JoinArgs),
    /// Change your password
    Password(account::PasswordArgs),
    /// Where you are signed in
    #[command(subcommand, visible_alias = "session", after_help = sessions::EXAMPLES)]
    Sessions(sessions::SessionsCommand),
    /// People with accounts, and invitations
    #[command(subcommand, after_help = people::EXAMPLES)]
    People(people::PeopleCommand),
    /// What somebody may do, and why
    Can(can::CanArgs),
    /// Keys of programs
    #[command(subcommand, visible_alias = "key", after_help = keys::EXAMPLES)]
    Keys(keys::KeysCommand),
    /// Configured plugins: where data comes from
    #[command(subcommand, visible_alias = "connection", after_help = connections::EXAMPLES)]
    Connections(connections::ConnectionsCommand),
    /// Pipeline runs
    #[command(subcommand, visible_alias = "run", after_help = runs::EXAMPLES)]
    Runs(runs::RunsCommand),
    /// Pipelines and their flaky jobs
    #[command(subcommand, visible_alias = "pipeline", after_help = pipelines::EXAMPLES)]
    Pipelines(pipelines::PipelinesCommand),
    /// The delivery log: what upstreams pushed and what became of it
    #[command(subcommand, after_help = deliveries::EXAMPLES)]
    Deliveries(deliveries::DeliveriesCommand),
    /// Delivery performance: the five DORA metrics
    #[command(subcommand, after_help = delivery::EXAMPLES)]
    Delivery(delivery::DeliveryCommand),
    /// Deployments
    #[command(subcommand, visible_alias = "deployment", after_help = delivery::DEPLOYMENT_EXAMPLES)]
    Deployments(delivery::DeploymentsCommand),
    /// Changes: pull and merge requests
    #[command(subcommand, visible_alias = "change", after_help = delivery::CHANGE_EXAMPLES)]
    Changes(delivery::ChangesCommand),
    /// Metrics: expressions over what was measured, and which series there are
    #[command(subcommand, after_help = metrics::EXAMPLES)]
    Metrics(metrics::MetricsCommand),
    /// Installed plugins. Not a command by itself: whoever builds the command line has one noun, `plugin`, for these and
    /// for what needs no server.
    #[command(skip)]
    Plugins(plugins::PluginsCommand),
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Address of the server [default: the one signed in to last, else http://127.0.0.1:8080]
    #[arg(long, global = true, env = "OPSSIGHT_SERVER", value_name = "URL")]
    pub server: Option<String>,

    /// Token of a session, or a key, instead of the remembered one (prefer the variable: flags show in the process list)
    #[arg(long, global = true, env = "OPSSIGHT_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub token: Option<String>,

    /// How to print data
    #[arg(short, long, global = true, env = "OPSSIGHT_OUTPUT", value_enum, default_value_t, value_name = "FORMAT")]
    pub output: OutputFormat,

    /// Print data and errors only: no notes, no progress
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Never ask; fail where an answer is needed
    #[arg(long, global = true)]
    pub no_input: bool,

    /// Answer every "are you sure" with yes
    #[arg(short, long, global = true)]
    pub yes: bool,

    /// File that remembers sessions
    #[arg(long, global = true, env = "OPSSIGHT_CREDENTIALS_FILE", hide = true, value_name = "FILE")]
    pub credentials_file: Option<PathBuf>,
}

/// How data is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people
    #[default]
    Table,
    /// One document, exactly as the API shapes it
    Json,
    /// One JSON document a line
    Jsonl,
    /// One document
    Yaml,
    /// Ids only, one a line
    Name,
    /// Comma-separated values, of `opssight metrics` only
    Csv,
}

/// Other answers are no plain tables, and tell times and lengths for people.
pub(crate) fn only_metrics_have_csv(format: OutputFormat) -> Result<(), CliError> {
    match format {
        OutputFormat::Csv => Err(CliError::Usage(
            "only `opssight metrics` prints CSV: use -o jsonl, of which `jq -r '[.id, .state] | @csv'` makes some"
                .to_owned(),
        )),
        _ => Ok(()),
    }
}

/// How much of a list to fetch.
#[derive(Debug, Clone, Args)]
pub struct Paging {
    /// Rows to fetch at most
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,

    /// Fetch all rows
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,

    /// Go on where an earlier list ended (its `next_cursor`)
    #[arg(long, value_name = "CURSOR")]
    pub cursor: Option<String>,
}

/// A moment as people type it: `2h`, `3d` (so long ago), `2026-11-01` (UTC midnight) or RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Ago(Duration),
    At(Time),
}

impl Moment {
    pub(crate) fn resolve(self, now: Time) -> Time {
        match self {
            Self::At(time) => time,
            Self::Ago(back) => chrono::Duration::from_std(back)
                .ok()
                .and_then(|back| now.checked_sub_signed(back))
                .unwrap_or(Time::UNIX_EPOCH),
        }
    }
}

/// Parse a [`Moment`].
pub(crate) fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) {
        return Ok(Moment::At(time.to_utc()));
    }
    if let Ok(day) = text.parse::<chrono::NaiveDate>() {
        return Ok(Moment::At(day.and_time(chrono::NaiveTime::MIN).and_utc()));
    }
    duration(text)
        .map(Moment::Ago)
        .map_err(|_| "expected how long ago (90m, 12h, 7d), a day (2026-11-01) or RFC 3339".to_owned())
}

/// Parse a length of time: `500ms`, `30s`, `10m`, `2h`, `7d`, `4w`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a length of time such as 30s, 10m, 2h or 7d".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(wrong)
}

/// A parser for an enum of the wire: help and errors list `names`, the value is read as the API reads it.
pub(crate) fn wire<T>(names: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: DeserializeOwned + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names)
        .try_map(|name| serde_json::from_value::<T>(serde_json::Value::String(name)).map_err(|e| e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_type_them() {
        let now: Time = "2026-11-10T12:00:00Z".parse().unwrap();
        let resolved = |text: &str| moment(text).map(|m| m.resolve(now).to_rfc3339());
        for (text, expected) in [
            ("2h", "2026-11-10T10:00:00+00:00"),
            ("7d", "2026-11-03T12:00:00+00:00"),
            ("2026-11-01", "2026-11-01T00:00:00+00:00"),
            ("2026-11-01T02:00:00+02:00", "2026-11-01T00:00:00+00:00"),
            ("9999999999w", "1970-01-01T00:00:00+00:00"),
        ] {
            assert_eq!(resolved(text).as_deref(), Ok(expected), "{text}");
        }
        for text in ["", "yesterday", "2", "h", "-2h", "2y", "99999999999999999999d"] {
            assert!(resolved(text).is_err(), "{text}");
        }
    }
}
