//! `opssight plugin sign`.

use crate::packages;
use crate::talk::Talk;
use anyhow::{Result, bail};
use clap::Args;
use std::path::PathBuf;

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight plugin sign mine.wasm --sign-key publisher.pem\n  \
    opssight plugin sign mine.wasm --sign-key publisher.pem --out signed.wasm";

/// What to sign.
#[derive(Debug, Args)]
pub struct SignArgs {
    /// The package
    #[arg(value_name = "PACKAGE")]
    package: PathBuf,

    /// Private key of the publisher that the manifest names
    #[arg(long, value_name = "FILE")]
    sign_key: PathBuf,

    /// Where the signed package goes [default: in place of the unsigned one]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: &SignArgs, talk: &mut Talk) -> Result<()> {
    let package = packages::open(&args.package)?;
    let key = packages::key(&args.sign_key, talk)?;
    let publisher = &package.manifest.publisher;
    let made = match &package.signature {
        // Signing again makes the same bytes: nothing is to be done.
        Some(signature) if signature.key == key.public() => packages::finish(package.bytes.to_vec(), publisher, None)?,
        Some(signature) => bail!("sign {}: it is signed with {} already", args.package.display(), signature.key),
        None => packages::finish(package.bytes.to_vec(), publisher, Some(&key))?,
    };
    made.deliver(Some(args.out.as_ref().unwrap_or(&args.package)), talk)
}
