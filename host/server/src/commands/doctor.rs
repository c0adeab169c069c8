//! stub
use crate::config::Flags;
use opssight_cli::GlobalArgs;
pub(super) const EXAMPLES: &str = "";
#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    flags: Flags,
}
pub(super) async fn run(_args: DoctorArgs, globals: GlobalArgs) -> u8 {
    opssight_cli::doctor(globals).await
}
