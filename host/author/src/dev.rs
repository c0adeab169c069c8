//! `opssight plugin dev`: build on every save, swap the result into a running host, show what the plugin logs.

mod watch;

use crate::project::Project;
use crate::talk::{Talk, plain};
use crate::toolchain;
use anyhow::{Context, Result};
use async_trait::async_trait;
use clap::Args;
use opssight_core::time::Timestamp;
use opssight_distribution::Digest;
use std::path::PathBuf;
use std::time::Duration;
use watch::Watch;

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight plugin dev --server http://127.0.0.1:8080\n  \
    opssight plugin dev plugins/mine --once\n\nThe host takes unsigned packages only in development mode.";

/// How often the running host is asked for new log lines.
const LOG_EVERY: Duration = Duration::from_secs(1);

/// What to develop.
#[derive(Debug, Args)]
pub struct DevArgs {
    /// The plugin's folder
    #[arg(default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,

    /// Build and swap once, then end
    #[arg(long)]
    once: bool,
}

/// A line that the plugin logged in the running host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostLine {
    /// When. Lines come in its order.
    pub at: Timestamp,
    /// "info".
    pub level: String,
    /// Which connection it was for.
    pub connection: String,
    /// What it said.
    pub message: String,
}

/// A running host, as this command needs it. The composition root has it speak over the API.
#[async_trait]
pub trait Host: Send + Sync {
    /// Install a package, with consent to what exactly these bytes want. What the host says of it, for people.
    async fn install(&self, package: Vec<u8>, digest: &str) -> Result<String>;

    /// The last lines that a plugin logged, oldest first; none when the host does not tell.
    async fn log(&self, plugin: &str) -> Result<Option<Vec<HostLine>>>;
}

pub(crate) async fn run(args: &DevArgs, talk: &mut Talk, host: &dyn Host) -> Result<()> {
    let project = Project::open(&args.folder)?;
    if args.once {
        return swap(&project, talk, host).await;
    }
    let mut watch = Watch::start(&project.folder)?;
    let mut tail = Tail::default();
    loop {
        if let Err(error) = swap(&project, talk, host).await {
            let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
            talk.warn(&format!("failed to {}", plain(&chain.join(": "))));
        }
        talk.note("watching; save a file to build again, Ctrl-C to end");
        loop {
            tokio::select! {
                changed = watch.changed() => {
                    let Some(file) = changed? else { return Ok(()) };
                    talk.note(&format!("{} changed", file.display()));
                    break;
                }
                () = tokio::time::sleep(LOG_EVERY) => tail.follow(&project, talk, host).await?,
            }
        }
    }
}

async fn swap(project: &Project, talk: &mut Talk, host: &dyn Host) -> Result<()> {
    let package = toolchain::package(project, talk).await?;
    let digest = Digest::of(&package);
    let said = host.install(package, digest.as_str()).await.context("swap it into the host")?;
    talk.note(&plain(&said));
    Ok(())
}

/// Which log lines were shown: all up to this moment, and so many of it.
#[derive(Default)]
struct Tail {
    last: Option<(Timestamp, usize)>,
    is_mute: bool,
}

impl Tail {
    async fn follow(&mut self, project: &Project, talk: &mut Talk, host: &dyn Host) -> Result<()> {
        // While a file is being saved the manifest may be unreadable; the build says so.
        let (false, Ok(manifest)) = (self.is_mute, project.manifest()) else { return Ok(()) };
        match host.log(&manifest.id).await {
            Ok(Some(lines)) => {
                for line in self.fresh(lines) {
                    talk.say(&format!(
                        "{} {} {}: {}",
                        shown(line.at),
                        line.level,
                        line.connection,
                        plain(&line.message)
                    ))?;
                }
            }
            Ok(None) => {
                self.is_mute = true;
                talk.note("this host does not show what plugins log");
            }
            // The host may be restarting; the next build says so if it stays away.
            Err(_) => {}
        }
        Ok(())
    }

    /// The lines after the last one that was shown; of the first answer none, because they are of before.
    fn fresh(&mut self, lines: Vec<HostLine>) -> Vec<HostLine> {
        let at = |moment: Timestamp| lines.iter().filter(|line| line.at == moment).count();
        let latest = lines.iter().map(|line| line.at).max();
        let before = self.last;
        // A host that was restarted has no lines for a while; what was shown stays shown.
        let newest = latest.map(|latest| (latest, at(latest)));
        self.last = newest.max(before).or(Some((Timestamp(i64::MIN), 0)));
        let Some((moment, shown)) = before else { return Vec::new() };
        let mut of_the_moment = 0;
        let is_fresh = |line: &HostLine| {
            of_the_moment += usize::from(line.at == moment);
            line.at > moment || (line.at == moment && of_the_moment > shown)
        };
        lines.into_iter().filter(is_fresh).collect()
    }
}

/// RFC 3339; what is outside of the calendar, as the number that it is.
fn shown(at: Timestamp) -> String {
    at.to_utc().map_or_else(|| at.0.to_string(), |at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}

#[cfg(test)]
mod tests;
