//! `opssight plugin publish`.

use crate::access::Access;
use crate::packages;
use crate::talk::Talk;
use anyhow::{Context, Result, bail};
use clap::Args;
use opssight_distribution::{Place, Published};
use serde_json::json;
use std::path::PathBuf;

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight plugin publish mine.wasm --to oci://registry.example/acme\n  \
    opssight plugin publish mine.wasm --to oci://registry.example/acme --username ada --password-stdin < token\n  \
    opssight plugin publish mine.wasm --to dir:/srv/packages";

/// What to publish, and where.
#[derive(Debug, Args)]
pub struct PublishArgs {
    /// The signed package
    #[arg(value_name = "PACKAGE")]
    package: PathBuf,

    /// Where it goes: oci://HOST/PREFIX, dir:PATH or mirror:PATH
    #[arg(long, value_name = "PLACE")]
    to: Place,

    #[command(flatten)]
    access: Access,
}

pub(crate) async fn run(args: &PublishArgs, talk: &mut Talk) -> Result<()> {
    let package = packages::open(&args.package)?;
    if package.signature.is_none() {
        bail!(
            "publish {}: it is not signed, and no host would take it: use `opssight plugin sign`",
            args.package.display()
        );
    }
    opssight_runtime::examine(&package.bytes).with_context(|| format!("publish {}", args.package.display()))?;
    let published = args.access.open(&args.to)?.publish(&package).await?;
    let address = format!("{}/{}@{}", args.to, package.manifest.id, package.manifest.version);
    if talk.is_for_programs() {
        let more = [("reference", json!(address)), ("published", json!(published == Published::New))];
        let value = packages::value(&package, more);
        return Ok(talk.say(&value.to_string())?);
    }
    if published == Published::Unchanged {
        talk.note("it was there already, with the same content");
    }
    Ok(talk.say(&format!("{address} {}", package.digest))?)
}
