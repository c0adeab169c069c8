//! `opssight plugin verify`.

use crate::access::Access;
use crate::talk::Talk;
use crate::{Usage, lock, packages};
use anyhow::{Context, Result, bail};
use clap::Args;
use opssight_distribution::{LOCK_FILE, Package, Place};
use serde_json::{Value, json};
use std::path::PathBuf;

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight plugin verify mine.wasm\n  \
    opssight plugin verify mine.wasm --key ed25519:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n  \
    opssight plugin verify --lock plugins.lock\n\nWithout --key it says whose key it is, but not whether that is the \
    publisher's: compare it with the one that the publisher tells.";

/// What to verify, and against what.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Packages: files, or addresses such as oci://registry.example/acme/mine@1.0.0
    #[arg(value_name = "PACKAGE")]
    packages: Vec<String>,

    /// The key that must have signed them
    #[arg(long, value_name = "KEY")]
    key: Option<String>,

    /// The lock file that they must agree with; without packages, all of it is fetched and compared
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = LOCK_FILE)]
    lock: Option<PathBuf>,

    #[command(flatten)]
    access: Access,
}

pub(crate) async fn run(args: &VerifyArgs, talk: &mut Talk) -> Result<()> {
    let lock = args.lock.as_deref().map(lock::read).transpose()?;
    let mut packages = Vec::new();
    for what in &args.packages {
        packages.push((what.clone(), packages::find(what, &args.access).await?));
    }
    match &lock {
        Some(lock) if packages.is_empty() => {
            for locked in &lock.plugins {
                let place: Place = locked.source.parse()?;
                let package = args.access.open(&place)?.fetch(&locked.reference()?).await?;
                packages.push((locked.source.clone(), package));
            }
        }
        None if packages.is_empty() => {
            return Err(Usage("name packages, or a lock file with --lock".to_owned()).into());
        }
        _ => {}
    }
    let mut verified = Vec::new();
    for (what, package) in &packages {
        if let Some(lock) = &lock {
            lock.find(&package.manifest.id)?.verify(package)?;
        }
        verified.push(verify(args, package).with_context(|| format!("verify {what}"))?);
    }
    if talk.is_for_programs() {
        return Ok(talk.say(&json!({ "items": verified }).to_string())?);
    }
    for (_, package) in &packages {
        let Some(signature) = &package.signature else { continue };
        talk.say(&format!("{} is as {} signed it with {}", package.title(), signature.publisher, signature.key))?;
    }
    if args.key.is_none() && lock.is_none() {
        talk.note("whether that key is the publisher's was not checked: --key says which it must be");
    }
    Ok(())
}

fn verify(args: &VerifyArgs, package: &Package) -> Result<Value> {
    let Some(signature) = &package.signature else {
        bail!("it is not signed: nobody vouches for it");
    };
    if let Some(key) = args.key.as_ref().filter(|key| **key != signature.key.0) {
        bail!("it is signed with {}, not with {key}", signature.key);
    }
    // A host would refuse it for more than its signature.
    opssight_runtime::examine(&package.bytes)?;
    Ok(packages::value(package, []))
}
