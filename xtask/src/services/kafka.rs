//! A broker that speaks Kafka's protocol, with topics that last as long as it runs.

use super::Service;
use super::server::{Server, free_port, listens};
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use rustix::process::Signal;
use std::process::Command;

pub(super) fn start(workspace: &Workspace) -> Result<Service> {
    let program = tools::kafka_broker(workspace)?;
    let folder = tempfile::tempdir().context("make a folder for the broker")?;
    let (path, port) = (folder.path().to_owned(), free_port()?);
    let address = format!("tcp://127.0.0.1:{port}");
    let mut broker = Command::new(&program);
    broker.args(["broker", "--listener-url", &address, "--advertised-listener-url", &address]);
    broker.args(["--storage-engine", "memory://tansu/"]).current_dir(&path);
    let folder = (path.as_path(), Box::new(folder) as _);
    let server = Server::start("Kafka's protocol", &mut broker, folder, Signal::TERM, || listens(port))?;
    let variables = vec![
        ("OPSSIGHT_TEST_KAFKA", format!("127.0.0.1:{port}")),
        // For tests that need a broker of their own to stop and start.
        ("OPSSIGHT_TEST_KAFKA_BROKER", program.to_string_lossy().into_owned()),
    ];
    Ok(Service { _server: server, variables })
}
