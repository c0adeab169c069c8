use crate::workspace::Workspace;
#[derive(clap::Args)]
pub(crate) struct Args {}
pub(crate) fn run(_: &Workspace, _: &Args) -> anyhow::Result<std::process::ExitCode> { anyhow::bail!("not yet") }
