//! `opssight`: the host and its command line in one binary.

use clap::Parser;
use opssight_server::commands::{Cli, run};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Two rustls providers may be linked; without a choice the first TLS connection would panic.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        return ExitCode::FAILURE;
    }
    ExitCode::from(run(Cli::parse()))
}
