//! `opssight admin`: works on the data folder itself, while the host is stopped.

use super::{environment, say};
use crate::config::{Flags, load};
use crate::data;
use clap::Subcommand;
use opssight_backends::{Argon2Passwords, SystemClock, SystemRandomness};
use opssight_core::identity::Identity;
use std::sync::Arc;

#[derive(Debug, Subcommand)]
pub(super) enum AdminCommand {
    /// Make a new admin secret and end all sessions (stop the host first)
    #[command(after_help = "Examples:\n  opssight admin reset --data /var/lib/opssight")]
    Reset(Flags),
}

pub(super) async fn run(command: &AdminCommand) -> anyhow::Result<()> {
    let AdminCommand::Reset(flags) = command;
    let config = load(flags, &environment())?;
    let (store, _bus) = data::open(&config).await?;
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
    let identity = Identity {
        store: store.clone(),
        keys: store.clone(),
        people: store.clone(),
        passwords: Arc::new(Argon2Passwords::default()),
        attempts: store.clone(),
        clock,
        random,
    };
    say(&format!("Admin secret (shown once): {}", identity.reset().await?))?;
    store.close().await;
    Ok(())
}
