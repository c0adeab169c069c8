//! `opssight delivery`, `opssight deployments` and `opssight changes`.

mod metrics;

use crate::Session;
use crate::Time;
use crate::args::{Paging, wire};
use crate::error::CliError;
use crate::list::{self, Row};
use crate::ui::format;
use crate::ui::table::{Field, Tone};
use clap::Subcommand;
use opssight_api_types::delivery::{Change, ChangeQuery, Deployment, DeploymentOutcome, DeploymentQuery};

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight delivery metrics\n  \
    opssight delivery metrics --evidence change_lead_time --service acme/web --environment production";
pub(crate) const DEPLOYMENT_EXAMPLES: &str = "Examples:\n  opssight deployments list --environment production";
pub(crate) const CHANGE_EXAMPLES: &str = "Examples:\n  opssight changes list --state merged";

const OUTCOMES: &[&str] = &["pending", "succeeded", "failed", "superseded"];

#[derive(Debug, Subcommand)]
pub enum DeliveryCommand {
    /// The five DORA metrics per service and environment, and the evidence behind them
    Metrics(metrics::MetricsArgs),
}

#[derive(Debug, Subcommand)]
pub enum DeploymentsCommand {
    /// List deployments, newest first
    #[command(after_help = "Examples:\n  opssight deployments list --environment production\n  \
        opssight deployments list --service acme/web --outcome failed -o json")]
    List {
        /// Only of this service
        #[arg(long, short, value_name = "OWNER/NAME")]
        service: Option<String>,
        /// Only to this environment
        #[arg(long, short, value_name = "NAME")]
        environment: Option<String>,
        /// Only with this outcome
        #[arg(long, value_parser = wire::<DeploymentOutcome>(OUTCOMES))]
        outcome: Option<DeploymentOutcome>,
        #[command(flatten)]
        paging: Paging,
    },
}

#[derive(Debug, Subcommand)]
pub enum ChangesCommand {
    /// List changes (pull and merge requests), newest first
    #[command(after_help = "Examples:\n  opssight changes list --state open\n  \
        opssight changes list --service acme/web --all -o jsonl")]
    List {
        /// Only of this service
        #[arg(long, short, value_name = "OWNER/NAME")]
        service: Option<String>,
        /// Only in this state
        #[arg(long, value_parser = ["open", "closed", "merged"])]
        state: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
}

pub(crate) async fn run(session: &mut Session, command: DeliveryCommand) -> Result<(), CliError> {
    match command {
        DeliveryCommand::Metrics(args) => metrics::run(session, args).await,
    }
}

pub(crate) async fn deployments(session: &mut Session, command: DeploymentsCommand) -> Result<(), CliError> {
    let DeploymentsCommand::List { service, environment, outcome, paging } = command;
    let query = DeploymentQuery { service, environment, outcome, cursor: None, limit: None };
    list::print::<Deployment>(session, &["deployments"], &query, &paging).await
}

pub(crate) async fn changes(session: &mut Session, command: ChangesCommand) -> Result<(), CliError> {
    let ChangesCommand::List { service, state, paging } = command;
    let query = ChangeQuery { service, state, cursor: None, limit: None };
    list::print::<Change>(session, &["changes"], &query, &paging).await
}

impl Row for Deployment {
    const PLURAL: &'static str = "deployments";
    const HEADER: &'static [&'static str] =
        &["ID", "OUTCOME", "SERVICE", "ENVIRONMENT", "REF", "COMMIT", "ACTOR", "CREATED", "NOTES"];
    const WHOLE: &'static [usize] = &[0, 1, 5, 7];

    fn id(&self) -> &str {
        &self.id
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        let mut notes = Vec::new();
        if self.production == Some(true) {
            notes.push("production");
        }
        if self.rework {
            notes.push("rework");
        }
        vec![
            (&self.id).into(),
            outcome(self.outcome),
            (&self.service).into(),
            (&self.environment).into(),
            format::text_or_dash(self.reference.as_deref()).into(),
            self.commit.as_deref().map_or_else(format::dash, format::commit).into(),
            format::text_or_dash(self.actor.as_deref()).into(),
            format::ago_or_dash(self.created_at, now).into(),
            notes.join(", ").into(),
        ]
    }
}

fn outcome(outcome: DeploymentOutcome) -> Field {
    let (text, tone) = match outcome {
        DeploymentOutcome::Pending => ("pending", Tone::Active),
        DeploymentOutcome::Succeeded => ("succeeded", Tone::Good),
        DeploymentOutcome::Failed => ("failed", Tone::Bad),
        DeploymentOutcome::Superseded => ("superseded", Tone::Muted),
    };
    Field::toned(text, tone)
}

impl Row for Change {
    const PLURAL: &'static str = "changes";
    const HEADER: &'static [&'static str] =
        &["ID", "STATE", "SERVICE", "NUMBER", "TITLE", "AUTHOR", "BASE", "CREATED", "MERGED"];
    const WHOLE: &'static [usize] = &[0, 1, 3, 7, 8];

    fn id(&self) -> &str {
        &self.id
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        let tone = match self.state.as_str() {
            "open" => Tone::Active,
            "merged" => Tone::Good,
            _ => Tone::Muted,
        };
        let state = if self.draft { format!("{} (draft)", self.state) } else { self.state.clone() };
        vec![
            (&self.id).into(),
            Field::toned(state, tone),
            (&self.service).into(),
            format!("#{}", self.number).into(),
            format::text_or_dash(self.title.as_deref()).into(),
            format::text_or_dash(self.author.as_deref()).into(),
            format::text_or_dash(self.base.as_deref()).into(),
            format::ago_or_dash(self.created_at, now).into(),
            format::ago_or_dash(self.merged_at, now).into(),
        ]
    }
}
