//! The client commands of `opssight`: everything that talks to a running server over its API.
//!
//! This room knows the wire shapes (`opssight-api-types`) and nothing else of the host. The server crate flattens
//! [`ClientCommand`] and [`GlobalArgs`] into its own command line and calls [`run`], [`doctor`] and [`completion`];
//! each answers with the exit code of the process.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | it worked |
//! | 1 | it failed |
//! | 2 | the command line is wrong, or a question was answered with no |
//! | 4 | not signed in |
//! | 5 | what was watched or checked ended badly |
//! | 8 | what was watched is not over yet |
//! | 130 | interrupted |
//!
//! Only data goes to standard output. Errors and warnings go to standard error; notes and progress too, but only
//! when that is a terminal. Nobody is asked anything without a terminal.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod account;
mod args;
mod can;
mod client;
mod completion;
mod connections;
mod credentials;
mod deliveries;
mod delivery;
mod developer;
mod doctor;
mod error;
mod keys;
mod list;
mod login;
mod metrics;
mod people;
mod pipelines;
mod plugins;
mod runs;
mod sessions;
mod tree;
mod ui;

pub use args::{ClientCommand, GlobalArgs, OutputFormat};
pub use clap_complete::Shell;
pub use completion::completion;
pub use developer::{Developer, PluginLine};
pub use doctor::{Finding, Status as FindingStatus};
pub use plugins::{PluginsCommand, ReplayArgs};
/// What strangers wrote, made harmless for a terminal.
pub use ui::format::{block as printable_block, bytes, duration, line as printable_line};
pub use ui::{Console, Hidden};

use args::only_metrics_have_csv;
use client::Client;
use error::CliError;
use ui::Ui;

/// A moment, UTC.
type Time = chrono::DateTime<chrono::Utc>;

/// What every command works with.
struct Session {
    client: Client,
    ui: Ui,
}

/// Run a command on the terminal of this process. Answers with the exit code.
pub async fn run(command: ClientCommand, globals: GlobalArgs) -> u8 {
    run_on(command, globals, Console::system()).await
}

/// Run a command on a console of the caller's choice.
pub async fn run_on(command: ClientCommand, globals: GlobalArgs, console: Console) -> u8 {
    finish(globals, console, async |session| dispatch(session, command).await).await
}

/// Ask the server whether all is well and say what is wrong and how to mend it. Answers with the exit code.
pub async fn doctor(globals: GlobalArgs) -> u8 {
    doctor_on(globals, Console::system()).await
}

/// [`doctor`] on a console of the caller's choice.
pub async fn doctor_on(globals: GlobalArgs, console: Console) -> u8 {
    finish(globals, console, async |session| doctor::run(session).await).await
}

/// Print what was found on this machine as [`doctor`] prints what it finds. Answers with the exit code. `data` is the
/// host's data folder.
pub fn doctor_of(globals: &GlobalArgs, data: &str, findings: &[Finding]) -> u8 {
    let mut ui = Ui::new(Console::system(), globals);
    match doctor::print_local(&mut ui, data, findings) {
        Ok(()) => 0,
        Err(error) => ui.fail(&error),
    }
}

/// What the host at an address says of its parts; none if nothing answers there as a host does.
pub async fn readiness(server: &str) -> Option<Vec<Finding>> {
    doctor::readiness(server).await
}

/// Whether there is a server that was signed in to.
pub fn is_signed_in(globals: &GlobalArgs) -> bool {
    credentials::Credentials::path(globals)
        .and_then(|path| credentials::Credentials::load(&path))
        .is_ok_and(|credentials| credentials.current.is_some())
}

/// Fetch one answer of the API as it came, for commands that are carried out elsewhere. An error is told as a command
/// tells it.
pub async fn fetch(globals: &GlobalArgs, path: &[&str]) -> Result<Vec<u8>, String> {
    let mut ui = Ui::new(Console::system(), globals);
    let told = |error: CliError| {
        let next = error.next_step().map(|next| format!(" ({next})")).unwrap_or_default();
        format!("fetch {} from the server: {error}{next}", path.join("/"))
    };
    let client = Client::new(globals, &mut ui).map_err(told)?;
    client.download(path).await.map_err(told)
}

async fn dispatch(session: &mut Session, command: ClientCommand) -> Result<(), CliError> {
    if !matches!(command, ClientCommand::Metrics(_)) {
        only_metrics_have_csv(session.ui.format())?;
    }
    match command {
        ClientCommand::Login(args) => login::login(session, args).await,
        ClientCommand::Logout => login::logout(session).await,
        ClientCommand::Whoami => login::whoami(session).await,
        ClientCommand::Join(args) => account::join(session, args).await,
        ClientCommand::Password(args) => account::password(session, args).await,
        ClientCommand::Sessions(command) => sessions::run(session, command).await,
        ClientCommand::People(command) => people::run(session, command).await,
        ClientCommand::Can(args) => can::can(session, args).await,
        ClientCommand::Keys(command) => keys::run(session, command).await,
        ClientCommand::Connections(command) => connections::run(session, command).await,
        ClientCommand::Runs(command) => runs::run(session, command).await,
        ClientCommand::Pipelines(command) => pipelines::run(session, command).await,
        ClientCommand::Deliveries(command) => deliveries::run(session, command).await,
        ClientCommand::Delivery(command) => delivery::run(session, command).await,
        ClientCommand::Deployments(command) => delivery::deployments(session, command).await,
        ClientCommand::Changes(command) => delivery::changes(session, command).await,
        ClientCommand::Metrics(command) => metrics::run(session, command).await,
        ClientCommand::Plugins(command) => plugins::run(session, command).await,
    }
}

/// Do the work until it ends or Ctrl-C comes, report what went wrong, and turn it into an exit code.
async fn finish(
    globals: GlobalArgs,
    console: Console,
    work: impl AsyncFnOnce(&mut Session) -> Result<(), CliError>,
) -> u8 {
    let mut ui = Ui::new(console, &globals);
    let client = match Client::new(&globals, &mut ui) {
        Ok(client) => client,
        Err(error) => return ui.fail(&error),
    };
    let mut session = Session { client, ui };
    // The interrupt is polled first so that its handler stands before a prompt can block: a hidden prompt then gets
    // the chance to switch the echo on again.
    let outcome = tokio::select! {
        biased;
        _ = tokio::signal::ctrl_c() => Err(CliError::Interrupted),
        outcome = work(&mut session) => outcome,
    };
    match outcome {
        Ok(()) => 0,
        Err(error) => session.ui.fail(&error),
    }
}
