//! The terminal: the one place that prints, asks and draws progress.

pub(crate) mod csv;
pub(crate) mod format;
pub(crate) mod table;

use crate::Time;
use crate::args::{GlobalArgs, OutputFormat, only_metrics_have_csv};
use crate::error::CliError;
use crate::tree::Tree;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use table::Table;

/// Reads a secret without showing it; gets the prompt.
pub type Hidden = Box<dyn FnMut(&str) -> io::Result<String> + Send + Sync>;

/// What a command reads and writes. [`Console::system`] is the process's own; tests bring theirs.
pub struct Console {
    /// Standard output: data.
    pub out: Box<dyn Write + Send + Sync>,
    /// Standard error: everything else.
    pub err: Box<dyn Write + Send + Sync>,
    /// Standard input.
    pub input: Box<dyn BufRead + Send + Sync>,
    /// How secrets are asked for.
    pub hidden: Hidden,
    /// Whether a person can answer.
    pub input_is_terminal: bool,
    /// Whether data is read by a person.
    pub out_is_terminal: bool,
    /// Whether messages are read by a person.
    pub err_is_terminal: bool,
    /// Columns of the terminal that data goes to.
    pub width: Option<u16>,
    /// Whether data may be coloured.
    pub colour: bool,
    /// The clock.
    pub now: fn() -> Time,
}

impl Console {
    /// The streams of this process; colours follow `NO_COLOR`, `CLICOLOR_FORCE` and `TERM`.
    pub fn system() -> Self {
        let colour = anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
        Self {
            out: Box::new(anstream::stdout()),
            err: Box::new(anstream::stderr()),
            input: Box::new(io::BufReader::new(io::stdin())),
            hidden: Box::new(|prompt| rpassword::prompt_password(prompt)),
            input_is_terminal: io::stdin().is_terminal(),
            out_is_terminal: io::stdout().is_terminal(),
            err_is_terminal: io::stderr().is_terminal(),
            width: comfy_table::Table::new().width(),
            colour,
            now: system_now,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the command line is its own composition root: this is its one clock")]
fn system_now() -> Time {
    chrono::Utc::now()
}

/// A [`Console`] and how the person wants to be talked to.
pub(crate) struct Ui {
    out: Box<dyn Write + Send + Sync>,
    err: Box<dyn Write + Send + Sync>,
    // Shared because a read that waits for a person happens on a thread of its own, see `answer`.
    input: Arc<Mutex<Box<dyn BufRead + Send + Sync>>>,
    hidden: Hidden,
    input_is_terminal: bool,
    out_is_terminal: bool,
    err_is_terminal: bool,
    width: Option<u16>,
    colour: bool,
    clock: fn() -> Time,
    format: OutputFormat,
    quiet: bool,
    may_ask: bool,
    yes: bool,
    /// A question stands on a line that has not ended.
    line_is_open: bool,
}

impl Ui {
    pub(crate) fn new(console: Console, globals: &GlobalArgs) -> Self {
        Self {
            out: console.out,
            err: console.err,
            input: Arc::new(Mutex::new(console.input)),
            hidden: console.hidden,
            input_is_terminal: console.input_is_terminal,
            out_is_terminal: console.out_is_terminal,
            err_is_terminal: console.err_is_terminal,
            width: console.width,
            colour: console.colour,
            clock: console.now,
            format: globals.output,
            quiet: globals.quiet,
            may_ask: console.input_is_terminal && !globals.no_input,
            yes: globals.yes,
            line_is_open: false,
        }
    }

    pub(crate) fn now(&self) -> Time {
        (self.clock)()
    }

    pub(crate) fn format(&self) -> OutputFormat {
        self.format
    }

    pub(crate) fn out_is_terminal(&self) -> bool {
        self.out_is_terminal
    }

    /// Data, as it is.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), CliError> {
        self.out.write_all(bytes).and_then(|()| self.out.flush()).map_err(CliError::Output)
    }

    pub(crate) fn write_line(&mut self, text: &str) -> Result<(), CliError> {
        self.write(format!("{text}\n").as_bytes())
    }

    pub(crate) fn table(&mut self, table: &Table) -> Result<(), CliError> {
        let text = table.render(self.out_is_terminal.then_some(self.width).flatten(), self.colour);
        self.write(text.as_bytes())
    }

    /// One document in the format that was asked for. `id` is what `-o name` prints; `people` draws it for people.
    pub(crate) fn document(
        &mut self,
        tree: &impl Serialize,
        id: &str,
        people: impl FnOnce(&mut Self) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        match self.format {
            OutputFormat::Table => people(self),
            OutputFormat::Json => {
                let text = serde_json::to_string_pretty(tree).map_err(|e| CliError::Render(e.to_string()))?;
                self.write_line(&format::json_safe(&text))
            }
            OutputFormat::Jsonl => self.json_line(tree),
            OutputFormat::Yaml => {
                let text = serde_saphyr::to_string(tree).map_err(|e| CliError::Render(e.to_string()))?;
                if format::is_safe(&text) {
                    return self.write_line(text.trim_end_matches('\n'));
                }
                // YAML leaves characters that reorder text as they are, and has no escapes outside quotes. JSON is
                // YAML too, and can escape them.
                let text = serde_json::to_string_pretty(tree).map_err(|e| CliError::Render(e.to_string()))?;
                self.write_line(&format::json_safe(&text))
            }
            OutputFormat::Name => self.write_line(&format::line(id)),
            OutputFormat::Csv => only_metrics_have_csv(self.format),
        }
    }

    pub(crate) fn json_line(&mut self, tree: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string(tree).map_err(|e| CliError::Render(e.to_string()))?;
        self.write_line(&format::json_safe(&text))
    }

    /// What was done, for people; where programs read, what the API answered (if it answered anything).
    pub(crate) fn done(&mut self, answer: Option<&Tree>, id: &str, message: &str) -> Result<(), CliError> {
        match (self.format, answer) {
            (OutputFormat::Table, _) | (OutputFormat::Json | OutputFormat::Jsonl | OutputFormat::Yaml, None) => {
                self.note(message);
                Ok(())
            }
            (_, Some(tree)) => self.document(tree, id, |_| Ok(())),
            (OutputFormat::Name | OutputFormat::Csv, None) => self.write_line(&format::line(id)),
        }
    }

    /// A message that a person may want; nobody needs it, so nothing becomes of a failure to write it.
    pub(crate) fn note(&mut self, text: &str) {
        if self.err_is_terminal && !self.quiet {
            let _ = writeln!(self.err, "{}", format::block(text));
        }
    }

    /// What a person has to know to decide, also where it is only read later.
    pub(crate) fn tell(&mut self, text: &str) {
        if !self.quiet {
            let _ = writeln!(self.err, "{}", format::block(text).trim_end());
        }
    }

    /// Whether questions are answered with yes beforehand.
    pub(crate) fn has_yes(&self) -> bool {
        self.yes
    }

    /// A message that must be seen.
    pub(crate) fn warn(&mut self, text: &str) {
        let _ = writeln!(self.err, "warning: {}", format::block(text));
    }

    /// Report an error; answers with the exit code.
    pub(crate) fn fail(&mut self, error: &CliError) -> u8 {
        let code = error.exit_code();
        if self.line_is_open {
            let _ = writeln!(self.err);
        }
        if code != 0 {
            let _ = match self.format {
                OutputFormat::Json | OutputFormat::Jsonl => writeln!(self.err, "{}", error.to_json()),
                _ => write!(self.err, "{}", error.to_text()),
            };
        }
        code
    }

    /// Ask before something that cannot be taken back.
    pub(crate) async fn confirm(&mut self, question: &str) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        if !self.may_ask {
            return Err(CliError::Usage(format!("{question} Say --yes to go on: there is no terminal to ask on")));
        }
        let _ = write!(self.err, "{} [y/N] ", format::line(question));
        let _ = self.err.flush();
        self.line_is_open = true;
        let answer = self.answer().await?;
        self.line_is_open = false;
        if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
            Ok(())
        } else {
            Err(CliError::Declined)
        }
    }

    /// One line of input. It is read on a thread of its own, so that Ctrl-C is heard meanwhile; the thread dies with
    /// the process.
    async fn answer(&mut self) -> Result<String, CliError> {
        let (send, receive) = tokio::sync::oneshot::channel();
        let input = Arc::clone(&self.input);
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = input.lock().unwrap_or_else(PoisonError::into_inner).read_line(&mut line);
            let _ = send.send(read.map(|_| line));
        });
        let read = receive.await.map_err(|_| CliError::Interrupted)?;
        read.map_err(|source| CliError::Input { what: "the answer", source })
    }

    /// Ask for a secret; `flag` names the way to give it without a terminal.
    pub(crate) fn ask_secret(&mut self, prompt: &str, flag: &str) -> Result<String, CliError> {
        if !self.may_ask {
            return Err(CliError::Usage(format!("there is no terminal to ask on: give the secret with {flag}")));
        }
        (self.hidden)(prompt).map_err(|source| match source.kind() {
            io::ErrorKind::Interrupted => CliError::Interrupted,
            _ => CliError::Input { what: "the secret", source },
        })
    }

    /// All of standard input, up to a mebibyte.
    pub(crate) fn read_input(&mut self, what: &'static str) -> Result<String, CliError> {
        const MOST: u64 = 1 << 20;
        let mut text = String::new();
        let mut input = self.input.lock().unwrap_or_else(PoisonError::into_inner);
        let size = (&mut *input)
            .take(MOST + 1)
            .read_to_string(&mut text)
            .map_err(|source| CliError::Input { what, source })?;
        if size as u64 > MOST {
            return Err(CliError::Usage(format!("{what} on standard input is larger than 1 MiB")));
        }
        Ok(text)
    }

    pub(crate) fn input_is_terminal(&self) -> bool {
        self.input_is_terminal
    }

    /// That something goes on whose end is not known.
    pub(crate) fn spinner(&self, what: &str) -> ProgressBar {
        let bar = self.bar(0, "{spinner} {msg} ({elapsed})");
        bar.set_message(format::line(what));
        bar
    }

    /// Progress on standard error; invisible unless that is a terminal.
    pub(crate) fn bar(&self, length: u64, template: &str) -> ProgressBar {
        let target = if self.err_is_terminal && !self.quiet {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar
    }
}
