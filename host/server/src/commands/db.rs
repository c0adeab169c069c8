//! `opssight db`: the store itself, while the host is stopped or beside it.

mod moving;
mod remote;

use super::{environment, say};
use crate::config::{Config, Flags, load};
use crate::data;
use anyhow::bail;
use clap::{Args, Subcommand};
use opssight_backends::{Moving, StoreStatus, backup, database_status, file_status, restore};
use opssight_cli::bytes;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Say which store is used, how large it is, and whether its tables are up to date
    #[command(after_help = "Examples:\n  opssight db status --data /var/lib/opssight")]
    Status(Flags),
    /// Bring the tables up to date, as the next start would (stop the host first)
    #[command(after_help = "Examples:\n  opssight db migrate --data /var/lib/opssight")]
    Migrate(Flags),
    /// Copy the SQLite store into one file, or into a place of blobs, also while the host runs
    #[command(after_help = "Examples:\n  opssight db backup opssight-backup.sqlite --data /var/lib/opssight\n  \
                      opssight db backup --to 's3://acme-backups/opssight?region=eu-central-1' --keep 14")]
    Backup(Backup),
    /// Put a backup in the place of the SQLite store (stop the host first)
    #[command(after_help = "Examples:\n  opssight db restore opssight-backup.sqlite --data /var/lib/opssight\n  \
                      opssight db restore --from 's3://acme-backups/opssight?region=eu-central-1'")]
    Restore(Restore),
    /// Move everything from the SQLite store into an empty PostgreSQL database, while the host runs until it is told to stop
    #[command(after_help = "Examples:\n  opssight db move --to postgres://opssight:secret@db:5432/opssight\n  \
                      opssight db move --undo --data /var/lib/opssight")]
    Move(Move),
}

#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The file to write.
    #[arg(required_unless_present = "to", conflicts_with = "to")]
    file: Option<PathBuf>,
    /// A place of blobs to send it to, an address as `blobs.url` has it.
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Of the backups in that place keep so many, the newest.
    #[arg(long, value_name = "N", requires = "to", value_parser = clap::value_parser!(u16).range(1..))]
    keep: Option<u16>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The backup: a file, or with `--from` the name of one there [default there: the newest].
    #[arg(required_unless_present = "from")]
    file: Option<PathBuf>,
    /// A place of blobs to bring it from, an address as `blobs.url` has it.
    #[arg(long, value_name = "URL")]
    from: Option<String>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Args)]
pub(super) struct Move {
    /// Where to: `postgres://user:password@host:5432/name`.
    #[arg(
        long,
        value_name = "URL",
        env = "OPSSIGHT_MOVE_TO",
        hide_env_values = true,
        required_unless_present = "undo"
    )]
    to: Option<String>,
    /// Let the SQLite store that was moved be served again, without what came to the database since.
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    flags: Flags,
}

/// The exit code.
pub(super) async fn run(command: &DbCommand) -> anyhow::Result<u8> {
    let done = match command {
        DbCommand::Status(flags) => {
            let config = load(flags, &environment())?;
            let status = match &config.store.url {
                Some(url) => database_status(url.expose()).await?,
                None => file_status(&config.server.data).await?,
            };
            say(&told(&status))
        }
        DbCommand::Migrate(flags) => {
            let config = load(flags, &environment())?;
            let (store, _bus) = data::open(&config).await?;
            store.close().await;
            say("The tables are up to date.")
        }
        DbCommand::Backup(command) => back_up(command).await,
        DbCommand::Restore(command) => put_back(command).await,
        DbCommand::Move(Move { undo: true, flags, .. }) => moving::undo(&on_file(flags)?).await,
        DbCommand::Move(Move { to, flags, .. }) => {
            return moving::run(&on_file(flags)?, to.as_deref().unwrap_or_default()).await;
        }
    };
    done.map(|()| 0)
}

async fn back_up(Backup { file, to, keep, flags }: &Backup) -> anyhow::Result<()> {
    let config = on_file(flags)?;
    match (file, to) {
        (Some(file), _) => {
            let size = backup(&config.server.data, file).await?;
            say(&format!("Wrote {} ({}).", file.display(), bytes(size)))?;
        }
        (None, to) => {
            let sent = remote::send(&config, to.as_deref().unwrap_or_default(), keep.map(usize::from)).await?;
            say(&format!("Wrote {} ({}) to {}.", sent.file, bytes(sent.bytes), sent.place))?;
            if sent.removed > 0 {
                say(&format!("Removed {} older ones.", sent.removed))?;
            }
        }
    }
    say("It holds no key: keep `master.key` of the data folder beside it, or its credentials cannot be opened.")
}

async fn put_back(Restore { file, from, flags }: &Restore) -> anyhow::Result<()> {
    let config = on_file(flags)?;
    let fetched = match from {
        Some(from) => {
            let name = file.as_ref().map(|file| file.to_string_lossy());
            Some(remote::fetch(&config, from, name.as_deref()).await?)
        }
        None => None,
    };
    if let Some(fetched) = &fetched {
        say(&format!("Brought {} here; it is whole.", fetched.file))?;
    }
    let file = fetched.as_ref().map(|fetched| &fetched.path).or(file.as_ref());
    let file = file.map(PathBuf::as_path).unwrap_or_else(|| Path::new(""));
    match restore(&config.server.data, file, data::options(&config)?).await? {
        Some(before) => say(&format!("Restored. What was there before is kept as {}.", before.display())),
        None => say("Restored."),
    }
}

/// These are about the file; a database has tools of its own.
fn on_file(flags: &Flags) -> anyhow::Result<Config> {
    let config = load(flags, &environment())?;
    if config.store.url.is_some() {
        bail!(
            "work on the SQLite store: store.url is set, so PostgreSQL is used; its own tools are pg_dump and pg_restore"
        );
    }
    Ok(config)
}

fn told(status: &StoreStatus) -> String {
    let list = |steps: &[i64]| steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let tables = match (status.pending.as_slice(), status.unknown.as_slice()) {
        ([], []) => "up to date".to_owned(),
        (_, [_, ..]) => format!("of a later version of OpsSight (steps {})", list(&status.unknown)),
        (pending, []) => format!("the next start takes the steps {}", list(pending)),
    };
    let mut lines = vec![
        format!("store    {}", status.at),
        format!("tables   {tables}"),
        format!("size     {}", bytes(status.bytes)),
        format!("waiting  {} deliveries", status.waiting),
    ];
    if status.members > 0 {
        lines.push(format!("members  {} processes", status.members));
    }
    match &status.moving {
        Some(Moving::Done(to)) => lines.push(format!("moved    to PostgreSQL, {to}; it is not served any more")),
        Some(_) => lines.push("moving   `opssight db move` is at work".to_owned()),
        None => {}
    }
    lines.join("\n")
}
