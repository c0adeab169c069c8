//! The client commands alone, without the server: a small binary to try them while working on them.
//!
//! `cargo run -p opssight-cli --example client -- runs list`

use clap::{CommandFactory, Parser};
use opssight_cli::{ClientCommand, GlobalArgs, PluginsCommand, Shell};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "opssight", version, about = "The client commands of OpsSight")]
struct Cli {
    #[command(flatten)]
    globals: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Look for what is wrong
    Doctor,
    /// Print the completion script of a shell
    Completion { shell: Shell },
    /// Installed plugins
    #[command(subcommand, visible_alias = "plugins")]
    Plugin(PluginsCommand),
    #[command(flatten)]
    Client(ClientCommand),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Cli { globals, command } = Cli::parse();
    ExitCode::from(match command {
        Command::Doctor => opssight_cli::doctor(globals).await,
        Command::Completion { shell } => opssight_cli::completion(shell, Cli::command()),
        Command::Plugin(command) => opssight_cli::run(ClientCommand::Plugins(command), globals).await,
        Command::Client(command) => opssight_cli::run(command, globals).await,
    })
}
