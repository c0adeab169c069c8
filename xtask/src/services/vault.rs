//! OpenBao, which speaks Vault's API, for the tests of master keys and of credentials that stay in Vault. Everything is
//! in memory.

use super::server::{Server, free_port, is_well};
use super::{PASSWORD, Service};
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use rustix::process::Signal;
use std::process::Command;

pub(super) fn start(workspace: &Workspace) -> Result<Service> {
    // Its home, so that it leaves nothing in anybody's.
    let folder = tempfile::tempdir().context("make a folder for OpenBao")?;
    let (path, port) = (folder.path().to_owned(), free_port()?);
    let mut vault = Command::new(tools::openbao(workspace)?);
    vault.args(["server", "-dev", "-dev-no-store-token"]);
    vault.arg(format!("-dev-root-token-id={PASSWORD}")).arg(format!("-dev-listen-address=127.0.0.1:{port}"));
    vault.env("HOME", &path).current_dir(&path);
    let is_well = || is_well(port, "/v1/sys/health");
    let server = Server::start("OpenBao", &mut vault, (&path, Box::new(folder)), Signal::TERM, is_well)?;
    // With the token of its administrator as the password.
    let address = format!("http://root:{PASSWORD}@127.0.0.1:{port}");
    Ok(Service { _server: server, variables: vec![("OPSSIGHT_TEST_VAULT", address)] })
}
