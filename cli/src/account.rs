//! `opssight join` and `opssight password`: one's own account.

use crate::Session;
use crate::error::CliError;
use crate::login;
use clap::Args;
use opssight_api_types::identity::NewPassword;
use opssight_api_types::people::Join;

#[derive(Debug, Args)]
#[command(
    after_help = "The link is the one that somebody sent you. The password is asked for; it has at least 12 characters.\n\n\
    Examples:\n  opssight join https://ops.example.com/join/#opsinv_4f1c --name \"Ada Lovelace\"\n  \
    opssight join opsinv_4f1c --server https://ops.example.com --name Ada --with-password < password.txt"
)]
pub struct JoinArgs {
    /// The link of the invitation, or what stands behind its `#`
    #[arg(value_name = "LINK")]
    link: String,

    /// As you call yourself
    #[arg(long, value_name = "NAME")]
    name: String,

    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    with_password: bool,

    /// What the session is for, shown in the list of sessions
    #[arg(long, default_value = "command line", value_name = "TEXT")]
    label: String,
}

#[derive(Debug, Args)]
#[command(
    after_help = "All your other sessions end.\n\nExamples:\n  opssight password\n  opssight password --with-passwords < both.txt"
)]
pub struct PasswordArgs {
    /// Read the password until now and the new one from standard input, one a line
    #[arg(long)]
    with_passwords: bool,
}

pub(crate) async fn join(session: &mut Session, args: JoinArgs) -> Result<(), CliError> {
    let server = login::warn_if_readable(session);
    let token = match args.link.split_once("/join/#") {
        Some((address, _)) if address.trim_end_matches('/') != server.trim_end_matches('/') => {
            let say = format!("the link is of {address}, and this would ask {server}: give `--server {address}`");
            return Err(CliError::Usage(say));
        }
        Some((_, token)) => token,
        None => args.link.as_str(),
    };
    let password = if args.with_password {
        one_line(&session.ui.read_input("the password")?)
    } else {
        let first = session.ui.ask_secret("New password: ", "--with-password")?;
        if session.ui.ask_secret("The same again: ", "--with-password")? != first {
            return Err(CliError::Usage("the two are not the same".to_owned()));
        }
        first
    };
    let join = Join { token: token.trim().to_owned(), name: args.name, password, label: Some(args.label) };
    let opened = session.client.open(&["invitations", "join"], &join).await?;
    login::remember(session, opened)
}

pub(crate) async fn password(session: &mut Session, args: PasswordArgs) -> Result<(), CliError> {
    login::warn_if_readable(session);
    let (current, new) = if args.with_passwords {
        let text = session.ui.read_input("the passwords")?;
        match text.lines().collect::<Vec<_>>().as_slice() {
            [current, new] => ((*current).to_owned(), (*new).to_owned()),
            _ => {
                return Err(CliError::Usage(
                    "standard input must have two lines: the password until now, and the new one".to_owned(),
                ));
            }
        }
    } else {
        let current = session.ui.ask_secret("Password until now: ", "--with-passwords")?;
        let new = session.ui.ask_secret("New password: ", "--with-passwords")?;
        if session.ui.ask_secret("The same again: ", "--with-passwords")? != new {
            return Err(CliError::Usage("the two are not the same".to_owned()));
        }
        (current, new)
    };
    session.client.put(&["me", "password"], &NewPassword { current, new }).await?;
    session.ui.done(None, "password", "That is your password now. Your other sessions have ended.")
}

/// Editors and `echo` end a file with a line break, which is no part of a password.
pub(crate) fn one_line(text: &str) -> String {
    text.strip_suffix('\n').map_or(text, |line| line.strip_suffix('\r').unwrap_or(line)).to_owned()
}
