//! VictoriaMetrics: a Prometheus-compatible store that also takes InfluxDB's line protocol.

use crate::part::{Package, Part};
use crate::place::Place;
use crate::server::{Server, is_well};
use anyhow::Result;
use std::path::Path;
use std::process::Command;

pub(crate) const PACKAGE: Package = Package::Apt("victoria-metrics");

pub(crate) fn start(program: &Path, place: &Place) -> Result<Server> {
    let port = place.port;
    let mut victoria = Command::new(program);
    victoria.arg(format!("-httpListenAddr=127.0.0.1:{port}"));
    victoria.arg(format!("-storageDataPath={}", place.path("data")));
    // Days; tests write history.
    victoria.args(["-retentionPeriod=400d", "-memory.allowedPercent=5"]);
    // What was written is seen at once, and what was written twice is seen once.
    victoria.args(["-search.latencyOffset=0s", "-dedup.minScrapeInterval=1ms"]);
    // A measurement with one field is a metric of its name.
    victoria.args(["-influxSkipSingleField", "-influxDBLabel="]);
    Server::start(Part::Metrics, &mut victoria, place, || is_well(port, "/health"))
}
