//! `opssight plugin pack`.

use crate::packages;
use crate::talk::Talk;
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight plugin pack component.wasm --manifest plugin.toml\n  \
    opssight plugin pack component.wasm --manifest plugin.toml --sign-key publisher.pem --out mine.wasm";

/// What to pack.
#[derive(Debug, Args)]
pub struct PackArgs {
    /// The component, as the compiler made it
    #[arg(value_name = "COMPONENT")]
    component: PathBuf,

    /// The manifest
    #[arg(long, default_value = "plugin.toml", value_name = "FILE")]
    manifest: PathBuf,

    /// Private key of the publisher, to sign the package with
    #[arg(long, value_name = "FILE")]
    sign_key: Option<PathBuf>,

    /// Where the package goes [default: ID-VERSION.wasm]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &PackArgs, talk: &mut Talk) -> Result<()> {
    let manifest = packages::manifest(&args.manifest)?;
    let key = args.sign_key.as_deref().map(|path| packages::key(path, talk)).transpose()?;
    let component = packages::read(&args.component)?;
    packages::make(&component, &manifest, key.as_ref())?.deliver(args.out.as_deref(), talk)
}
