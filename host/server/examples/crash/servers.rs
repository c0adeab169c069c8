//! The servers of a world: its own, so that they can die as well.

use crate::wire::Wire;
use opssight_services::{Part, Place, Server};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a server takes to start again after it was killed: what it leaves behind has to end first.
const AGAIN: Duration = Duration::from_secs(20);

/// PostgreSQL behind a line that can be cut, Redis, and a broker.
pub(crate) struct Servers {
    postgres: One,
    redis: One,
    broker: One,
    pub(crate) wire: Wire,
    _folder: tempfile::TempDir,
}

/// One of them, which may be dead just now.
struct One {
    part: Part,
    program: PathBuf,
    place: Place,
    server: Option<Server>,
}

impl One {
    fn start(part: Part, folder: &std::path::Path) -> Self {
        let program = program(part);
        // What is kept, is kept as an operator's server keeps it: flushed.
        let place = Place::kept(&folder.join(part.name()), false).expect("a place for a server");
        let mut one = Self { part, program, place, server: None };
        one.start_again();
        one
    }

    fn start_again(&mut self) {
        let deadline = Instant::now() + AGAIN;
        loop {
            match self.part.start(&self.program, &self.place) {
                Ok(server) => break self.server = Some(server),
                Err(error) => assert!(Instant::now() < deadline, "{} does not start: {error:#}", self.part.title()),
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill();
        }
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.place.port)
    }
}

/// End with a word if one is missing.
pub(crate) fn look_for_programs() {
    for part in [Part::Postgres, Part::Redis, Part::Kafka] {
        program(part);
    }
}

fn program(part: Part) -> PathBuf {
    let name = format!("OPSSIGHT_CRASH_{}", part.name().to_uppercase());
    std::env::var_os(&name).unwrap_or_else(|| panic_without(&name)).into()
}

fn panic_without(name: &str) -> ! {
    println!("{name} is not set: `cargo xtask crash` installs what is needed and says where it is");
    std::process::exit(2)
}

impl Servers {
    pub(crate) async fn start() -> Self {
        // PostgreSQL goes through it as a user of its own.
        let passable = std::fs::Permissions::from_mode(0o711);
        let folder = tempfile::Builder::new().permissions(passable).tempdir().expect("a folder for servers");
        let postgres = One::start(Part::Postgres, folder.path());
        let wire = Wire::to(postgres.place.port).await;
        let (redis, broker) = (One::start(Part::Redis, folder.path()), One::start(Part::Kafka, folder.path()));
        Self { postgres, redis, broker, wire, _folder: folder }
    }

    /// Of its administrator, without the line.
    pub(crate) fn database(&self) -> String {
        format!("postgres://opssight:{}@{}/postgres", self.postgres.place.password, self.postgres.address())
    }

    pub(crate) fn brokers(&self) -> String {
        self.broker.address()
    }

    /// How hosts are told of Redis and the broker.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let redis = format!("redis://:{}@{}", self.redis.place.password, self.redis.address());
        vec![
            ("OPSSIGHT_CACHE__URL", redis),
            ("OPSSIGHT_BUS__URL", format!("kafka://{}", self.brokers())),
            ("OPSSIGHT_BUS__TIMEOUT_SECS", "2".to_owned()),
            ("OPSSIGHT_BUS__REPLICAS", "1".to_owned()),
        ]
    }

    pub(crate) fn kill_database(&mut self) {
        self.postgres.kill();
    }

    pub(crate) fn start_database(&mut self) {
        self.postgres.start_again();
    }

    pub(crate) fn kill_redis(&mut self) {
        self.redis.kill();
    }

    pub(crate) fn start_redis(&mut self) {
        self.redis.start_again();
    }

    /// What is in its topics is in its memory, so that it must not die.
    pub(crate) fn broker_stands_still(&self, still: bool) {
        let Some(broker) = &self.broker.server else { return };
        if still { broker.stand_still() } else { broker.go_on() }
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.broker_stands_still(false);
    }
}
