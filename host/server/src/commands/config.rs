//! `opssight config`

use super::{environment, say};
use crate::config::{Config, Flags, load};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Say whether the configuration can be used
    #[command(after_help = "Examples:\n  opssight config check --config opssight.toml")]
    Check(Flags),
    /// Print the configuration in force, as TOML
    #[command(after_help = "Examples:\n  OPSSIGHT_HOOKS__BODY_LIMIT=1048576 opssight config show")]
    Show(Flags),
    /// Print the JSON Schema of the configuration
    #[command(after_help = "Examples:\n  opssight config schema > opssight.schema.json")]
    Schema,
}

pub(super) fn run(command: &ConfigCommand) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Check(flags) => {
            load(flags, &environment())?;
            say("The configuration can be used.")
        }
        ConfigCommand::Show(flags) => say(toml::to_string_pretty(&load(flags, &environment())?)?.trim_end()),
        ConfigCommand::Schema => say(&serde_json::to_string_pretty(&schemars::schema_for!(Config))?),
    }
}
