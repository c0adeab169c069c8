//! `opssight dev`: real servers on this machine, for whoever works on OpsSight or on a plugin.

mod settings;

use super::{interrupted, say};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use opssight_services::{Part, Place, Record, Server, stop_all, write_private};
use settings::settings;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The settings in a servers' folder, to `source`.
const SETTINGS: &str = "env";
/// How often it is looked whether all of them run.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Debug, Subcommand)]
pub(super) enum DevCommand {
    /// Start PostgreSQL, Redis, OpenBao, a broker for Kafka's protocol and VictoriaMetrics, and print the settings for a host
    #[command(after_help = "Examples:\n  opssight dev up\n  opssight dev up --only postgres,redis\n  \
                            eval \"$(opssight dev up --detach)\" && opssight serve --dev")]
    Up(UpArgs),
    /// Stop what runs, and keep what it keeps
    #[command(after_help = "Examples:\n  opssight dev down")]
    Down(DataArgs),
    /// Say what runs, and where
    #[command(after_help = "Examples:\n  opssight dev status")]
    Status(DataArgs),
}

#[derive(Debug, Args)]
pub(super) struct UpArgs {
    /// Only these: postgres, redis, vault, kafka, metrics
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = part)]
    only: Vec<Part>,
    /// Let them run until `opssight dev down`
    #[arg(long)]
    detach: bool,
    /// Folder with programs that Python's packages carry [default: tools inside of the servers' folder]
    #[arg(long, value_name = "DIR")]
    tools: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Args)]
pub(super) struct DataArgs {
    /// Folder of the servers; what they keep is there at the next start
    #[arg(long, value_name = "DIR", default_value = "opssight-dev")]
    data: PathBuf,
}

impl DataArgs {
    /// Programs are started with it from other folders.
    fn folder(&self) -> anyhow::Result<PathBuf> {
        std::path::absolute(&self.data).with_context(|| format!("find the folder {}", self.data.display()))
    }
}

fn part(name: &str) -> Result<Part, String> {
    let known = Part::ALL.into_iter().find(|part| part.name() == name);
    known.ok_or_else(|| format!("there are {}", Part::ALL.map(Part::name).join(", ")))
}

pub(super) async fn run(command: DevCommand) -> anyhow::Result<()> {
    match command {
        DevCommand::Up(args) => up(args).await,
        DevCommand::Down(args) => {
            let folder = args.folder()?;
            let stopped = tokio::task::spawn_blocking(move || stop_all(&folder)).await.context("stop the servers")?;
            let names: Vec<_> = stopped.iter().map(|record| record.part.name()).collect();
            say(&if names.is_empty() { "Nothing runs.".to_owned() } else { format!("Stopped {}.", names.join(", ")) })
        }
        DevCommand::Status(args) => {
            let folder = args.folder()?;
            let running = Record::all(&folder);
            if running.is_empty() {
                return say("Nothing runs.");
            }
            for Record { part, port, pid, .. } in running {
                say(&format!("{:<9} 127.0.0.1:{port}  pid {pid}", part.name()))?;
            }
            say(&format!("The settings are in {}.", folder.join(SETTINGS).display()))
        }
    }
}

async fn up(args: UpArgs) -> anyhow::Result<()> {
    let folder = args.data.folder()?;
    // Each once, however often it is named.
    let is_wanted = |part: &Part| args.only.is_empty() || args.only.contains(part);
    let parts: Vec<Part> = Part::ALL.into_iter().filter(is_wanted).collect();
    let tools = match &args.tools {
        Some(tools) => std::path::absolute(tools)?,
        None => folder.join("tools"),
    };
    let programs = programs(&parts, &folder, &tools)?;
    // From here on Ctrl-C does not end this process, so that it stops what it started.
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        interrupted().await;
        told.cancel();
    });
    let mut servers = Vec::new();
    for (part, program) in programs {
        if stop.is_cancelled() {
            break;
        }
        let place = folder.join(part.name());
        let start = move || part.start(&program, &Place::kept(&place, args.detach)?);
        servers.push(tokio::task::spawn_blocking(start).await.context("start the servers")??);
        note(&format!("{} answers", part.title()));
    }
    let text = tell(&folder)?;
    if args.detach && !stop.is_cancelled() {
        say(text.trim_end())?;
        servers.into_iter().for_each(Server::leave);
        note("They run until `opssight dev down`.");
        return Ok(());
    }
    if !stop.is_cancelled() {
        say(text.trim_end())?;
        note(&format!("The same is in {}. Ctrl-C stops them.", folder.join(SETTINGS).display()));
    }
    let ended = stop.run_until_cancelled(one_ends(&mut servers)).await;
    // The last first. It waits for each.
    tokio::task::spawn_blocking(move || while servers.pop().is_some() {}).await.context("stop the servers")?;
    match ended {
        Some(why) => bail!("keep the servers running: {why}"),
        None => Ok(()),
    }
}

/// Wait until one of them ends by itself, or by another's hand; which one.
async fn one_ends(servers: &mut [Server]) -> String {
    loop {
        if let Some(ended) = servers.iter_mut().find_map(|server| (!server.is_running()).then_some(server)) {
            return format!("{} ended; its log is {}", ended.part().title(), ended.log().display());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// For the person who waits; data alone goes to standard output.
fn note(text: &str) {
    // Nowhere is left to say that standard error is gone.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What is to be started, and with what. What is missing is said for all at once, before anything is started.
fn programs(parts: &[Part], folder: &Path, tools: &Path) -> anyhow::Result<Vec<(Part, PathBuf)>> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for part in parts {
        if let Some(record) = Record::of(*part, folder) {
            bail!("start {}: it runs already (pid {}); `opssight dev down` stops it", part.title(), record.pid);
        }
        match part.find(tools)? {
            Some(program) => found.push((*part, program)),
            None => missing.push(*part),
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    let mut text = "find the programs of these servers; each is installed by the command beside it:".to_owned();
    for part in &missing {
        text.push_str(&format!("\n  {:<9} {}", part.name(), part.package().command(tools)));
    }
    if !found.is_empty() {
        let names: Vec<_> = found.iter().map(|(part, _)| part.name()).collect();
        text.push_str(&format!("\nor start the others alone: opssight dev up --only {}", names.join(",")));
    }
    bail!(text)
}

/// Write down and answer how a host finds what runs.
fn tell(folder: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    for record in Record::all(folder) {
        text.push_str(&settings(&record)?);
    }
    // It holds passwords.
    write_private(&folder.join(SETTINGS), &text)?;
    Ok(text)
}
