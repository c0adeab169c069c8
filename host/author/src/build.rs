//! `opssight plugin build`.

use crate::project::Project;
use crate::talk::Talk;
use crate::{packages, toolchain};
use anyhow::Result;
use clap::Args;
use std::path::PathBuf;

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight plugin build --sign-key publisher.pem\n  \
    opssight plugin build plugins/mine --out mine.wasm";

/// What to build.
#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The plugin's folder
    #[arg(default_value = ".", value_name = "FOLDER")]
    folder: PathBuf,

    /// Private key of the publisher, to sign the package with
    #[arg(long, value_name = "FILE")]
    sign_key: Option<PathBuf>,

    /// Where the package goes [default: ID-VERSION.wasm]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(crate) async fn run(args: &BuildArgs, talk: &mut Talk) -> Result<()> {
    let project = Project::open(&args.folder)?;
    let publisher = project.manifest()?.publisher;
    // Before the compiler runs: a wrong key is known at once.
    let key = args.sign_key.as_deref().map(|path| packages::key(path, talk)).transpose()?;
    let packed = toolchain::package(&project, talk).await?;
    packages::finish(packed, &publisher, key.as_ref())?.deliver(args.out.as_deref(), talk)
}
