//! `opssight plugin trust`.

use crate::Session;
use crate::Time;
use crate::error::CliError;
use crate::list::{self, Row};
use crate::ui::format;
use crate::ui::table::Field;
use clap::Subcommand;
use opssight_api_types::plugins::changes::{Publisher, PublisherKey};

#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// List publishers whose keys are known here
    #[command(after_help = "Examples:\n  opssight plugin trust list")]
    List,
    /// Trust this key for a publisher, and no other
    #[command(after_help = "Ask the publisher for the key by another way than the one that the package came by.\n\n\
        Examples:\n  opssight plugin trust set acme ed25519:4f1c")]
    Set {
        /// The publisher
        #[arg(value_name = "PUBLISHER")]
        publisher: String,
        /// The public key: `ed25519:` and 64 hexadecimal digits
        #[arg(value_name = "KEY")]
        key: String,
    },
    /// Forget the key of a publisher: the next installation pins one
    #[command(after_help = "Examples:\n  opssight plugin trust forget acme")]
    Forget {
        /// The publisher
        #[arg(value_name = "PUBLISHER")]
        publisher: String,
    },
}

pub(super) async fn run(session: &mut Session, command: TrustCommand) -> Result<(), CliError> {
    match command {
        TrustCommand::List => list::print_whole::<Publisher>(session, &["plugins", "publishers"], &()).await,
        TrustCommand::Set { publisher, key } => {
            let question = format!("Believe packages by {publisher} that are signed with {key}, and no others?");
            session.ui.confirm(&question).await?;
            session.client.put(&["plugins", "publishers", &publisher], &PublisherKey { key }).await?;
            session.ui.done(None, &publisher, &format!("Packages by {publisher} must be signed with this key now."))
        }
        TrustCommand::Forget { publisher } => {
            session.ui.confirm(&format!("Forget the key of {publisher}?")).await?;
            session.client.delete(&["plugins", "publishers", &publisher]).await?;
            session.ui.done(None, &publisher, &format!("The key of {publisher} is forgotten."))
        }
    }
}

impl Row for Publisher {
    const PLURAL: &'static str = "publishers";
    const HEADER: &'static [&'static str] = &["PUBLISHER", "KEY", "KNOWN BY", "SINCE"];
    const WHOLE: &'static [usize] = &[0, 1, 3];

    fn id(&self) -> &str {
        &self.publisher
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        let how = if self.how == "listed" { "the configuration" } else { "a pin" };
        vec![(&self.publisher).into(), (&self.key).into(), how.into(), format::ago_or_dash(self.pinned_at, now).into()]
    }
}
