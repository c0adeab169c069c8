//! `opssight plugin`: one noun for what a server has installed and for packages that need no server.

mod running;

use super::interrupted;
use crate::failure::failed;
use clap::Subcommand;
use opssight_author::{Access, AuthorCommand, InspectArgs, Talk, is_package};
use opssight_cli::{ClientCommand, GlobalArgs, OutputFormat, PluginsCommand};
use running::Running;
use std::io::{self, ErrorKind, IsTerminal, Write};

pub(super) const EXAMPLES: &str = "Examples:\n  opssight plugin list\n  opssight plugin inspect github\n  \
    opssight plugin inspect ./mine.wasm\n  opssight plugin search --in oci://registry.example/acme\n\n\
    `inspect` asks the server about an installed plugin, and reads a package that is named by its file or address.";

/// Verbs of the noun: those of a server and those that need none.
#[derive(Debug, Subcommand)]
pub(super) enum PluginCommand {
    #[command(flatten)]
    Client(PluginsCommand),
    #[command(flatten)]
    Author(AuthorCommand),
}

pub(super) async fn run(command: PluginCommand, globals: GlobalArgs) -> u8 {
    match command {
        PluginCommand::Client(PluginsCommand::Inspect { id, .. }) if is_package(&id) => {
            let Some(mut talk) = talk(&globals) else { return 2 };
            let args = InspectArgs { package: id, access: Access::default() };
            finish(opssight_author::inspect(&args, &mut talk).await, &globals)
        }
        PluginCommand::Client(PluginsCommand::Replay(args)) => match super::replay::run(&args, &globals).await {
            Ok(all_same) => u8::from(!all_same),
            Err(error) => super::fail(&error),
        },
        PluginCommand::Client(command) => opssight_cli::run(ClientCommand::Plugins(command), globals).await,
        PluginCommand::Author(command) => {
            let Some(mut talk) = talk(&globals) else { return 2 };
            let host = Running(globals.clone());
            // Compilers that are at work are killed with the work that is dropped here.
            let done = tokio::select! {
                done = opssight_author::run(command, &mut talk, &host) => done,
                code = interrupted() => return code,
            };
            finish(done, &globals)
        }
    }
}

/// The streams of this process. None: the format is one that only the server's answers have.
fn talk(globals: &GlobalArgs) -> Option<Talk> {
    let json = match globals.output {
        OutputFormat::Table => false,
        OutputFormat::Json | OutputFormat::Jsonl => true,
        OutputFormat::Yaml | OutputFormat::Name | OutputFormat::Csv => {
            // Nowhere is left to say that standard error is gone.
            let _ = writeln!(io::stderr(), "error: this command prints for people, or JSON with `-o json`");
            return None;
        }
    };
    let quiet = globals.quiet || !io::stderr().is_terminal();
    Some(Talk::new(Box::new(io::stdout()), Box::new(io::stderr()), json, quiet))
}

fn finish(done: anyhow::Result<u8>, globals: &GlobalArgs) -> u8 {
    let error = match done {
        Ok(code) => return code,
        Err(error) => error,
    };
    // Whoever read our output has seen enough.
    let is_closed = |error: &io::Error| error.kind() == ErrorKind::BrokenPipe;
    if error.downcast_ref::<io::Error>().is_some_and(is_closed) {
        return 0;
    }
    if !matches!(globals.output, OutputFormat::Json | OutputFormat::Jsonl) {
        return super::fail(&error);
    }
    let envelope = serde_json::json!({ "code": "failed", "message": failed(error.as_ref()) });
    let _ = writeln!(io::stderr(), "{envelope}");
    1
}
