//! `opssight db move`: from the SQLite store to PostgreSQL, beside the host.

use crate::commands::{fail, interrupted, say};
use crate::config::Config;
use crate::data;
use opssight_backends::{MoveStep, Moved, move_to_postgres, undo_move};
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// The exit code.
pub(super) async fn run(config: &Config, to: &str) -> anyhow::Result<u8> {
    let (stop, progress) = (CancellationToken::new(), Progress::default());
    let moving = move_to_postgres(&config.server.data, to, data::options(config)?, &stop, |step| progress.tell(step));
    tokio::pin!(moving);
    let (moved, code) = tokio::select! {
        moved = &mut moving => (moved, 1),
        code = interrupted() => {
            stop.cancel();
            (moving.await, code)
        }
    };
    progress.end();
    match moved {
        Ok(Moved { rows, away, .. }) => {
            let away = away.as_secs_f64();
            say(&format!("Moved {rows} rows, read back and compared; the last of it took {away:.1} s."))?;
            say("Start the host with store.url (OPSSIGHT_STORE__URL) set to this address.")?;
            say(
                "The data folder is still needed for its keys and packages. No host starts on its SQLite file any more.",
            )?;
            Ok(0)
        }
        Err(error) if code != 1 => {
            fail(&error.into());
            Ok(code)
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn undo(config: &Config) -> anyhow::Result<()> {
    say(if undo_move(&config.server.data).await? {
        "The SQLite file is served again, as it was when it was moved. Start the host without store.url."
    } else {
        "It was not moved: there is nothing to undo."
    })
}

/// How far it is: on a terminal a line that changes, and wherever it goes what has to be done.
#[derive(Default)]
struct Progress {
    /// What the line is about; empty if there is none.
    line: Mutex<String>,
}

impl Progress {
    fn tell(&self, step: MoveStep<'_>) {
        match step {
            MoveStep::Copied { table, rows, of } => self.show(table, &format!("copied {table}: {rows} of {of}")),
            MoveStep::Compared { table, rows, of } => self.show(table, &format!("compared {table}: {rows} of {of}")),
            MoveStep::Followed { changes } => self.show("following", &format!("following the host: {changes} changes")),
            MoveStep::Current { host } => {
                self.end();
                // Nowhere is left to say it if this fails.
                let _said = say(&format!(
                    "Everything is copied and compared, and the copy follows the host ({host}).\n\
                     Stop the host now (`systemctl stop opssight`, or SIGTERM to it), and let nothing start it again: this \
                     command sees it, takes the last changes over and ends."
                ));
            }
            MoveStep::Stopped => {
                self.end();
                let _said = say("The host has stopped; taking the last changes over ...");
            }
            _ => {}
        }
    }

    fn show(&self, about: &str, text: &str) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let Ok(mut line) = self.line.lock() else { return };
        // Each table keeps a line.
        let new = if !line.is_empty() && *line != about { "\n" } else { "" };
        about.clone_into(&mut line);
        let _nobody_reads = write!(std::io::stderr(), "{new}\r\x1b[K  {text}");
    }

    fn end(&self) {
        let Ok(mut line) = self.line.lock() else { return };
        if !std::mem::take(&mut *line).is_empty() {
            let _nobody_reads = writeln!(std::io::stderr());
        }
    }
}
