//! Redis, with nothing written to disk. Tests that kill one start their own with the same program.

use super::server::{Server, free_port, listens};
use super::{PASSWORD, Service};
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use rustix::process::Signal;
use std::process::Command;

pub(super) fn start(workspace: &Workspace) -> Result<Service> {
    let folder = tempfile::tempdir().context("make a folder for Redis")?;
    let (path, port) = (folder.path().to_owned(), free_port()?);
    let mut redis = Command::new(tools::redis(workspace)?);
    redis.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    redis.args(["--requirepass", PASSWORD]).arg("--dir").arg(&path);
    // It listens once it is ready, because there is nothing to load.
    let server = Server::start("Redis", &mut redis, (&path, Box::new(folder)), Signal::TERM, || listens(port))?;
    let address = format!("redis://:{PASSWORD}@127.0.0.1:{port}");
    Ok(Service { _server: server, variables: vec![("OPSSIGHT_TEST_REDIS", address)] })
}
