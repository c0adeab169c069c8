//! `opssight plugin lock`.

use crate::access::Access;
use crate::packages;
use crate::talk::Talk;
use anyhow::{Context, Result};
use clap::Args;
use opssight_distribution::{LOCK_FILE, Lock, Locked, Place, Reference};
use serde_json::json;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight plugin lock github slack@^1.2 --in oci://registry.example/acme\n  \
    opssight plugin lock github@1.2.0 --in mirror:/srv/mirror --lock deploy/plugins.lock";

/// What to lock, and where to find it.
#[derive(Debug, Args)]
pub struct LockArgs {
    /// Plugins: ID, ID@VERSION, ID@^1.2 or ID@sha256:DIGEST
    #[arg(value_name = "PLUGIN", required = true)]
    plugins: Vec<Reference>,

    /// Places to look in, in this order: oci://HOST/PREFIX, dir:PATH or mirror:PATH
    #[arg(long = "in", value_name = "PLACE", required = true)]
    places: Vec<Place>,

    /// The lock file; what it says of other plugins stays
    #[arg(long, default_value = LOCK_FILE, value_name = "FILE")]
    lock: PathBuf,

    #[command(flatten)]
    access: Access,
}

pub(crate) async fn run(args: &LockArgs, talk: &mut Talk) -> Result<()> {
    let mut lock = match std::fs::read_to_string(&args.lock) {
        Err(error) if error.kind() == ErrorKind::NotFound => Lock::default(),
        _ => read(&args.lock)?,
    };
    let places = args.access.open_all(&args.places)?;
    let mut items = Vec::new();
    for reference in &args.plugins {
        let (package, place) = places.find(reference).await?;
        let locked = Locked::of(&package, place.place());
        if let Ok(before) = lock.find(&locked.id)
            && before.key != locked.key
        {
            talk.warn(&format!("warning: {} was signed with another key before: ask its publisher why", locked.id));
        }
        if talk.is_for_programs() {
            items.push(serde_json::to_value(&locked)?);
        } else {
            talk.say(&format!("{} {} {}", package.title(), package.digest, locked.source))?;
        }
        lock.put(locked);
    }
    packages::write(&args.lock, lock.to_text()?.as_bytes())?;
    if talk.is_for_programs() {
        talk.say(&json!({ "items": items }).to_string())?;
    }
    Ok(())
}

/// A lock file that is there.
pub(crate) fn read(path: &Path) -> Result<Lock> {
    let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    Lock::parse(&text).with_context(|| format!("use {}", path.display()))
}
