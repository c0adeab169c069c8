//! Azurite, Microsoft's own stand-in for Azure Blob Storage. Everything is in its folder.

use crate::part::{Package, Part};
use crate::place::Place;
use crate::server::{Server, listens};
use anyhow::Result;
use std::path::Path;
use std::process::Command;

/// Its only script of an install is for Windows.
pub(crate) const PACKAGE: Package =
    Package::Npm { requirement: "azurite@3.35.0", program: "node_modules/azurite/dist/src/blob/main.js" };

pub(crate) fn start(program: &Path, place: &Place) -> Result<Server> {
    let port = place.port;
    let mut azurite = Command::new("node");
    azurite.arg(program).args(["--silent", "--disableTelemetry", "--skipApiVersionCheck"]);
    azurite.args(["--location", &place.path("data"), "--blobHost", "127.0.0.1", "--blobPort", &port.to_string()]);
    Server::start(Part::Azure, &mut azurite, place, || listens(port))
}
