//! Lowest versions that may be locked, with or without an advisory database: `docs/security/min-versions.toml`.

use super::Remarks;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use semver::Version;
use serde::Deserialize;
use std::fs;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Floors {
    floor: Vec<Floor>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Floor {
    #[serde(rename = "crate")]
    krate: String,
    version: Version,
    reason: String,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: Version,
}

pub(super) fn check(workspace: &Workspace) -> Result<Remarks> {
    let read = |path: &str| fs::read_to_string(workspace.root.join(path)).with_context(|| format!("read {path}"));
    let floors: Floors = toml::from_str(&read("docs/security/min-versions.toml")?).context("read the floors")?;
    let lock: Lock = toml::from_str(&read("Cargo.lock")?).context("read Cargo.lock")?;
    let (below, remarks) = compare(&floors, &lock);
    if !below.is_empty() {
        bail!("{}", below.join("\n      "));
    }
    Ok(remarks)
}

fn compare(floors: &Floors, lock: &Lock) -> (Vec<String>, Remarks) {
    let (mut below, mut remarks) = (Vec::new(), Vec::new());
    for floor in &floors.floor {
        let locked: Vec<&Locked> = lock.package.iter().filter(|package| package.name == floor.krate).collect();
        if locked.is_empty() {
            remarks.push(format!("{} has a floor but is not used any more", floor.krate));
        }
        for package in locked.iter().filter(|package| package.version < floor.version) {
            let Floor { krate, version, reason } = floor;
            below.push(format!("{krate} {} is locked, at least {version} is needed: {reason}", package.version));
        }
    }
    (below, remarks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_locked_version_must_reach_the_floor() {
        let floors = "[[floor]]\ncrate = \"a\"\nversion = \"1.2.3\"\nreason = \"r\"";
        // (versions locked, how many are below)
        for (versions, below) in [(vec!["1.2.3"], 0), (vec!["1.2.2"], 1), (vec!["2.0.0", "1.1.0"], 1), (vec![], 0)] {
            let package = versions.iter().map(|v| Locked { name: "a".into(), version: v.parse().unwrap() }).collect();
            let floors: Floors = toml::from_str(floors).unwrap();
            assert_eq!(compare(&floors, &Lock { package }).0.len(), below, "{versions:?}");
        }
    }
}
