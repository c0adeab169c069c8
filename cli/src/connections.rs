//! `opssight connections`.

mod add;
mod grants;
mod input;

use crate::Session;
use crate::Time;
use crate::args::Paging;
use crate::client::Received;
use crate::error::CliError;
use crate::list::{self, Row};
use crate::ui::table::{Field, Table, Tone};
use crate::ui::{Ui, format};
use clap::Subcommand;
use opssight_api_types::connections::{CheckResult, Connection, ConnectionQuery};
use serde_json::Value;
use std::collections::BTreeMap;

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight connections add --plugin github --name acme --set \
    repositories=acme/web --credential api.token=@token.txt\n  opssight connections list\n  opssight connections check acme";

#[derive(Debug, Subcommand)]
pub enum ConnectionsCommand {
    /// Configure a plugin
    Add(Box<add::AddArgs>),
    /// List connections
    #[command(
        after_help = "Examples:\n  opssight connections list\n  opssight connections list --plugin github -o json"
    )]
    List {
        /// Only of this plugin
        #[arg(long, value_name = "ID")]
        plugin: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a connection: what it may, how it is doing
    #[command(
        after_help = "Examples:\n  opssight connections show acme\n  opssight connections show con_0192f0c1 -o yaml"
    )]
    Show {
        /// Id or name of the connection
        connection: String,
    },
    /// Remove a connection and its credentials
    #[command(
        visible_alias = "rm",
        after_help = "Examples:\n  opssight connections remove acme\n  \
        opssight connections remove con_0192f0c1 --yes"
    )]
    Remove {
        /// Id or name of the connection
        connection: String,
    },
    /// Withhold something from a connection that its plugin can do; in force from the next call on
    #[command(after_help = "`opssight plugin inspect PLUGIN` lists what can be withheld.\n\nExamples:\n  \
        opssight connections withhold acme \"act rerun\"")]
    Withhold {
        /// Id or name of the connection
        connection: String,
        /// The ability, by its key
        ability: String,
    },
    /// Give back what was withheld
    #[command(after_help = "Examples:\n  opssight connections grant acme \"act rerun\"")]
    Grant {
        /// Id or name of the connection
        connection: String,
        /// The ability, by its key
        ability: String,
    },
    /// Ask its plugin whether it can work
    #[command(
        after_help = "Exit code 0 when it can, 5 when it can not.\n\nExamples:\n  opssight connections check acme\n  \
        opssight connections check acme -o json"
    )]
    Check {
        /// Id or name of the connection
        connection: String,
    },
    /// Pull now instead of at the next time
    #[command(after_help = "Examples:\n  opssight connections sync acme\n  opssight connections sync acme --quiet")]
    Sync {
        /// Id or name of the connection
        connection: String,
    },
}

pub(crate) async fn run(session: &mut Session, command: ConnectionsCommand) -> Result<(), CliError> {
    match command {
        ConnectionsCommand::Add(args) => add::add(session, *args).await,
        ConnectionsCommand::List { plugin, paging } => {
            let query = ConnectionQuery { plugin, cursor: None, limit: None };
            list::print::<Connection>(session, &["connections"], &query, &paging).await
        }
        ConnectionsCommand::Show { connection } => {
            let found = find(session, &connection).await?;
            let hook = hook(session, &found.value);
            session.ui.document(&found.tree, &found.value.id, |ui| print(ui, &found.value, hook.as_deref()))
        }
        ConnectionsCommand::Remove { connection } => remove(session, &connection).await,
        ConnectionsCommand::Withhold { connection, ability } => {
            grants::change(session, &connection, &ability, grants::Change::Withhold).await
        }
        ConnectionsCommand::Grant { connection, ability } => {
            grants::change(session, &connection, &ability, grants::Change::Grant).await
        }
        ConnectionsCommand::Check { connection } => check(session, &connection).await,
        ConnectionsCommand::Sync { connection } => sync(session, &connection).await,
    }
}

/// By id, else by name: names are unique, and they are what people remember.
async fn find(session: &Session, id_or_name: &str) -> Result<Received<Connection>, CliError> {
    let get = async |id: &str| session.client.get::<Connection>(&["connections", id], &()).await;
    let missing = match get(id_or_name).await {
        Err(error) if error.status() == Some(404) => error,
        answer => return answer,
    };
    let all = list::all::<Connection>(session, &["connections"], &ConnectionQuery::default()).await?;
    match all.iter().find(|connection| connection.name == id_or_name) {
        Some(connection) => get(&connection.id).await,
        None => Err(missing),
    }
}

/// The id to filter by, of a connection that was named by id or name. What is neither is taken for the id of one that
/// was removed: what came through it is still there.
pub(crate) async fn filter(session: &Session, id_or_name: Option<String>) -> Result<Option<String>, CliError> {
    let Some(id_or_name) = id_or_name else { return Ok(None) };
    let all = list::all::<Connection>(session, &["connections"], &ConnectionQuery::default()).await?;
    let is_id = all.iter().any(|connection| connection.id == id_or_name);
    let named = all.into_iter().find(|connection| !is_id && connection.name == id_or_name);
    Ok(Some(named.map_or(id_or_name, |connection| connection.id)))
}

async fn remove(session: &mut Session, id_or_name: &str) -> Result<(), CliError> {
    let connection = find(session, id_or_name).await?.value;
    session
        .ui
        .confirm(&format!("Remove connection {} ({}) and its credentials?", connection.name, connection.id))
        .await?;
    session.client.delete(&["connections", &connection.id]).await?;
    session.ui.done(None, &connection.id, &format!("Removed connection {}.", connection.name))
}

async fn check(session: &mut Session, id_or_name: &str) -> Result<(), CliError> {
    let connection = find(session, id_or_name).await?.value;
    let result = session.client.post::<CheckResult>(&["connections", &connection.id, "check"], &empty()).await?;
    session.ui.document(&result.tree, &connection.id, |ui| {
        let mut sheet = Table::sheet();
        sheet.entry("Connection", &connection.name);
        sheet.entry("Health", health(&result.value.health));
        sheet.entry("Says", &result.value.summary);
        sheet.entry_if("Fault of", result.value.fault.as_ref());
        ui.table(&sheet)
    })?;
    if result.value.health == "ok" {
        return Ok(());
    }
    Err(CliError::EndedBadly(format!("connection {} can not work: {}", connection.name, result.value.summary)))
}

async fn sync(session: &mut Session, id_or_name: &str) -> Result<(), CliError> {
    let connection = find(session, id_or_name).await?.value;
    let answer = session.client.post_any(&["connections", &connection.id, "sync"], &empty()).await?;
    let message = format!("{} is pulled now. `opssight connections show {id_or_name}` tells how far.", connection.name);
    session.ui.done(answer.as_ref(), &connection.id, &message)
}

fn empty() -> serde_json::Value {
    serde_json::json!({})
}

/// The address that upstreams deliver to, as seen from here.
fn hook(session: &Session, connection: &Connection) -> Option<String> {
    connection.hook_path.as_deref().map(|path| session.client.server().hook(path))
}

impl Row for Connection {
    const PLURAL: &'static str = "connections";
    const HEADER: &'static [&'static str] =
        &["ID", "NAME", "PLUGIN", "HEALTH", "LAST DELIVERY", "PENDING", "FAILED", "SUMMARY"];
    const WHOLE: &'static [usize] = &[0, 2, 3, 4, 5, 6];

    fn id(&self) -> &str {
        &self.id
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        let failed = if self.status.failed > 0 { Tone::Bad } else { Tone::Plain };
        vec![
            (&self.id).into(),
            (&self.name).into(),
            (&self.plugin).into(),
            if self.enabled { health(&self.status.health) } else { Field::toned("off", Tone::Muted) },
            format::ago_or_dash(self.status.last_delivery_at, now).into(),
            self.status.pending.to_string().into(),
            Field::toned(self.status.failed.to_string(), failed),
            format::text_or_dash(self.status.summary.as_deref()).into(),
        ]
    }
}

pub(crate) fn health(word: &str) -> Field {
    let tone = match word {
        "ok" => Tone::Good,
        "failing" => Tone::Bad,
        _ => Tone::Muted,
    };
    Field::toned(word, tone)
}

/// By key; text without its quotes.
fn settings(connection: &Connection) -> BTreeMap<&str, String> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let settings = connection.settings.as_object().into_iter().flatten();
    settings.map(|(key, value)| (key.as_str(), text(value))).collect()
}

fn print(ui: &mut Ui, connection: &Connection, hook: Option<&str>) -> Result<(), CliError> {
    let (status, now) = (&connection.status, ui.now());
    let mut sheet = Table::sheet();
    sheet.entry("Connection", &connection.name);
    sheet.entry("Id", &connection.id);
    sheet.entry("Plugin", &connection.plugin);
    sheet.entry("Enabled", if connection.enabled { "yes" } else { "no" });
    sheet.entry("Health", health(&status.health));
    sheet.entry_if("Says", status.summary.as_ref());
    sheet.entry_if("Checked", status.checked_at.map(|at| format::ago(at, now)));
    sheet.entry_if("Hook address", hook);
    sheet.entry_if("Webhook secret", connection.webhook_secret.as_ref());
    sheet.entry("Last delivery", format::ago_or_dash(status.last_delivery_at, now));
    sheet.entry("Pending", status.pending.to_string());
    sheet.entry("Failed", status.failed.to_string());
    for (key, value) in settings(connection) {
        sheet.entry(&format!("Setting {key}"), value);
    }
    for (name, credential) in &connection.credentials {
        let public = credential.inputs.iter().map(|(name, value)| format!("{name}={value}"));
        let secret = credential.secrets.iter().map(|name| format!("{name}=(set)"));
        let inputs: Vec<_> = public.chain(secret).collect();
        sheet.entry(&format!("Credential {name}"), format!("{} {}", credential.scheme, inputs.join(" ")));
    }
    if !connection.grants.networks.is_empty() {
        sheet.entry("Granted networks", connection.grants.networks.join(", "));
    }
    if connection.grants.insecure_http {
        sheet.entry("Plain http", Field::toned("allowed to the granted networks", Tone::Active));
    }
    for (index, ability) in connection.grants.withheld.iter().enumerate() {
        sheet.entry(if index == 0 { "Withheld" } else { "" }, ability);
    }
    ui.table(&sheet)?;
    if status.feeds.is_empty() {
        return Ok(());
    }
    let mut feeds = Table::new(&["FEED", "LAST SUCCESS", "NEXT", "ITEMS", "ERROR"]).whole(&[0, 1, 2, 3]);
    for feed in &status.feeds {
        feeds.row(vec![
            (&feed.name).into(),
            format::ago_or_dash(feed.last_success_at, now).into(),
            format::ago_or_dash(feed.next_at, now).into(),
            feed.items.to_string().into(),
            Field::toned(
                format::text_or_dash(feed.error.as_deref()),
                if feed.error.is_some() { Tone::Bad } else { Tone::Plain },
            ),
        ]);
    }
    ui.write_line("")?;
    ui.table(&feeds)
}
