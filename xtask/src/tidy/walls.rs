//! The walls: which crate of the workspace may know which, and who may use what is heavy.
//!
//! The tables are the drawing in ARCHITECTURE.md. An edge that is not drawn is an error, so that a new one is a
//! deliberate change of the drawing. `deny.toml` guards the same walls over the whole graph of dependencies.

use super::Remarks;
use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeSet;

/// A crate, the crates of the workspace that it may use, and those that only its tests may use.
type Room = (&'static str, &'static [&'static str], &'static [&'static str]);

const ROOMS: &[Room] = &[
    ("opssight-items", &[], &[]),
    ("opssight-contract", &[], &[]),
    ("opssight-services", &[], &[]),
    ("opssight-core", &["opssight-items"], &[]),
    ("opssight-package", &["opssight-core"], &[]),
    ("opssight-distribution", &["opssight-core", "opssight-package"], &[]),
    ("opssight-backends", &["opssight-core"], &[]),
    ("opssight-runtime", &["opssight-core", "opssight-package"], &["opssight-testkit"]),
    ("opssight-api-types", &["opssight-core"], &[]),
    ("opssight-api", &["opssight-api-types", "opssight-core"], &[]),
    ("opssight-cli", &["opssight-api-types"], &[]),
    (
        "opssight-author",
        // It plays an author's cases on the real runtime, as the testkit sets it up.
        &["opssight-core", "opssight-distribution", "opssight-package", "opssight-runtime", "opssight-testkit"],
        &[],
    ),
    (
        "opssight-server",
        &[
            "opssight-api",
            "opssight-author",
            "opssight-backends",
            "opssight-cli",
            "opssight-core",
            "opssight-distribution",
            "opssight-runtime",
            // For `opssight dev`.
            "opssight-services",
        ],
        // The bench compares the sandbox with the same plugin without one; whole-host tests sign packages.
        &["opssight-api-types", "opssight-hostile", "opssight-package", "opssight-plugin-github", "opssight-testkit"],
    ),
    ("opssight-plugin", &["opssight-items"], &[]),
    ("opssight-testkit", &["opssight-core", "opssight-package", "opssight-runtime"], &[]),
    (
        "opssight-hostile",
        // Its desk and its inbox are the real ones, and so are the places that packages come from.
        &[
            "opssight-backends",
            "opssight-core",
            "opssight-distribution",
            "opssight-package",
            "opssight-runtime",
            "opssight-testkit",
        ],
        &[],
    ),
    ("xtask", &["opssight-contract", "opssight-items", "opssight-services"], &[]),
];

/// A plugin knows the SDK and, in tests, the testkit.
const PLUGIN: (&[&str], &[&str]) = (&["opssight-plugin"], &["opssight-testkit"]);

/// What is heavy, who may use it, and who may in tests only.
const HEAVY: &[Room] = &[
    // The corpus makes compiled code that the host must not take.
    ("wasmtime", &["opssight-runtime", "opssight-hostile"], &[]),
    ("wasmtime-wasi", &["opssight-runtime"], &[]),
    ("wasmtime-wasi-http", &["opssight-runtime"], &[]),
    // The tests of the whole host make a database each.
    ("sqlx", &["opssight-backends"], &["opssight-server"]),
    ("redis", &["opssight-backends"], &[]),
    ("object_store", &["opssight-backends"], &[]),
    ("moka", &["opssight-backends"], &[]),
    ("rdkafka", &["opssight-backends"], &[]),
    ("axum", &["opssight-api"], &["opssight-cli", "opssight-runtime"]),
    ("utoipa-axum", &["opssight-api"], &[]),
    ("tower-http", &["opssight-api"], &[]),
    ("rust-embed", &["opssight-api", "opssight-author"], &[]),
    ("utoipa", &["opssight-api", "opssight-api-types"], &[]),
    (
        "reqwest",
        &["opssight-backends", "opssight-runtime", "opssight-cli", "opssight-distribution"],
        &["opssight-server"],
    ),
    ("vaultrs", &["opssight-backends"], &[]),
    ("tsink", &["opssight-backends"], &[]),
    ("jsonwebtoken", &["opssight-runtime"], &[]),
    (
        "tokio",
        &[
            "opssight-api",
            "opssight-author",
            "opssight-backends",
            "opssight-cli",
            "opssight-distribution",
            "opssight-hostile",
            "opssight-runtime",
            "opssight-server",
            "opssight-testkit",
        ],
        &["opssight-core"],
    ),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
}

pub(super) fn check(workspace: &Workspace) -> Result<Remarks> {
    let json =
        process::capture(workspace.cargo().args(["metadata", "--format-version", "1", "--no-deps", "--locked"]))?;
    let metadata: Metadata = serde_json::from_str(&json).context("read what cargo metadata says")?;
    let broken = broken(&metadata);
    if !broken.is_empty() {
        bail!("walls are broken:\n      {}", broken.join("\n      "));
    }
    Ok(Vec::new())
}

fn broken(metadata: &Metadata) -> Vec<String> {
    let inside: BTreeSet<&str> = metadata.packages.iter().map(|package| package.name.as_str()).collect();
    let mut broken = Vec::new();
    for package in &metadata.packages {
        let room = ROOMS.iter().find(|(name, ..)| *name == package.name);
        let (may, tests_may) = match room {
            Some((_, may, tests_may)) => (*may, *tests_may),
            None if ["/plugins/", "/sdk/examples/"].iter().any(|place| package.manifest_path.contains(place)) => PLUGIN,
            None => {
                broken.push(format!("{} is not in the drawing: add it to walls.rs and ARCHITECTURE.md", package.name));
                continue;
            }
        };
        for dependency in &package.dependencies {
            let heavy = HEAVY.iter().find(|(name, ..)| *name == dependency.name);
            let (may, tests_may) = match heavy {
                Some((_, users, test_users)) => {
                    (users.contains(&package.name.as_str()), test_users.contains(&package.name.as_str()))
                }
                None if inside.contains(dependency.name.as_str()) => {
                    let name = dependency.name.as_str();
                    (may.contains(&name), tests_may.contains(&name))
                }
                None => continue,
            };
            let in_tests = dependency.kind.as_deref() == Some("dev");
            let allowed = may || (in_tests && tests_may);
            if !allowed {
                let how = if in_tests { "in tests " } else { "" };
                broken.push(format!("{} may not use {} {how}", package.name, dependency.name).trim_end().to_owned());
            }
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependency = |(name, kind): &(&str, Option<&str>)| Dependency {
            name: (*name).to_owned(),
            kind: kind.map(str::to_owned),
        };
        Package {
            name: name.to_owned(),
            manifest_path: format!("/x/{}/Cargo.toml", name.replace("opssight-plugin-", "plugins/")),
            dependencies: dependencies.iter().map(dependency).collect(),
        }
    }

    #[test]
    fn an_edge_that_is_not_drawn_breaks_a_wall() {
        // (crate, dependency, kind, allowed)
        let table = [
            ("opssight-server", "opssight-runtime", None, true),
            ("opssight-api", "opssight-runtime", None, false),
            ("opssight-api", "opssight-backends", Some("dev"), false),
            ("opssight-core", "tokio", None, false),
            ("opssight-core", "tokio", Some("dev"), true),
            ("opssight-core", "sqlx", Some("dev"), false),
            ("opssight-server", "axum", None, false),
            ("opssight-server", "wasmtime", None, false),
            ("opssight-runtime", "axum", Some("dev"), true),
            ("opssight-runtime", "axum", None, false),
            ("opssight-cli", "opssight-core", None, false),
            ("opssight-plugin-x", "opssight-plugin", None, true),
            ("opssight-plugin-x", "opssight-testkit", Some("dev"), true),
            ("opssight-plugin-x", "opssight-testkit", None, false),
            ("opssight-plugin-x", "opssight-core", None, false),
            ("opssight-plugin-x", "reqwest", None, false),
            ("opssight-core", "serde", None, true),
        ];
        for (name, dependency, kind, allowed) in table {
            let others = ROOMS.iter().filter(|(room, ..)| *room != name).map(|(room, ..)| package(room, &[]));
            let metadata = Metadata { packages: others.chain([package(name, &[(dependency, kind)])]).collect() };
            assert_eq!(
                broken(&metadata).is_empty(),
                allowed,
                "{name} -> {dependency} {kind:?}: {:?}",
                broken(&metadata)
            );
        }
    }

    #[test]
    fn a_crate_that_nobody_drew_is_noticed() {
        let metadata = Metadata { packages: vec![package("opssight-utils", &[])] };
        assert_eq!(broken(&metadata).len(), 1);
    }
}
