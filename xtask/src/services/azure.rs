//! Azurite, Microsoft's own stand-in for Azure Blob Storage. Everything is in its folder.

use super::Service;
use super::server::{Server, free_port, listens};
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use rustix::process::Signal;

pub(super) fn start(workspace: &Workspace) -> Result<Service> {
    let folder = tempfile::tempdir().context("make a folder for Azurite")?;
    let (path, port) = (folder.path().to_owned(), free_port()?);
    let mut azurite = workspace.command("node");
    azurite.arg(tools::azurite(workspace)?);
    azurite.args(["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--location"]).arg(&path);
    azurite.args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
    let folder = (path.as_path(), Box::new(folder) as _);
    let server = Server::start("Azurite", &mut azurite, folder, Signal::TERM, || listens(port))?;
    Ok(Service { _server: server, variables: vec![("OPSSIGHT_TEST_AZURE", format!("http://127.0.0.1:{port}"))] })
}
