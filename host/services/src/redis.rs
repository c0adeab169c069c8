//! Redis. Tests that kill one start their own with the same program.

use crate::part::{Package, Part};
use crate::place::{Lasting, Place};
use crate::server::{Server, listens};
use anyhow::Result;
use std::path::Path;
use std::process::Command;

pub(crate) const PACKAGE: Package = Package::Apt("redis-server");

pub(crate) fn start(program: &Path, place: &Place) -> Result<Server> {
    let port = place.port;
    let on_disk = if place.lasting == Lasting::Always { "yes" } else { "no" };
    let mut redis = Command::new(program);
    redis.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", on_disk]);
    redis.args(["--requirepass", &place.password]).arg("--dir").arg(&place.folder);
    // It listens while it loads what it kept, and says so to whoever comes: that is an answer.
    Server::start(Part::Redis, &mut redis, place, || listens(port))
}
