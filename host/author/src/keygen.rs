//! `opssight plugin keygen`.

use crate::packages;
use crate::talk::Talk;
use anyhow::{Context, Result};
use clap::Args;
use opssight_package::SigningKey;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight plugin keygen publisher.pem\n  \
    opssight plugin keygen publisher.pem --public\n\nWho has the file can publish in your name: keep it secret, and keep \
    a copy. The key that is printed is what hosts pin.";

/// Where the key goes.
#[derive(Debug, Args)]
pub struct KeygenArgs {
    /// File of the private key (PEM); it must not be there yet
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Print the public half of a key that is there
    #[arg(long)]
    public: bool,
}

pub(crate) fn run(args: &KeygenArgs, talk: &mut Talk) -> Result<()> {
    let key = if args.public { packages::key(&args.file, talk)? } else { make(args)? };
    let public = key.public();
    if talk.is_for_programs() {
        let value = json!({ "key": public.as_str(), "file": args.file.display().to_string() });
        return Ok(talk.say(&value.to_string())?);
    }
    Ok(talk.say(public.as_str())?)
}

fn make(args: &KeygenArgs) -> Result<SigningKey> {
    let key = SigningKey::generate()?;
    let making = || format!("make the key file {}", args.file.display());
    // Never over another key: what it signed could not be followed by anything.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.file).with_context(making)?;
    file.write_all(key.to_pem().as_bytes()).and_then(|()| file.sync_all()).with_context(making)?;
    Ok(key)
}
