//! The command line: what runs a host, and the client commands beside it.

mod admin;
mod compile_worker;
mod config;
mod db;
mod dev;
mod doctor;
mod events;
mod openapi;
mod plugin;
mod replay;
mod secrets;
mod serve;

use crate::config::Flags;
use crate::failure::failed;
use clap::{CommandFactory, Parser, Subcommand};
use opssight_cli::{ClientCommand, GlobalArgs, Shell, printable_block};
use std::io::Write;
use tokio::signal::unix::{SignalKind, signal};

/// See your pipelines, deployments and delivery metrics in one place, and act on them.
#[derive(Debug, Parser)]
#[command(name = "opssight", version, propagate_version = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(flatten)]
    globals: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the host
    #[command(
        after_help = "Examples:\n  opssight serve\n  opssight serve --listen 0.0.0.0:8080 --data /var/lib/opssight \
                            --public-url https://ops.example.com"
    )]
    Serve(Flags),
    /// Look at the configuration without running the host
    #[command(
        subcommand,
        after_help = "Examples:\n  opssight config check --config opssight.toml\n  opssight config schema"
    )]
    Config(config::ConfigCommand),
    /// The bootstrap admin
    #[command(subcommand, after_help = "Examples:\n  opssight admin reset --data /var/lib/opssight")]
    Admin(admin::AdminCommand),
    /// The store: how it is, backup, restore, and moving to PostgreSQL
    #[command(
        subcommand,
        after_help = "Examples:\n  opssight db status\n  opssight db backup backup.sqlite --data /var/lib/opssight"
    )]
    Db(db::DbCommand),
    /// The master keys that seal stored credentials
    #[command(subcommand, after_help = "Examples:\n  opssight secrets status\n  opssight secrets rotate")]
    Secrets(secrets::SecretsCommand),
    /// The event log: hand events on again
    #[command(subcommand, after_help = "Examples:\n  opssight events replay --to kafka --since 2026-11-30T06:00:00Z")]
    Events(events::EventsCommand),
    /// Real servers on this machine, for whoever works on OpsSight or on a plugin
    #[command(subcommand, after_help = "Examples:\n  opssight dev up --only postgres,redis\n  opssight dev down")]
    Dev(dev::DevCommand),
    /// Print the API's OpenAPI 3.1 description
    #[command(after_help = "Examples:\n  opssight openapi > openapi.json")]
    Openapi,
    /// Look whether all is well, and say how to mend what is not: with what a host here needs, or with a running server
    #[command(after_help = doctor::EXAMPLES)]
    Doctor(doctor::DoctorArgs),
    /// Print a completion script for a shell
    #[command(after_help = "Examples:\n  opssight completion bash > /etc/bash_completion.d/opssight")]
    Completion {
        /// Which shell
        shell: Shell,
    },
    /// Compile one plugin package from standard input to standard output, locked in
    #[command(name = COMPILE_WORKER, hide = true)]
    CompileWorker(compile_worker::Limits),
    /// Plugins: installed ones, packages, and the places that offer them
    #[command(subcommand, visible_alias = "plugins", after_help = plugin::EXAMPLES)]
    Plugin(plugin::PluginCommand),
    #[command(flatten)]
    Client(ClientCommand),
}

/// What the host starts itself with when it has something to compile.
pub(crate) const COMPILE_WORKER: &str = "compile-worker";

/// Run a command; answers with the exit code of the process.
pub fn run(cli: Cli) -> u8 {
    // It locks the process in, for which there must be no other thread yet.
    if let Command::CompileWorker(limits) = cli.command {
        return compile_worker::run(limits);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&anyhow::Error::new(error).context("start the runtime")),
    };
    runtime.block_on(async {
        let done = match cli.command {
            Command::Serve(flags) => serve::run(&flags).await,
            Command::Config(command) => config::run(&command),
            Command::Admin(command) => admin::run(&command).await,
            Command::Db(command) => match db::run(&command).await {
                Ok(code) => return code,
                Err(error) => Err(error),
            },
            Command::Secrets(command) => secrets::run(&command).await,
            Command::Events(command) => events::run(&command).await,
            Command::Dev(command) => dev::run(command).await,
            Command::Openapi => openapi::run(),
            // Answered above.
            Command::CompileWorker(limits) => return compile_worker::run(limits),
            Command::Doctor(args) => return doctor::run(args, cli.globals).await,
            Command::Completion { shell } => return opssight_cli::completion(shell, Cli::command()),
            Command::Plugin(command) => return plugin::run(command, cli.globals).await,
            Command::Client(command) => return opssight_cli::run(command, cli.globals).await,
        };
        match done {
            Ok(()) => 0,
            Err(error) => fail(&error),
        }
    })
}

/// On standard error. What could not be read or done may be quoted in it, whoever wrote that.
fn fail(error: &anyhow::Error) -> u8 {
    // Nowhere is left to say that standard error is gone.
    let _ = writeln!(std::io::stderr(), "opssight: {}", printable_block(&failed(error.as_ref())));
    1
}

/// Ctrl-C, a terminal that is closed, or a polite end; the exit code that goes with it. Every signal that a terminal
/// sends to what runs in it is waited for: compilers have process groups of their own, where it does not send them.
async fn interrupted() -> u8 {
    tokio::select! {
        () = sent(SignalKind::hangup()) => 129,
        () = sent(SignalKind::interrupt()) => 130,
        () = sent(SignalKind::quit()) => 131,
        () = sent(SignalKind::terminate()) => 143,
    }
}

async fn sent(kind: SignalKind) {
    match signal(kind) {
        Ok(mut signal) => drop(signal.recv().await),
        // It then ends this process at once, as it does everywhere.
        Err(_) => std::future::pending().await,
    }
}

/// The process's environment, read in this one place.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
