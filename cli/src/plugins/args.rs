//! What `opssight plugin` can be told.

use super::calls::{self, ReplayArgs};
use super::install::{Agreed, InstallArgs};
use super::revoke::{RevokeArgs, Target};
use super::trust::TrustCommand;
use crate::args::{Paging, wire};
use clap::Subcommand;
use opssight_api_types::plugins::CallOutcome;
use opssight_api_types::plugins::changes::Data;

#[derive(Debug, Subcommand)]
pub enum PluginsCommand {
    /// List installed plugins
    #[command(after_help = "Examples:\n  opssight plugin list\n  opssight plugin list -o json")]
    List,
    /// Show a plugin: what it can do, what it asks for, how it behaves
    #[command(
        visible_alias = "show",
        after_help = "Examples:\n  opssight plugin inspect github\n  opssight plugin inspect ./example.wasm\n  \
        opssight plugin inspect github -o json"
    )]
    Inspect {
        /// An installed plugin, or the file of a package
        #[arg(value_name = "PLUGIN|FILE")]
        id: String,
    },
    /// Install a plugin, once you agree to what it can do
    Install(InstallArgs),
    /// Update a plugin from the catalogue
    #[command(
        after_help = "An update that can do no more than the version that runs is applied without a question.\n\n\
        Examples:\n  opssight plugin update github\n  opssight plugin update github@1.4.0 --shadow 200"
    )]
    Update {
        /// The plugin, and the version if not the newest
        #[arg(value_name = "PLUGIN[@VERSION]")]
        plugin: String,
        #[command(flatten)]
        agreed: Agreed,
    },
    /// Agree to the version that waits because it wants more
    #[command(after_help = "Examples:\n  opssight plugin approve github\n  \
        opssight plugin approve github --consent sha256:9f2b")]
    Approve {
        /// The plugin
        #[arg(value_name = "PLUGIN")]
        plugin: String,
        /// The digest that you looked at, or its beginning, instead of a question
        #[arg(long, value_name = "DIGEST")]
        consent: Option<String>,
    },
    /// Refuse the version that waits
    #[command(after_help = "Examples:\n  opssight plugin reject github")]
    Reject {
        /// The plugin
        #[arg(value_name = "PLUGIN")]
        plugin: String,
    },
    /// Make calls of a plugin again
    #[command(after_help = "Examples:\n  opssight plugin enable github")]
    Enable {
        /// The plugin
        #[arg(value_name = "PLUGIN")]
        plugin: String,
    },
    /// Make no calls of a plugin; deliveries are taken and wait
    #[command(after_help = "Examples:\n  opssight plugin disable github")]
    Disable {
        /// The plugin
        #[arg(value_name = "PLUGIN")]
        plugin: String,
    },
    /// Go back to the version that ran before
    #[command(
        after_help = "What is left does not come back by itself. Deliveries that it failed are processed again.\n\n\
        Examples:\n  opssight plugin rollback github --reason \"it drops runs\"\n  \
        opssight plugin rollback github --to 1.2.0"
    )]
    Rollback {
        /// The plugin
        #[arg(value_name = "PLUGIN")]
        plugin: String,
        /// Another version that ran here: its number, its digest or the beginning of it
        #[arg(long, value_name = "VERSION")]
        to: Option<String>,
        /// Why, for the record
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Compare a kept version with the active one before anything depends on it
    #[command(after_help = "Examples:\n  opssight plugin shadow github 1.4.0 --calls 500\n  \
        opssight plugin shadow github sha256:9f2b --differences 2")]
    Shadow {
        /// The plugin
        #[arg(value_name = "PLUGIN")]
        plugin: String,
        /// The version: its number, its digest or the beginning of it
        #[arg(value_name = "VERSION")]
        version: String,
        /// Decide after so many compared calls
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
        calls: u64,
        /// Promote it if at most so many of them differed
        #[arg(long, value_name = "N", default_value_t = 0)]
        differences: u64,
    },
    /// Make the shadow the active version now
    #[command(after_help = "Examples:\n  opssight plugin promote github")]
    Promote {
        /// The plugin
        #[arg(value_name = "PLUGIN")]
        plugin: String,
    },
    /// Let go of the shadow
    #[command(after_help = "Examples:\n  opssight plugin drop github --reason \"other items\"")]
    Drop {
        /// The plugin
        #[arg(value_name = "PLUGIN")]
        plugin: String,
        /// Why, for the record
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Stop a plugin, a version or a key now, and until it is pardoned
    Revoke(RevokeArgs),
    /// Lift a revocation; what it stopped stays stopped until it is installed or rolled back to
    #[command(after_help = "Examples:\n  opssight plugin pardon github\n  opssight plugin pardon --digest \"$DIGEST\"")]
    Pardon(Target),
    /// List what is revoked
    #[command(after_help = "Examples:\n  opssight plugin revocations")]
    Revocations,
    /// Uninstall a plugin
    #[command(
        visible_alias = "remove",
        after_help = "Examples:\n  opssight plugin uninstall github\n  opssight plugin uninstall github --data remove --yes"
    )]
    Uninstall {
        /// The plugin
        #[arg(value_name = "PLUGIN")]
        plugin: String,
        /// What becomes of its connections, with their credentials and state
        #[arg(long, value_name = "WHAT", default_value = "keep", value_parser = wire::<Data>(&["keep", "remove"]))]
        data: Data,
    },
    /// List the versions of a plugin that are kept
    #[command(after_help = "Examples:\n  opssight plugin versions github")]
    Versions {
        /// The plugin
        #[arg(value_name = "PLUGIN")]
        plugin: String,
    },
    /// List what happened to a plugin
    #[command(
        after_help = "Examples:\n  opssight plugin events github\n  opssight plugin events github --all -o jsonl"
    )]
    Events {
        /// The plugin
        #[arg(value_name = "PLUGIN")]
        plugin: String,
        #[command(flatten)]
        paging: Paging,
    },
    /// List recorded calls of a plugin, newest first
    #[command(after_help = "Examples:\n  opssight plugin calls github\n  \
        opssight plugin calls github --outcome failed --connection acme")]
    Calls {
        /// The plugin; `-` for all of them
        #[arg(value_name = "PLUGIN", allow_hyphen_values = true)]
        plugin: String,
        /// Only for this connection: id or name
        #[arg(long, value_name = "CONNECTION")]
        connection: Option<String>,
        /// Only those that ended so
        #[arg(long, value_parser = wire::<CallOutcome>(calls::OUTCOMES))]
        outcome: Option<CallOutcome>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a recorded call; with -o json, the whole record, which can be replayed
    #[command(after_help = "Examples:\n  opssight plugin call call_019a0c1f2b3c4d5e\n  \
        opssight plugin call call_019a0c1f2b3c4d5e -o json > tests/cassettes/bug.json")]
    Call {
        /// The call
        #[arg(value_name = "CALL")]
        id: String,
    },
    /// Show the last lines that a plugin logged
    #[command(after_help = "Examples:\n  opssight plugin log github\n  opssight plugin log github -o jsonl")]
    Log {
        /// The plugin
        #[arg(value_name = "PLUGIN")]
        plugin: String,
    },
    /// Make a recorded call again, offline, and say where it goes differently (exit code 1 if it does)
    #[command(after_help = "Examples:\n  opssight plugin replay call_019a0c1f2b3c4d5e\n  \
        opssight plugin replay bug.json --package target/plugins/github.wasm")]
    Replay(ReplayArgs),
    /// Publishers and the keys that they sign with
    #[command(subcommand, after_help = "Examples:\n  opssight plugin trust list")]
    Trust(TrustCommand),
}
