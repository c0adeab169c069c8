//! Where things are.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a full host has beyond the plain one, and what tests let it do.
const FEATURES: &str = "opssight-server/kafka,opssight-server/failpoints";

/// The repository and its build folder.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    /// Root of the repository.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, wherever the user keeps it.
    pub(crate) target: PathBuf,
}

#[derive(Deserialize)]
struct Located {
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

impl Workspace {
    /// Ask cargo. `CARGO_MANIFEST_DIR` of the running xtask is the anchor, so that it works from any folder.
    pub(crate) fn find() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let json = crate::process::capture(
            Command::new(cargo())
                .args(["metadata", "--format-version", "1", "--no-deps", "--manifest-path"])
                .arg(manifest),
        )?;
        let located: Located = serde_json::from_str(&json).context("read what cargo metadata says")?;
        Ok(Self { root: located.workspace_root, target: located.target_directory })
    }

    /// Where packages of plugins are put.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.target.join("plugins")
    }

    /// The host's binary of the one profile.
    pub(crate) fn opssight(&self) -> PathBuf {
        self.target.join("debug/opssight")
    }

    /// A command that runs in the root.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// `cargo`, in the root.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = self.command(&cargo());
        // An xtask run by `cargo run` inherits variables of its own package; a nested cargo should not see them.
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION"] {
            command.env_remove(name);
        }
        command
    }

    /// `cargo build`, `clippy`, `nextest run` or `test` of the whole workspace, with all that a full host has. Whatever
    /// builds the host begins here, so that nothing is compiled twice with other features.
    pub(crate) fn whole(&self, verb: &[&str]) -> Result<Command> {
        crate::tools::kafka_library(self)?;
        let mut cargo = self.cargo();
        cargo.args(verb).args(["--locked", "--workspace", "--features", FEATURES]);
        Ok(cargo)
    }

    /// `npm`, in the root, without anything that calls home.
    pub(crate) fn npm(&self) -> Command {
        let mut command = self.command("npm");
        command.env("NEXT_TELEMETRY_DISABLED", "1").env("npm_config_audit", "false").env("npm_config_fund", "false");
        command
    }
}

/// The cargo that runs us, so that toolchain overrides hold.
fn cargo() -> String {
    crate::process::environment("CARGO").unwrap_or_else(|| "cargo".to_owned())
}
