//! Signing in and out.

use crate::Session;
use crate::account;
use crate::error::CliError;
use crate::ui::format;
use crate::ui::table::Table;
use clap::Args;
use opssight_api_types::identity;

#[derive(Debug, Args)]
#[command(
    after_help = "Without --email it asks for the admin's secret, which the server printed at its first start.\n\nExamples:\n  \
    opssight login --email ada@example.com\n  \
    opssight login --server https://ops.example.com --label \"ada's laptop\"\n  \
    opssight login --with-secret < secret.txt"
)]
pub struct LoginArgs {
    /// Sign in to the account of this address
    #[arg(long, value_name = "EMAIL")]
    email: Option<String>,

    /// Read the password or the secret from standard input instead of asking for it
    #[arg(long)]
    with_secret: bool,

    /// What the session is for, shown in the list of sessions
    #[arg(long, default_value = "command line", value_name = "TEXT")]
    label: String,
}

pub(crate) async fn login(session: &mut Session, args: LoginArgs) -> Result<(), CliError> {
    let server = warn_if_readable(session);
    let (what, prompt) = match &args.email {
        Some(email) => ("the password", format!("Password of {email} at {server}: ")),
        None => ("the secret", format!("Secret of {server}: ")),
    };
    let secret = if args.with_secret {
        if session.ui.input_is_terminal() {
            session.ui.note(&format!("Type {what}, then Enter and Ctrl-D."));
        }
        session.ui.read_input(what)?
    } else {
        session.ui.ask_secret(&prompt, "--with-secret")?
    };
    if secret.trim().is_empty() {
        return Err(CliError::Usage(format!("{what} is empty")));
    }
    let label = Some(args.label);
    let body = match args.email {
        // Spaces can be part of a password.
        Some(email) => {
            let password = Some(account::one_line(&secret));
            identity::SignIn { email: Some(email), password, secret: None, label }
        }
        None => identity::SignIn { secret: Some(secret.trim().to_owned()), label, ..identity::SignIn::default() },
    };
    let opened = session.client.open(&["sessions"], &body).await?;
    remember(session, opened)
}

/// The server that is asked, with a warning where others can read what is sent.
pub(crate) fn warn_if_readable(session: &mut Session) -> String {
    let server = session.client.server().clone();
    if server.is_readable_on_the_way() {
        session.ui.warn(&format!("{server} is not https: the secret can be read on the way"));
    }
    server.to_string()
}

/// Keep a session that was just begun.
pub(crate) fn remember(session: &mut Session, opened: identity::Session) -> Result<(), CliError> {
    let server = session.client.server().clone();
    let expires = format::ago(opened.expires_at, session.ui.now());
    let path = session.client.credentials_path.clone();
    session.client.credentials.remember(server.key(), opened);
    session.client.credentials.save(&path)?;
    session.ui.note(&format!("Signed in to {server}. The session ends {expires}."));
    Ok(())
}

pub(crate) async fn logout(session: &mut Session) -> Result<(), CliError> {
    let server = session.client.server().clone();
    if !session.client.has_token() {
        session.ui.note(&format!("Not signed in to {server}."));
        return Ok(());
    }
    let ended = session.client.delete(&["sessions", "current"]).await;
    // The file is cleaned even where the server is gone or has ended the session already.
    let path = session.client.credentials_path.clone();
    if session.client.credentials.forget(server.key()) {
        session.client.credentials.save(&path)?;
    }
    match ended {
        Ok(()) => {}
        Err(error) if error.exit_code() == 4 => {}
        Err(error) => {
            session.ui.warn("the session is forgotten here, but the server could not be told to end it");
            return Err(error);
        }
    }
    session.ui.note(&format!("Signed out of {server}."));
    Ok(())
}

pub(crate) async fn whoami(session: &mut Session) -> Result<(), CliError> {
    let me = session.client.get::<identity::Me>(&["me"], &()).await?;
    let server = session.client.server().to_string();
    session.ui.document(&me.tree, &me.value.name, |ui| {
        let mut sheet = Table::sheet();
        sheet.entry("Name", &me.value.name);
        sheet.entry("Role", &me.value.role);
        sheet.entry("Server", &server);
        sheet.entry("Session ends", format::ago(me.value.expires_at, ui.now()));
        ui.table(&sheet)
    })
}
