//! The servers that tests talk to, as [`opssight_services`] starts them: what is missing is installed.

use crate::process::{self, say};
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use opssight_services::{Part, Place, Server};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// A server, and the variables by which tests find it.
struct Service {
    _server: Server,
    variables: Vec<(&'static str, String)>,
}

/// What tests need. Stopped when it is dropped, and then its folder is removed.
pub(crate) struct Services {
    services: Vec<Service>,
    _folder: tempfile::TempDir,
}

impl Services {
    /// Install what is missing, and start all of them.
    pub(crate) fn all(workspace: &Workspace) -> Result<Self> {
        Self::start(workspace, &Part::FOR_TESTS)
    }

    /// The same for those that deliveries pass.
    pub(crate) fn of_deliveries(workspace: &Workspace) -> Result<Self> {
        Self::start(workspace, &[Part::Postgres, Part::Redis, Part::Kafka])
    }

    fn start(workspace: &Workspace, parts: &[Part]) -> Result<Self> {
        // PostgreSQL goes through it as a user of its own.
        let passable = std::fs::Permissions::from_mode(0o711);
        let folder = tempfile::Builder::new().permissions(passable).tempdir().context("make a folder for servers")?;
        let start = |part: &Part| {
            let program = tools::server(workspace, *part)?;
            let server = part.start(&program, &Place::for_this_run(&folder.path().join(part.name()))?)?;
            say(&format!("    {} answers", part.title()));
            Ok(Service { variables: variables(&server, &program), _server: server })
        };
        let services = parts.iter().map(start).collect::<Result<_>>()?;
        Ok(Self { services, _folder: folder })
    }

    /// The same for VictoriaMetrics alone.
    pub(crate) fn victoria(workspace: &Workspace) -> Result<Self> {
        Self::start(workspace, &[Part::Metrics])
    }

    /// The variables by which tests find them.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.services.iter().flat_map(|service| service.variables.iter().map(|(name, value)| (*name, value.as_str())))
    }
}

fn variables(server: &Server, program: &Path) -> Vec<(&'static str, String)> {
    let (address, password) = (format!("127.0.0.1:{}", server.place().port), &server.place().password);
    match server.part() {
        Part::Postgres => {
            vec![("OPSSIGHT_TEST_POSTGRES", format!("postgres://opssight:{password}@{address}/postgres"))]
        }
        Part::Redis => vec![("OPSSIGHT_TEST_REDIS", format!("redis://:{password}@{address}"))],
        Part::Kafka => vec![
            ("OPSSIGHT_TEST_KAFKA", address),
            // For tests that need a broker of their own to stop and start.
            ("OPSSIGHT_TEST_KAFKA_BROKER", program.to_string_lossy().into_owned()),
        ],
        Part::Vault => vec![
            // With the token of its administrator as the password.
            ("OPSSIGHT_TEST_VAULT", format!("http://root:{password}@{address}")),
            // For tests that need one of their own, which speaks TLS.
            ("OPSSIGHT_TEST_VAULT_SERVER", program.to_string_lossy().into_owned()),
        ],
        Part::Metrics => vec![("OPSSIGHT_TEST_VICTORIA", format!("http://{address}"))],
        Part::Azure => vec![("OPSSIGHT_TEST_AZURE", format!("http://{address}"))],
        Part::Google => vec![("OPSSIGHT_TEST_GCS", format!("http://{address}"))],
    }
}

/// Start them and wait for Ctrl-C, so that single tests can be run beside.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    crate::interrupt::watch()?;
    let services = Services::all(workspace)?;
    for (name, value) in services.variables() {
        process::print(&format!("export {name}={value}"))?;
    }
    say("Ctrl-C stops them.");
    while !crate::interrupt::seen() {
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}
