//! The client commands against a small server that answers from fixtures: what is printed, what is asked, and the
//! exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

mod api;
mod asking;
mod calls;
mod connections;
mod doctor;
mod errors;
mod help;
mod keys;
mod lists;
mod login;
mod metrics;
mod output;
mod people;
mod plugins;
mod terminal;
mod watch;

use api::Api;
use clap::Parser;
use opssight_cli::{ClientCommand, Console, GlobalArgs, PluginsCommand};
use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};

// The command line as the binary builds it: the commands flattened beside others.
#[derive(Debug, Parser)]
#[command(name = "opssight", version, about = "Pipelines, deployments and delivery metrics in one place")]
pub(crate) struct Cli {
    #[command(flatten)]
    globals: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Look for what is wrong
    #[command(after_help = "Examples:\n  opssight doctor")]
    Doctor,
    /// Plugins
    #[command(subcommand, visible_alias = "plugins")]
    Plugin(PluginsCommand),
    #[command(flatten)]
    Client(ClientCommand),
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// What a command did.
pub(crate) struct Outcome {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    /// For snapshots. The port differs each time.
    pub(crate) fn show(&self, api: &Api) -> String {
        let text = format!("exit {}\n--- stdout\n{}--- stderr\n{}", self.code, self.out, self.err);
        text.replace(&api.url, "http://server")
    }
}

/// A run of a command: by default nothing is a terminal.
pub(crate) struct Run {
    args: Vec<String>,
    token: bool,
    input: String,
    secret: &'static str,
    terminal: bool,
    width: Option<u16>,
    colour: bool,
}

pub(crate) fn run(line: &[&str]) -> Run {
    let args = line.iter().map(|word| (*word).to_owned()).collect();
    Run { args, token: true, input: String::new(), secret: "", terminal: false, width: None, colour: false }
}

impl Run {
    pub(crate) fn without_token(mut self) -> Self {
        self.token = false;
        self
    }

    pub(crate) fn input(mut self, text: &str) -> Self {
        self.input = text.to_owned();
        self
    }

    /// Everything is a terminal, `width` columns wide.
    pub(crate) fn on_terminal(mut self, width: u16) -> Self {
        self.terminal = true;
        self.width = Some(width);
        self
    }

    pub(crate) fn typing_secret(mut self, secret: &'static str) -> Self {
        self.secret = secret;
        self
    }

    pub(crate) fn in_colour(mut self) -> Self {
        self.colour = true;
        self
    }

    pub(crate) async fn on(self, api: &Api) -> Outcome {
        let mut args = vec!["opssight".to_owned()];
        args.extend(self.args.iter().cloned());
        args.extend(["--server".to_owned(), api.url.clone()]);
        args.extend(["--credentials-file".to_owned(), api.credentials().display().to_string()]);
        if self.token {
            args.extend(["--token".to_owned(), "good-token".to_owned()]);
        }
        let cli = match Cli::try_parse_from(args) {
            Ok(cli) => cli,
            Err(error) => {
                let code = u8::try_from(error.exit_code()).unwrap();
                return Outcome { code, out: String::new(), err: error.to_string() };
            }
        };
        let (out, err) = (Buffer::default(), Buffer::default());
        let secret = self.secret;
        let prompts = err.clone();
        let console = Console {
            out: Box::new(out.clone()),
            err: Box::new(err.clone()),
            input: Box::new(Cursor::new(self.input)),
            hidden: Box::new(move |prompt| {
                prompts.clone().write_all(prompt.as_bytes())?;
                Ok(secret.to_owned())
            }),
            input_is_terminal: self.terminal,
            out_is_terminal: self.terminal,
            err_is_terminal: self.terminal,
            width: self.width,
            colour: self.colour,
            now: || "2026-11-10T12:00:00Z".parse().unwrap(),
        };
        let code = match cli.command {
            Command::Doctor => opssight_cli::doctor_on(cli.globals, console).await,
            Command::Plugin(command) => {
                opssight_cli::run_on(ClientCommand::Plugins(command), cli.globals, console).await
            }
            Command::Client(command) => opssight_cli::run_on(command, cli.globals, console).await,
        };
        Outcome { code, out: out.text(), err: err.text() }
    }
}
