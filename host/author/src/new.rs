//! `opssight plugin new`.

mod embedded;
mod render;
mod vendor;

use crate::project::Language;
use crate::talk::Talk;
use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use render::Names;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight plugin new --kind integration --lang typescript my-ci\n  \
    opssight plugin new --kind notifier --lang rust --publisher acme --licence MIT pager\n  \
    cd my-ci && opssight plugin test";

/// What a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Webhooks, feeds and actions of a system such as a CI server
    Integration,
    /// Tells people, in a channel of its own
    Notifier,
    /// Reads what a cloud bills
    Cost,
    /// Looks at series and says what is odd; it has no network
    Detector,
}

impl Kind {
    /// As it stands in the templates' folder names.
    fn name(self) -> &'static str {
        match self {
            Self::Integration => "integration",
            Self::Notifier => "notifier",
            Self::Cost => "cost",
            Self::Detector => "detector",
        }
    }
}

/// What to start, and where.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// Its id: lower-case letters, digits and dashes
    #[arg(value_name = "NAME")]
    name: String,

    /// What it is for
    #[arg(long, value_enum)]
    kind: Kind,

    /// What it is written in
    #[arg(long, value_enum)]
    lang: Language,

    /// Who publishes it
    #[arg(long, default_value = "example", value_name = "PUBLISHER")]
    publisher: String,

    /// Its licence, as an SPDX expression
    #[arg(long, default_value = "Apache-2.0", value_name = "SPDX")]
    licence: String,

    /// Where to make it [default: a folder of its name]
    #[arg(long, value_name = "FOLDER")]
    path: Option<PathBuf>,
}

pub(crate) fn run(args: &NewArgs, talk: &mut Talk) -> Result<()> {
    let names = Names::new(&args.name, &args.publisher, &args.licence)?;
    let folder = args.path.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    if folder.is_dir() {
        let mut entries = fs::read_dir(&folder).with_context(|| format!("look into {}", folder.display()))?;
        ensure!(entries.next().is_none(), "make {}: it is there and not empty; choose another name", folder.display());
    }
    let mut files = render::project(args.lang, args.kind.name(), &names)?;
    files.extend(vendor::sdk(args.lang)?);
    for (path, bytes) in &files {
        write(&folder.join(path), bytes)?;
    }
    let (what, lang) = (args.kind.name(), args.lang.name());
    talk.say(&format!("{}", folder.display()))?;
    talk.note(&format!("made {}: {what} in {lang}, {} files", folder.display(), files.len()));
    talk.note(&format!("next: cd {} && opssight plugin test", folder.display()));
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let Some(folder) = path.parent() else { bail!("make {}: it has no folder", path.display()) };
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    fs::write(path, bytes).with_context(|| format!("write {}", path.display()))
}
