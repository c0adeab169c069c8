//! A stand-in for Google Cloud Storage, with everything in memory.

use super::Service;
use super::server::{Server, free_port, listens};
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use rustix::process::Signal;
use std::process::Command;

pub(super) fn start(workspace: &Workspace) -> Result<Service> {
    let folder = tempfile::tempdir().context("make a folder for the stand-in for Google Cloud Storage")?;
    let (path, port) = (folder.path().to_owned(), free_port()?);
    let at = format!("127.0.0.1:{port}");
    let mut google = Command::new(tools::fake_gcs(workspace)?);
    google.args(["-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-port", &port.to_string()]);
    // By it the server knows requests in Google's XML, which is what we speak.
    google.args(["-public-host", &at]).arg("-external-url").arg(format!("http://{at}")).current_dir(&path);
    let folder = (path.as_path(), Box::new(folder) as _);
    let server = Server::start("fake-gcs-server", &mut google, folder, Signal::TERM, || listens(port))?;
    Ok(Service { _server: server, variables: vec![("OPSSIGHT_TEST_GCS", format!("http://{at}"))] })
}
