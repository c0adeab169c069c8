//! `opssight doctor`: what a host on this machine needs, or how a running server is.

use super::environment;
use crate::config::{Config, ConfigError, Flags, load};
use crate::doctor::{Depth, Finding, examine};
use crate::failure::failed;
use opssight_cli::{GlobalArgs, doctor_of};

pub(super) const EXAMPLES: &str = "Examples:\n  opssight doctor --config opssight.toml\n  \
    opssight doctor --data /var/lib/opssight --output json\n  opssight doctor --server https://ops.example.com\n\n\
    Without --server it looks at what a host of this configuration needs: folders, disk, store, keys, Redis, Kafka, the \
    store of the metrics, the packages that hosts share, Vault, the plugin engine and the port. It changes nothing, and says what `opssight serve` would \
    say. With --server, and where no host is configured but somebody is signed in, it asks that server how it is.";

/// Beside the flags of `serve`, which say which host.
#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// Read all of the SQLite file, however large it is, and say what is damaged
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    flags: Flags,
}

pub(super) async fn run(args: DoctorArgs, globals: GlobalArgs) -> u8 {
    let environment = environment();
    if !is_here(&args, &globals, &environment) {
        return opssight_cli::doctor(globals).await;
    }
    let depth = if args.full { Depth::Full } else { Depth::Quick };
    let (data, found) = match load(&args.flags, &environment) {
        Ok(config) => (config.server.data.clone(), examine(&config, depth).await),
        Err(error) => (args.flags.data.unwrap_or(Config::default().server.data), not_configured(&error)),
    };
    doctor_of(&globals, &data.display().to_string(), &found)
}

/// Whether it is this machine that is asked about.
fn is_here(args: &DoctorArgs, globals: &GlobalArgs, environment: &[(String, String)]) -> bool {
    let Flags { config, listen, data, plugins, public_url, roles, dev } = &args.flags;
    let is_told = config.is_some() || listen.is_some() || data.is_some() || plugins.is_some() || public_url.is_some();
    if is_told || *dev || !roles.is_empty() || args.full {
        return true;
    }
    if globals.server.is_some() {
        return false;
    }
    let is_set = environment.iter().any(|(name, _)| name.starts_with("OPSSIGHT_") && name.contains("__"));
    is_set || Config::default().server.data.exists() || !opssight_cli::is_signed_in(globals)
}

/// Without a configuration there is nothing else to look at.
fn not_configured(error: &ConfigError) -> Vec<Finding> {
    vec![Finding::failing("configuration", failed(error))]
}
