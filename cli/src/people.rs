//! `opssight people`.

use crate::Session;
use crate::Time;
use crate::args::wire;
use crate::error::CliError;
use crate::list::{self, Row};
use crate::ui::format;
use crate::ui::table::{Field, Table, Tone};
use clap::Subcommand;
use opssight_api_types::keys::Role;
use opssight_api_types::people::{Invitation, MadeInvitation, NewInvitation, Person, PersonPatch};

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight people invite ada@example.com --role operator\n  \
    opssight people list\n  opssight people change ada@example.com --role admin";

pub(crate) const ROLES: &[&str] = &["viewer", "operator", "admin"];

#[derive(Debug, Subcommand)]
pub enum PeopleCommand {
    /// List everybody with an account
    #[command(after_help = "Examples:\n  opssight people list\n  opssight people list -o jsonl")]
    List,
    /// Invite somebody; the link to join is shown this once and is good for a week
    #[command(after_help = "Examples:\n  opssight people invite ada@example.com --role operator\n  \
        opssight people invite ada@example.com --role viewer -o json")]
    Invite {
        /// Their address
        #[arg(value_name = "EMAIL")]
        email: String,
        /// What they will be able to do: `opssight can <role>` lists that
        #[arg(long, value_parser = wire::<Role>(ROLES))]
        role: Role,
    },
    /// List those who are invited and have not joined
    #[command(after_help = "Examples:\n  opssight people invitations")]
    Invitations,
    /// Take an invitation back
    #[command(after_help = "Examples:\n  opssight people withdraw ada@example.com")]
    Withdraw {
        /// The address that was invited, or the id of the invitation
        #[arg(value_name = "EMAIL")]
        invitation: String,
    },
    /// Change what somebody may do, or whether they may sign in
    #[command(after_help = "It holds from their next request on.\n\nExamples:\n  \
        opssight people change ada@example.com --role admin\n  opssight people change ada@example.com --suspend\n  \
        opssight people change ada@example.com --restore")]
    Change {
        /// Their address or id
        #[arg(value_name = "PERSON")]
        person: String,
        /// What they may do
        #[arg(long, value_parser = wire::<Role>(ROLES))]
        role: Option<Role>,
        /// They may not sign in, and are signed out
        #[arg(long, conflicts_with = "restore")]
        suspend: bool,
        /// They may sign in again
        #[arg(long)]
        restore: bool,
    },
    /// Remove somebody: their account and their sessions
    #[command(
        after_help = "Examples:\n  opssight people remove ada@example.com\n  opssight people remove per_0192f0c1 --yes"
    )]
    Remove {
        /// Their address or id
        #[arg(value_name = "PERSON")]
        person: String,
    },
}

pub(crate) async fn run(session: &mut Session, command: PeopleCommand) -> Result<(), CliError> {
    match command {
        PeopleCommand::List => list::print_whole::<Person>(session, &["people"], &()).await,
        PeopleCommand::Invite { email, role } => invite(session, NewInvitation { email, role }).await,
        PeopleCommand::Invitations => list::print_whole::<Invitation>(session, &["invitations"], &()).await,
        PeopleCommand::Withdraw { invitation } => withdraw(session, &invitation).await,
        PeopleCommand::Change { person, role, suspend, restore } => {
            let suspended = (suspend || restore).then_some(suspend);
            change(session, &person, PersonPatch { name: None, role, suspended }).await
        }
        PeopleCommand::Remove { person } => remove(session, &person).await,
    }
}

async fn invite(session: &mut Session, new: NewInvitation) -> Result<(), CliError> {
    let made = session.client.post::<MadeInvitation>(&["invitations"], &new).await?;
    let MadeInvitation { path, invitation, .. } = &made.value;
    let server = session.client.server().to_string();
    session.ui.document(&made.tree, &invitation.id, |ui| {
        let mut sheet = Table::sheet();
        sheet.entry("Link", format!("{}{path}", server.trim_end_matches('/')));
        sheet.entry("For", &invitation.email);
        sheet.entry("Role", word(invitation.role));
        sheet.entry("Ends", format::ago(invitation.expires_at, ui.now()));
        ui.table(&sheet)
    })?;
    session.ui.note("The link is shown this once: send it to them, and to nobody else.");
    Ok(())
}

async fn withdraw(session: &mut Session, named: &str) -> Result<(), CliError> {
    let all = list::all::<Invitation>(session, &["invitations"], &()).await?;
    let found = all.iter().find(|one| one.id == named || one.email.eq_ignore_ascii_case(named));
    let one = found.ok_or_else(|| {
        CliError::Usage(format!("`{named}` is not invited; `opssight people invitations` shows who is"))
    })?;
    session.client.delete(&["invitations", &one.id]).await?;
    session.ui.done(None, &one.id, &format!("The invitation of {} is taken back.", one.email))
}

async fn find(session: &Session, named: &str) -> Result<Person, CliError> {
    let people = list::all::<Person>(session, &["people"], &()).await?;
    let found = people.into_iter().find(|person| person.id == named || person.email.eq_ignore_ascii_case(named));
    found.ok_or_else(|| CliError::Usage(format!("there is nobody `{named}`; `opssight people list` shows everybody")))
}

async fn change(session: &mut Session, named: &str, patch: PersonPatch) -> Result<(), CliError> {
    if patch.role.is_none() && patch.suspended.is_none() {
        return Err(CliError::Usage("say what is to change: --role, --suspend or --restore".to_owned()));
    }
    let person = find(session, named).await?;
    if patch.suspended == Some(true) {
        session
            .ui
            .confirm(&format!("Suspend {}? They are signed out; keys that they made go on working.", person.email))
            .await?;
    }
    let changed = session.client.patch::<Person>(&["people", &person.id], None, &patch).await?;
    let role = word(changed.value.role);
    let now = if changed.value.suspended { "suspended".to_owned() } else { format!("of the role {role}") };
    session.ui.done(Some(&changed.tree), &person.id, &format!("{} is {now}.", person.email))
}

async fn remove(session: &mut Session, named: &str) -> Result<(), CliError> {
    let person = find(session, named).await?;
    session
        .ui
        .confirm(&format!(
            "Remove {}? Their account and their sessions end; keys that they made go on working.",
            person.email
        ))
        .await?;
    session.client.delete(&["people", &person.id]).await?;
    session.ui.done(None, &person.id, &format!("{} is removed.", person.email))
}

/// A role as people read it.
pub(crate) fn word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Admin => "admin",
    }
}

impl Row for Person {
    const PLURAL: &'static str = "people";
    const HEADER: &'static [&'static str] = &["ID", "EMAIL", "NAME", "ROLE", "JOINED", "SIGNED IN"];
    const WHOLE: &'static [usize] = &[0, 3, 4, 5];

    fn id(&self) -> &str {
        &self.id
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        let role = if self.suspended { Field::toned("suspended", Tone::Bad) } else { word(self.role).into() };
        vec![
            (&self.id).into(),
            (&self.email).into(),
            (&self.name).into(),
            role,
            format::ago(self.created_at, now).into(),
            format::ago_or_dash(self.signed_in_at, now).into(),
        ]
    }
}

impl Row for Invitation {
    const PLURAL: &'static str = "invitations";
    const HEADER: &'static [&'static str] = &["ID", "EMAIL", "ROLE", "INVITED", "BY", "ENDS"];
    const WHOLE: &'static [usize] = &[0, 2, 3, 5];

    fn id(&self) -> &str {
        &self.id
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        vec![
            (&self.id).into(),
            (&self.email).into(),
            word(self.role).into(),
            format::ago(self.created_at, now).into(),
            (&self.created_by).into(),
            format::ago(self.expires_at, now).into(),
        ]
    }
}
