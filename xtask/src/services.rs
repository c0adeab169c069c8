//! The servers that tests talk to: real ones, each on a private loopback port with a folder of its own, stopped by its
//! own id. Nothing of the machine's own services is touched.

mod kafka;
mod postgres;
mod redis;
mod vault;
mod victoria;

use crate::process::{self, say};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use kafka::Kafka;
use postgres::Postgres;
use redis::Redis;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Child;
use std::time::{Duration, Instant};
use vault::Vault;
use victoria::Victoria;

/// How long a server may take to answer, on a machine that is busy.
const START: Duration = Duration::from_secs(60);
const PASSWORD: &str = "only-for-tests";

/// What tests need. Stopped when it is dropped.
pub(crate) struct Services {
    postgres: Postgres,
    redis: Redis,
    vault: Vault,
    kafka: Kafka,
    victoria: Victoria,
}

impl Services {
    /// Install what is missing, and start all of them.
    pub(crate) fn start(workspace: &Workspace) -> Result<Self> {
        Ok(Self {
            postgres: Postgres::start(workspace)?,
            redis: Redis::start(workspace)?,
            vault: Vault::start(workspace)?,
            kafka: Kafka::start(workspace)?,
            victoria: Victoria::start(workspace)?,
        })
    }

    /// The variables by which tests find them.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("OPSSIGHT_TEST_POSTGRES", self.postgres.address()),
            ("OPSSIGHT_TEST_REDIS", self.redis.address()),
            ("OPSSIGHT_TEST_VAULT", self.vault.address()),
            ("OPSSIGHT_TEST_KAFKA", self.kafka.address()),
            ("OPSSIGHT_TEST_KAFKA_BROKER", self.kafka.program().to_string_lossy().into_owned()),
            ("OPSSIGHT_TEST_VICTORIA", self.victoria.address()),
        ]
    }
}

/// Start them and wait for Ctrl-C, so that single tests can be run beside.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    crate::interrupt::watch()?;
    let services = Services::start(workspace)?;
    for (name, value) in services.variables() {
        process::print(&format!("export {name}={value}"))?;
    }
    say("Ctrl-C stops them.");
    while !crate::interrupt::seen() {
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(())
}

/// Until a server answers, or ends, or takes too long.
fn wait(name: &str, child: &mut Child, answers: impl Fn() -> bool) -> Result<()> {
    let deadline = Instant::now() + START;
    while !answers() {
        if let Some(status) = child.try_wait().with_context(|| format!("look at {name}"))? {
            bail!("{name} ended before it answered ({status})");
        }
        if Instant::now() > deadline {
            bail!("{name} did not answer within {} s", START.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Whether a server of the web says that it is well.
fn is_well(port: u16, path: &str) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer.lines().next().is_some_and(|line| line.contains(" 200 ")))
    };
    ask().unwrap_or(false)
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.port())
}
