//! `opssight deliveries`.

use crate::Session;
use crate::Time;
use crate::args::{OutputFormat, Paging, wire};
use crate::connections;
use crate::error::CliError;
use crate::list::{self, Row};
use crate::ui::table::{Field, Table, Tone};
use crate::ui::{Ui, format};
use clap::Subcommand;
use opssight_api_types::deliveries::{Delivery, DeliveryDetail, DeliveryQuery, DeliveryState};

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight deliveries list --state failed\n  \
    opssight deliveries show del_0192f0c1\n  opssight deliveries replay --all-failed --connection acme";

const STATES: &[&str] = &["pending", "processing", "done", "ignored", "retrying", "failed", "rejected"];

#[derive(Debug, Subcommand)]
pub enum DeliveriesCommand {
    /// List deliveries, newest first
    #[command(
        after_help = "Examples:\n  opssight deliveries list\n  opssight deliveries list --connection acme --state failed\n  \
        opssight deliveries list --event workflow_run --all -o jsonl"
    )]
    List {
        /// Only of this connection: id or name
        #[arg(long, value_name = "CONNECTION")]
        connection: Option<String>,
        /// Only in this state
        #[arg(long, value_parser = wire::<DeliveryState>(STATES))]
        state: Option<DeliveryState>,
        /// Only of this event
        #[arg(long, value_name = "NAME")]
        event: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a delivery: what became of it, its headers, its body
    #[command(after_help = "Examples:\n  opssight deliveries show del_0192f0c1\n  \
        opssight deliveries show del_0192f0c1 --body > body.json")]
    Show {
        /// The delivery
        #[arg(value_name = "DELIVERY")]
        id: String,
        /// Print the body and nothing else, byte for byte where standard output is no terminal
        #[arg(long)]
        body: bool,
    },
    /// Process deliveries again
    #[command(after_help = "Examples:\n  opssight deliveries replay del_0192f0c1 del_0192f0c2\n  \
        opssight deliveries replay --all-failed\n  opssight deliveries replay --all-failed --connection acme --yes")]
    Replay {
        /// The deliveries
        #[arg(value_name = "DELIVERY", required_unless_present = "all_failed", conflicts_with = "all_failed")]
        ids: Vec<String>,
        /// All that failed for good
        #[arg(long)]
        all_failed: bool,
        /// With --all-failed: only of this connection, id or name
        #[arg(long, value_name = "CONNECTION", conflicts_with = "ids")]
        connection: Option<String>,
    },
}

pub(crate) async fn run(session: &mut Session, command: DeliveriesCommand) -> Result<(), CliError> {
    match command {
        DeliveriesCommand::List { connection, state, event, paging } => {
            let connection = connections::filter(session, connection).await?;
            let query = DeliveryQuery { connection, state, event, cursor: None, limit: None };
            list::print::<Delivery>(session, &["deliveries"], &query, &paging).await
        }
        DeliveriesCommand::Show { id, body } => show(session, &id, body).await,
        DeliveriesCommand::Replay { ids, all_failed: false, .. } => replay(session, &ids).await,
        DeliveriesCommand::Replay { connection, .. } => replay_failed(session, connection).await,
    }
}

async fn show(session: &mut Session, id: &str, body: bool) -> Result<(), CliError> {
    let detail = session.client.get::<DeliveryDetail>(&["deliveries", id], &()).await?;
    if !body {
        return session.ui.document(&detail.tree, &detail.value.delivery.id, |ui| print(ui, &detail.value));
    }
    let Some(body) = detail.value.body else {
        return Err(CliError::Failed(format!("the body of {id} is not kept, or is not text")));
    };
    let body = if session.ui.out_is_terminal() { format::block(&body) } else { body };
    session.ui.write(body.as_bytes())
}

async fn replay_failed(session: &mut Session, connection: Option<String>) -> Result<(), CliError> {
    let connection = connections::filter(session, connection).await?;
    let query = DeliveryQuery { connection, state: Some(DeliveryState::Failed), ..DeliveryQuery::default() };
    // All ids first: a replayed delivery leaves the list, and the pages after it would move.
    let failed = list::all::<Delivery>(session, &["deliveries"], &query).await?;
    if failed.is_empty() {
        session.ui.note("No delivery has failed.");
        return Ok(());
    }
    session.ui.confirm(&format!("Process {} failed deliveries again?", failed.len())).await?;
    let ids: Vec<_> = failed.into_iter().map(|delivery| delivery.id).collect();
    replay(session, &ids).await
}

async fn replay(session: &mut Session, ids: &[String]) -> Result<(), CliError> {
    let bar = session.ui.bar(ids.len() as u64, "[{bar:24}] {pos}/{len} deliveries  {eta} left");
    let mut failures = Vec::new();
    let mut answers = Vec::new();
    for id in ids {
        let answer = session.client.post_any(&["deliveries", id, "replay"], &serde_json::json!({})).await;
        match answer {
            Ok(answer) => {
                if session.ui.format() == OutputFormat::Name {
                    session.ui.write_line(&format::line(id))?;
                }
                answers.extend(answer);
            }
            // Nothing that follows would fare better.
            Err(error) if error.status().is_none() || error.exit_code() == 4 => return Err(error),
            Err(error) => failures.push(format!("{id}: {error}")),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    report(session, answers)?;
    for failure in &failures {
        session.ui.warn(failure);
    }
    let count = ids.len() - failures.len();
    session.ui.note(&format!("{count} of {} deliveries are processed again.", ids.len()));
    if failures.is_empty() {
        return Ok(());
    }
    Err(CliError::Failed(format!("{} of {} deliveries could not be replayed", failures.len(), ids.len())))
}

/// The answers for programs: one document for one delivery, a list for several.
fn report(session: &mut Session, mut answers: Vec<crate::tree::Tree>) -> Result<(), CliError> {
    match session.ui.format() {
        OutputFormat::Table | OutputFormat::Name | OutputFormat::Csv => Ok(()),
        OutputFormat::Jsonl => answers.iter().try_for_each(|answer| session.ui.json_line(answer)),
        OutputFormat::Json | OutputFormat::Yaml => match (answers.len(), answers.pop()) {
            (1, Some(only)) => session.ui.document(&only, "", |_| Ok(())),
            (_, last) => {
                answers.extend(last);
                session.ui.document(&answers, "", |_| Ok(()))
            }
        },
    }
}

impl Row for Delivery {
    const PLURAL: &'static str = "deliveries";
    const HEADER: &'static [&'static str] =
        &["ID", "STATE", "CONNECTION", "EVENT", "RECEIVED", "SIZE", "TRIES", "NOTE"];
    const WHOLE: &'static [usize] = &[0, 1, 4, 5, 6];

    fn id(&self) -> &str {
        &self.id
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        let note = match (&self.error, &self.note) {
            (Some(error), _) => error.message.clone(),
            (None, Some(note)) => note.clone(),
            (None, None) => format!("{} items", self.items),
        };
        vec![
            (&self.id).into(),
            state(self.state),
            (&self.connection).into(),
            format::text_or_dash(self.event.as_deref()).into(),
            format::ago(self.received_at, now).into(),
            format::bytes(self.size).into(),
            self.attempts.to_string().into(),
            note.into(),
        ]
    }
}

fn state(state: DeliveryState) -> Field {
    let (text, tone) = match state {
        DeliveryState::Pending => ("pending", Tone::Active),
        DeliveryState::Processing => ("processing", Tone::Active),
        DeliveryState::Done => ("done", Tone::Good),
        DeliveryState::Ignored => ("ignored", Tone::Muted),
        DeliveryState::Retrying => ("retrying", Tone::Active),
        DeliveryState::Failed => ("failed", Tone::Bad),
        DeliveryState::Rejected => ("rejected", Tone::Bad),
    };
    Field::toned(text, tone)
}

fn print(ui: &mut Ui, detail: &DeliveryDetail) -> Result<(), CliError> {
    let (delivery, now) = (&detail.delivery, ui.now());
    let mut sheet = Table::sheet();
    sheet.entry("Delivery", &delivery.id);
    sheet.entry("State", state(delivery.state));
    if let Some(error) = &delivery.error {
        sheet.entry("Error", Field::toned(&error.message, Tone::Bad));
        sheet.entry("Code", &error.code);
        sheet.entry("Fault of", &error.fault);
    }
    sheet.entry_if("Note", delivery.note.as_ref());
    sheet.entry("Connection", &delivery.connection);
    sheet.entry_if("Event", delivery.event.as_ref());
    sheet.entry("Upstream id", &delivery.delivery_id);
    sheet.entry("Received", format::ago(delivery.received_at, now));
    sheet.entry_if("Finished", delivery.finished_at.map(|at| format::ago(at, now)));
    sheet.entry("Tries", delivery.attempts.to_string());
    sheet.entry_if("Next try", delivery.next_attempt_at.map(|at| format::ago(at, now)));
    sheet.entry("Items", delivery.items.to_string());
    sheet.entry("Size", format::bytes(delivery.size));
    for (name, value) in &detail.headers {
        sheet.entry(&format!("Header {name}"), value);
    }
    ui.table(&sheet)?;
    if let Some(body) = &detail.body {
        ui.write_line(&format!("\n{}", format::block(body)))?;
    }
    Ok(())
}
