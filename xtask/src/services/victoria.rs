//! VictoriaMetrics: a Prometheus-compatible store that also takes InfluxDB's line protocol.

use super::Service;
use super::server::{Server, free_port, is_well};
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use rustix::process::Signal;
use std::process::Command;

pub(super) fn start(workspace: &Workspace) -> Result<Service> {
    let folder = tempfile::tempdir().context("make a folder for VictoriaMetrics")?;
    let (path, port) = (folder.path().to_owned(), free_port()?);
    let mut victoria = Command::new(tools::victoria(workspace)?);
    victoria.arg(format!("-httpListenAddr=127.0.0.1:{port}"));
    victoria.arg(format!("-storageDataPath={}", path.join("data").display()));
    // Days; tests write history.
    victoria.args(["-retentionPeriod=400d", "-memory.allowedPercent=5"]);
    // What was written is seen at once, and what was written twice is seen once.
    victoria.args(["-search.latencyOffset=0s", "-dedup.minScrapeInterval=1ms"]);
    // A measurement with one field is a metric of its name.
    victoria.args(["-influxSkipSingleField", "-influxDBLabel="]);
    let is_well = || is_well(port, "/health");
    let folder = (path.as_path(), Box::new(folder) as _);
    let server = Server::start("VictoriaMetrics", &mut victoria, folder, Signal::INT, is_well)?;
    Ok(Service { _server: server, variables: vec![("OPSSIGHT_TEST_VICTORIA", format!("http://127.0.0.1:{port}"))] })
}
