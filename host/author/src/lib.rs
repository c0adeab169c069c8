//! The author's and the packager's side of `opssight plugin`: everything that needs no running host.
//!
//! One file per command: its arguments, its examples, and `run`. Data goes to standard output, everything else to
//! standard error ([`Talk`]); the answer is the exit code. Nothing here serves anybody: the composition root
//! (`host/server`) flattens [`AuthorCommand`] into its command line, and lends `dev` what talks to a running host.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod access;
mod build;
mod cases;
mod dev;
mod fetch;
mod inspect;
mod keygen;
mod lock;
mod mirror;
mod new;
mod pack;
mod packages;
mod process;
mod project;
mod publish;
mod search;
mod sheet;
mod sign;
mod talk;
mod test;
mod toolchain;
mod verify;

pub use access::Access;
pub use dev::{Host, HostLine};
pub use inspect::{InspectArgs, is_package};
pub use talk::Talk;

use anyhow::Result;
use clap::Subcommand;

/// What authors and packagers do.
#[derive(Debug, Subcommand)]
pub enum AuthorCommand {
    /// Start a plugin: a project that builds and passes its tests
    #[command(after_help = new::EXAMPLES)]
    New(new::NewArgs),
    /// Build a plugin and run its cases on the real host, in this process
    #[command(after_help = test::EXAMPLES)]
    Test(test::TestArgs),
    /// Build a plugin on every save and swap it into a running host
    #[command(after_help = dev::EXAMPLES)]
    Dev(dev::DevArgs),
    /// Make a publisher's key, with which packages are signed
    #[command(after_help = keygen::EXAMPLES)]
    Keygen(keygen::KeygenArgs),
    /// Build a plugin's folder into one package, and see whether a host would take it
    #[command(after_help = build::EXAMPLES)]
    Build(build::BuildArgs),
    /// Put a component and its manifest into one package
    #[command(after_help = pack::EXAMPLES)]
    Pack(pack::PackArgs),
    /// Sign a package with a publisher's key
    #[command(after_help = sign::EXAMPLES)]
    Sign(sign::SignArgs),
    /// Say whose packages are, and whether they are as they were signed
    #[command(after_help = verify::EXAMPLES)]
    Verify(verify::VerifyArgs),
    /// Publish a package to a registry, a directory or a mirror
    #[command(after_help = publish::EXAMPLES)]
    Publish(publish::PublishArgs),
    /// Find plugins in registries, directories and mirrors
    #[command(after_help = search::EXAMPLES)]
    Search(search::SearchArgs),
    /// Get packages as files
    #[command(after_help = fetch::EXAMPLES)]
    Fetch(fetch::FetchArgs),
    /// Copy packages to another place, for hosts without a network
    #[command(after_help = mirror::EXAMPLES)]
    Mirror(mirror::MirrorArgs),
    /// Note which packages exactly are meant, in a lock file
    #[command(after_help = lock::EXAMPLES)]
    Lock(lock::LockArgs),
}

/// The command line cannot be carried out as it stands.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Exit code of a run in which what was watched ended badly, here: a case failed.
const FAILED: u8 = 5;

/// Run a command. Answers with the exit code of the process, or with what kept it from being carried out. `host` is
/// asked only by what speaks to a running host.
pub async fn run(command: AuthorCommand, talk: &mut Talk, host: &dyn Host) -> Result<u8> {
    let done = match command {
        AuthorCommand::New(args) => new::run(&args, talk),
        AuthorCommand::Test(args) => return test::run(&args, talk).await,
        AuthorCommand::Dev(args) => dev::run(&args, talk, host).await,
        AuthorCommand::Keygen(args) => keygen::run(&args, talk),
        AuthorCommand::Build(args) => build::run(&args, talk).await,
        AuthorCommand::Pack(args) => pack::run(&args, talk),
        AuthorCommand::Sign(args) => sign::run(&args, talk),
        AuthorCommand::Verify(args) => verify::run(&args, talk).await,
        AuthorCommand::Publish(args) => publish::run(&args, talk).await,
        AuthorCommand::Search(args) => search::run(&args, talk).await,
        AuthorCommand::Fetch(args) => fetch::run(&args, talk).await,
        AuthorCommand::Mirror(args) => mirror::run(&args, talk).await,
        AuthorCommand::Lock(args) => lock::run(&args, talk).await,
    };
    answer(done, talk)
}

/// Look at a package: a file, or one in a place.
pub async fn inspect(args: &InspectArgs, talk: &mut Talk) -> Result<u8> {
    let done = inspect::run(args, talk).await;
    answer(done, talk)
}

fn answer(done: Result<()>, talk: &mut Talk) -> Result<u8> {
    match done {
        Ok(()) => Ok(0),
        Err(error) => match error.downcast_ref::<Usage>() {
            Some(usage) => {
                talk.warn(&format!("error: {usage}"));
                Ok(2)
            }
            None => Err(error),
        },
    }
}
