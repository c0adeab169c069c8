//! `opssight keys`.

use crate::Session;
use crate::Time;
use crate::args::wire;
use crate::error::CliError;
use crate::list::{self, Row};
use crate::people::{ROLES, word};
use crate::ui::format;
use crate::ui::table::{Field, Table, Tone};
use clap::Subcommand;
use opssight_api_types::keys::{ApiKey, MadeApiKey, NewApiKey, Role};

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight keys make \"ci of the shop\" --role operator\n  \
    opssight keys list\n  opssight keys revoke \"ci of the shop\"";

#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// List keys: what they may do, when they end, when they were last used
    #[command(after_help = "Examples:\n  opssight keys list\n  opssight keys list -o jsonl")]
    List,
    /// Make a key for a program; it is shown this once
    #[command(
        after_help = "A program sends it as `Authorization: Bearer <key>`; `opssight` takes it from OPSSIGHT_TOKEN.\n\n\
        Examples:\n  opssight keys make \"ci of the shop\" --role operator\n  \
        opssight keys make grafana --role viewer --days 365\n  \
        opssight keys make backup --role viewer -o json > key.json"
    )]
    Make {
        /// What the key is for; keys are told apart by it
        #[arg(value_name = "NAME")]
        name: String,
        /// What it may do: `opssight can <role>` lists that
        #[arg(long, value_parser = wire::<Role>(ROLES))]
        role: Role,
        /// How many days it lasts
        #[arg(long, default_value_t = 90, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=366))]
        days: u32,
    },
    /// Revoke a key: it works no more
    #[command(
        after_help = "Examples:\n  opssight keys revoke \"ci of the shop\"\n  opssight keys revoke key_0192f0c1 --yes"
    )]
    Revoke {
        /// Its name or id
        #[arg(value_name = "KEY")]
        key: String,
    },
}

pub(crate) async fn run(session: &mut Session, command: KeysCommand) -> Result<(), CliError> {
    match command {
        KeysCommand::List => list::print_whole::<ApiKey>(session, &["keys"], &()).await,
        KeysCommand::Make { name, role, days } => make(session, NewApiKey { name, role, days }).await,
        KeysCommand::Revoke { key } => revoke(session, &key).await,
    }
}

async fn make(session: &mut Session, new: NewApiKey) -> Result<(), CliError> {
    let made = session.client.post::<MadeApiKey>(&["keys"], &new).await?;
    let MadeApiKey { secret, key } = &made.value;
    session.ui.document(&made.tree, &key.id, |ui| {
        let mut sheet = Table::sheet();
        sheet.entry("Key", secret);
        sheet.entry("Id", &key.id);
        sheet.entry("Name", &key.name);
        sheet.entry("Role", word(key.role));
        sheet.entry("Ends", format::ago(key.expires_at, ui.now()));
        ui.table(&sheet)
    })?;
    session.ui.note("The key is shown this once.");
    Ok(())
}

async fn revoke(session: &mut Session, named: &str) -> Result<(), CliError> {
    let keys = list::all::<ApiKey>(session, &["keys"], &()).await?;
    let found = keys.iter().find(|key| key.id == named).or_else(|| keys.iter().find(|key| key.name == named));
    let key =
        found.ok_or_else(|| CliError::Usage(format!("there is no key `{named}`; `opssight keys list` shows them")))?;
    session.ui.confirm(&format!("Revoke the key {}? Whoever uses it is refused from then on.", key.name)).await?;
    session.client.delete(&["keys", &key.id]).await?;
    session.ui.done(None, &key.id, &format!("The key {} is revoked.", key.name))
}

impl Row for ApiKey {
    const PLURAL: &'static str = "keys";
    const HEADER: &'static [&'static str] = &["ID", "NAME", "ROLE", "MADE", "BY", "LAST USED", "ENDS"];
    const WHOLE: &'static [usize] = &[0, 2, 3, 5, 6];

    fn id(&self) -> &str {
        &self.id
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        let ends = match self.expires_at <= now {
            true => Field::toned("ended", Tone::Bad),
            false => format::ago(self.expires_at, now).into(),
        };
        vec![
            (&self.id).into(),
            (&self.name).into(),
            word(self.role).into(),
            format::ago(self.created_at, now).into(),
            (&self.created_by).into(),
            format::ago_or_dash(self.last_used_at, now).into(),
            ends,
        ]
    }
}
