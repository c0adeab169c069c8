//! `opssight secrets`: the master keys, also while hosts run.

use super::{environment, say};
use crate::config::{Config, Flags, load};
use clap::{Args, Subcommand};
use opssight_backends::{Place, Rotate, Rotation, SecretsStatus, rotate_secrets, secrets_status};
use std::io::{IsTerminal, Write};

#[derive(Debug, Subcommand)]
pub(super) enum SecretsCommand {
    /// Say which master keys there are, and what is under each of them
    #[command(after_help = "Examples:\n  opssight secrets status --data /var/lib/opssight")]
    Status(Flags),
    /// Bring all stored credentials under a new master key, while hosts run; finishes what an earlier run began
    #[command(after_help = "Examples:\n  opssight secrets rotate --data /var/lib/opssight\n  opssight secrets rotate \
                            --drop-unused --config opssight.toml")]
    Rotate(RotateArgs),
}

#[derive(Debug, Args)]
pub(super) struct RotateArgs {
    /// Take keys that nothing needs any more out of the file. Backups from before can then not be opened
    #[arg(long)]
    drop_unused: bool,
    /// Data keys that are written at once
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch: u32,
    #[command(flatten)]
    flags: Flags,
}

pub(super) async fn run(command: &SecretsCommand) -> anyhow::Result<()> {
    match command {
        SecretsCommand::Status(flags) => {
            let config = load(flags, &environment())?;
            let ring = config.secrets.ring_that_is_there(&config.server.data)?;
            say(&told(&secrets_status(&place(&config), &ring).await?))
        }
        SecretsCommand::Rotate(args) => rotate(args).await,
    }
}

fn place(config: &Config) -> Place {
    match &config.store.url {
        Some(url) => Place::Database(url.expose().to_owned()),
        None => Place::Dir(config.server.data.clone()),
    }
}

async fn rotate(args: &RotateArgs) -> anyhow::Result<()> {
    let config = load(&args.flags, &environment())?;
    let ring = config.secrets.ring_that_is_there(&config.server.data)?;
    let how = Rotate { batch: args.batch, drop_unused: args.drop_unused };
    let done = rotate_secrets(&place(&config), &ring, how, progress).await?;
    if done.resumed {
        say("No new key was made: not everything was under the newest one yet.")?;
    }
    say(&format!("Wrapped {} data keys anew. All are under {} ({}).", done.rewrapped, done.key, done.place))?;
    if done.dropped > 0 {
        say(&format!("Took {} older keys out of the file.", done.dropped))?;
    }
    if !config.secrets.previous.is_empty() {
        say("Nothing needs `secrets.previous` any more, except backups from before.")?;
    }
    Ok(())
}

/// One line that changes, for a person who waits; a log has use for the end only.
fn progress(far: Rotation) {
    let mut err = std::io::stderr();
    if err.is_terminal() {
        let end = if far.done >= far.of { "\n" } else { "" };
        // Nobody may be reading.
        let _told = write!(err, "\r  {} of {} data keys{end}", far.done, far.of).and_then(|()| err.flush());
    }
}

fn told(status: &SecretsStatus) -> String {
    let mut lines = Vec::new();
    for key in &status.keys {
        let place = key.place.as_deref().unwrap_or("NOT AMONG THE KEYS OF THIS HOST");
        let used = if key.is_used { ", used for new ones" } else { "" };
        let behind = match key.behind {
            Some(0) => String::new(),
            Some(behind) => format!(", {behind} of them under an older version"),
            None => ", of them unknown how many under an older version".to_owned(),
        };
        lines.push(format!("key {}  {place}: {} data keys{behind}{used}", key.id, key.data_keys));
    }
    if let Some(why) = &status.unasked {
        lines.push(format!("which version of the newest key is the newest is unknown: {why}"));
    }
    if status.unreadable > 0 {
        lines.push(format!("{} data keys are opened by none of these", status.unreadable));
    }
    match status.processes {
        (0, _) => lines.push("no host is running".to_owned()),
        (all, having) => lines.push(format!("{having} of {all} running hosts have the newest key")),
    }
    lines.join("\n")
}
