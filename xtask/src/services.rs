//! The servers that tests talk to: real ones, each on a private loopback port with a folder of its own, stopped by its
//! own id. Nothing of the machine's own services is touched.

mod kafka;
mod postgres;
mod redis;
mod server;
mod vault;
mod victoria;

use crate::process::{self, say};
use crate::workspace::Workspace;
use anyhow::Result;
use server::Server;
use std::time::Duration;

/// Of every server that asks for one.
const PASSWORD: &str = "only-for-tests";

/// A server, and the variables by which tests find it.
struct Service {
    _server: Server,
    variables: Vec<(&'static str, String)>,
}

/// What tests need. Stopped when it is dropped.
pub(crate) struct Services(Vec<Service>);

impl Services {
    /// Install what is missing, and start all of them.
    pub(crate) fn all(workspace: &Workspace) -> Result<Self> {
        let starts = [postgres::start, redis::start, vault::start, kafka::start, victoria::start];
        Ok(Self(starts.into_iter().map(|start| start(workspace)).collect::<Result<_>>()?))
    }

    /// The same for PostgreSQL alone.
    pub(crate) fn postgres(workspace: &Workspace) -> Result<Self> {
        Ok(Self(vec![postgres::start(workspace)?]))
    }

    /// The same for VictoriaMetrics alone.
    pub(crate) fn victoria(workspace: &Workspace) -> Result<Self> {
        Ok(Self(vec![victoria::start(workspace)?]))
    }

    /// The variables by which tests find them.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().flat_map(|service| service.variables.iter().map(|(name, value)| (*name, value.as_str())))
    }
}

/// Start them and wait for Ctrl-C, so that single tests can be run beside.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    crate::interrupt::watch()?;
    let services = Services::all(workspace)?;
    for (name, value) in services.variables() {
        process::print(&format!("export {name}={value}"))?;
    }
    say("Ctrl-C stops them.");
    while !crate::interrupt::seen() {
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}
