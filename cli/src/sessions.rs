//! `opssight sessions`.

use crate::Session;
use crate::Time;
use crate::error::CliError;
use crate::list::{self, Row};
use crate::ui::format;
use crate::ui::table::{Field, Tone};
use clap::Subcommand;
use opssight_api_types::identity::OwnSession;

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight sessions list\n  opssight sessions end ses_0192f0c1";

#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// List your sessions, the newest first
    #[command(after_help = "Examples:\n  opssight sessions list")]
    List,
    /// End sessions of yours
    #[command(after_help = "Examples:\n  opssight sessions end ses_0192f0c1\n  opssight sessions end --others")]
    End {
        /// The sessions
        #[arg(value_name = "SESSION", required_unless_present = "others", conflicts_with = "others")]
        ids: Vec<String>,
        /// All but this one
        #[arg(long)]
        others: bool,
    },
}

pub(crate) async fn run(session: &mut Session, command: SessionsCommand) -> Result<(), CliError> {
    match command {
        SessionsCommand::List => list::print_whole::<OwnSession>(session, &["sessions"], &()).await,
        SessionsCommand::End { ids, others } => {
            let ids = if others { all_others(session).await? } else { ids };
            for id in &ids {
                session.client.delete(&["sessions", id]).await?;
                session.ui.done(None, id, &format!("The session {id} has ended."))?;
            }
            if ids.is_empty() {
                session.ui.note("There is no other session.");
            }
            Ok(())
        }
    }
}

async fn all_others(session: &mut Session) -> Result<Vec<String>, CliError> {
    let all = list::all::<OwnSession>(session, &["sessions"], &()).await?;
    let others: Vec<_> = all.into_iter().filter(|one| !one.current).map(|one| one.id).collect();
    if !others.is_empty() {
        session.ui.confirm(&format!("End {} other sessions?", others.len())).await?;
    }
    Ok(others)
}

impl Row for OwnSession {
    const PLURAL: &'static str = "sessions";
    const HEADER: &'static [&'static str] = &["ID", "LABEL", "BEGAN", "ENDS", ""];
    const WHOLE: &'static [usize] = &[0, 2, 3, 4];

    fn id(&self) -> &str {
        &self.id
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        let mark = if self.current { Field::toned("this one", Tone::Good) } else { "".into() };
        vec![
            (&self.id).into(),
            (&self.label).into(),
            format::ago(self.created_at, now).into(),
            format::ago(self.expires_at, now).into(),
            mark,
        ]
    }
}
