//! A store, its hosts, and what happens to them.

use crate::check::{Evidence, Verdict};
use crate::client::Client;
use crate::counter::Counter;
use crate::database::Database;
use crate::host::{Fate, Start, at_its_step, ends, signal, terminate};
use crate::late;
use crate::launch::Launched;
use crate::load::{Accepted, Load, Places, Target};
use crate::recorded;
use crate::servers::Servers;
use serde_json::json;
use std::collections::BTreeSet;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// How long a host has to take the step at which it is to die.
const STEP: Duration = Duration::from_secs(2);
/// How long leaving in order may take: hosts end what they are at, and give up after 20 s.
const FAREWELL: Duration = Duration::from_secs(40);
/// How long senders may wait to be accepted in the end.
const PATIENCE: Duration = Duration::from_secs(120);
/// So many connections share deliveries that leave something in their state, which has a limit.
const LATE: usize = 4;
/// So many steps tell whether hosts get to where they are to die.
const MANY: usize = 20;
/// The longest life of a host that is killed at random.
const LIFE_MS: u64 = 250;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Servers,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite, one host",
            Self::Servers => "PostgreSQL, Redis and Kafka, two hosts",
        }
    }
}

pub(crate) struct World {
    binary: String,
    random: u64,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) database: Database,
    pub(crate) servers: Option<Servers>,
    client: Client,
    pub(crate) hosts: Vec<Launched>,
    places: Places,
    pub(crate) load: Load,
    counter: Counter,
    runs: String,
    late: Vec<String>,
    /// Every step that a calm host took.
    steps: BTreeSet<String>,
    restarts_ms: Vec<u128>,
    pub(crate) verdict: Verdict,
}

impl World {
    /// Furnish it, and let it be calm for a moment.
    pub(crate) async fn begin(binary: &str, kind: Kind, seed: u64) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let plugins = dir.path().join("plugins");
        std::fs::create_dir_all(&plugins).expect("a folder");
        let package = opssight_testkit::build_plugin("opssight-plugin-github").expect("the GitHub plugin builds");
        std::fs::write(plugins.join("github.wasm"), package).expect("a package");
        std::fs::write(plugins.join("late.wasm"), late::package()).expect("a package");
        let (database, servers) = match kind {
            Kind::Sqlite => (Database::file(&dir.path().join("data")), None),
            Kind::Servers => {
                let servers = Servers::start().await;
                (Database::created_on(&servers.database()).await, Some(servers))
            }
        };
        let noted = dir.path().join("steps");
        let settings = settings(&database, servers.as_ref());
        let start = Start { binary, dir: dir.path(), settings: &settings };
        let host = start.start(&Fate::Noted(&noted)).expect("a calm host becomes ready");
        let client = Client::sign_in(&host.url, host.secret.as_deref().expect("a first start shows it")).await;
        let runs = Target::new(vec![client.connect(&github("runs")).await], recorded::examples("workflow_run").pop());
        let mut late = Vec::new();
        for number in 0..LATE {
            late.push(client.connect(&json!({ "name": format!("late {number}"), "plugin": late::ID })).await);
        }
        let late = Target::new(late, None);
        let places = Places::default();
        places.set(vec![host.url.clone()]);
        let load = Load::begin(&client, &places, &[runs.clone(), late.clone()]);
        let (counter, _) = client.connect(&github("counter")).await;
        let counter = Counter::begin(&client, &places, &counter);
        chores(client.clone(), "chore".to_owned()).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        terminate(host);
        let steps: BTreeSet<String> =
            std::fs::read_to_string(&noted).expect("its steps").lines().map(str::to_owned).collect();
        println!("    a calm host took {} named steps", steps.len());
        Self {
            binary: binary.to_owned(),
            random: seed.max(1),
            dir,
            database,
            servers,
            client,
            hosts: Vec::new(),
            places,
            load,
            counter,
            runs: runs.ids().concat(),
            late: late.ids(),
            steps,
            restarts_ms: Vec::new(),
            verdict: Verdict::default(),
        }
    }

    pub(crate) fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    fn start(&mut self, fate: &Fate<'_>) -> Result<Launched, ExitStatus> {
        let begun = Instant::now();
        let settings = settings(&self.database, self.servers.as_ref());
        let start = Start { binary: &self.binary, dir: self.dir.path(), settings: &settings };
        let host = start.start(fate);
        if host.is_ok() {
            self.restarts_ms.push(begun.elapsed().as_millis());
        }
        host
    }

    /// One that nothing awaits yet; that it does not start is wrong.
    pub(crate) fn start_well(&mut self, fate: &Fate<'_>) -> Option<Launched> {
        let started = self.start(fate);
        if let Err(ended) = &started {
            self.verdict.wrong.push(format!("a host did not start: {ended}"));
        }
        started.ok()
    }

    /// Tell the senders where the hosts are.
    pub(crate) fn moved(&self, more: Option<&Launched>) {
        self.places.set(self.hosts.iter().chain(more).map(|host| host.url.clone()).collect());
    }

    /// Deaths, so many.
    pub(crate) async fn dies(&mut self, kills: u32) {
        if self.servers.is_some() {
            // This one stays, and sees the other one die.
            let neighbour = self.start(&Fate::Calm).expect("a calm host becomes ready");
            self.hosts.push(neighbour);
        }
        let steps: Vec<String> = self.steps.iter().cloned().collect();
        let mut unreached = Vec::new();
        for kill in 0..kills {
            match steps.get(kill as usize) {
                Some(step) => {
                    if !self.dies_at(step, 1).await {
                        unreached.push(step.as_str());
                    }
                }
                // Some are taken once, when a host starts; the others again, deeper in its life.
                None if kill % 4 == 0 && !steps.is_empty() => {
                    let (step, nth) = (self.random(), self.random() % 20 + 2);
                    let step = &steps[usize::try_from(step).unwrap_or(0) % steps.len()];
                    let _killed_in_the_end = self.dies_at(step, nth).await;
                }
                None => self.killed().await,
            }
            self.verdict.kills += 1;
            if self.servers.is_some() && kill % 10 == 9 {
                self.database.cut().await;
            }
        }
        let tried = steps.len().min(kills as usize);
        let unreached = self.die_alone_at(unreached).await;
        println!(
            "    it died at {} of {tried} steps; not reached again: {}",
            tried - unreached.len(),
            unreached.join(", ")
        );
        // Some steps belong to a first start or a farewell; that many do not.
        if tried >= MANY && unreached.len() * 3 > tried {
            self.verdict.wrong.push(format!("{} of {tried} steps were not reached", unreached.len()));
        }
    }

    /// What one host does at a time is done by the neighbour, which was there first: it leaves for a while. Which steps
    /// were not reached even so.
    async fn die_alone_at<'s>(&mut self, steps: Vec<&'s str>) -> Vec<&'s str> {
        if self.servers.is_none() || steps.is_empty() {
            return steps;
        }
        let mut unreached = Vec::new();
        for step in steps {
            for neighbour in std::mem::take(&mut self.hosts) {
                terminate(neighbour);
            }
            if !self.dies_at(step, 1).await {
                unreached.push(step);
            }
            let neighbour = self.start_well(&Fate::Calm);
            self.hosts.extend(neighbour);
            self.moved(None);
        }
        unreached
    }

    /// Dies at a named step; false if it did not get there, and was killed in the end.
    async fn dies_at(&mut self, step: &str, nth: u64) -> bool {
        let mut host = match self.start(&Fate::DiesAt(format!("{nth} {step}"))) {
            Ok(host) => host,
            Err(ended) => {
                if !at_its_step(ended) {
                    self.verdict.wrong.push(format!("a host that was to die at `{step}` did not start: {ended}"));
                }
                return true;
            }
        };
        self.moved(Some(&host));
        let (mut admin, process) = (self.client.clone(), host.child.id());
        admin.url.clone_from(&host.url);
        let chores = tokio::spawn(async move {
            for number in 0.. {
                // What it leaves behind when it dies must not be in the way of the next.
                chores(admin.clone(), format!("chore {process} {number}")).await;
            }
        });
        let mut ended = ends(&mut host, STEP).await;
        if ended.is_none() {
            // Some steps are part of a farewell.
            signal(&host, "-TERM");
            match ends(&mut host, FAREWELL).await {
                None => self.verdict.wrong.push(format!("a host did not leave within {} s", FAREWELL.as_secs())),
                Some(left) => ended = Some(left).filter(|left| !left.success()),
            }
        }
        chores.abort();
        self.moved(None);
        if let Some(ended) = ended.filter(|ended| !at_its_step(*ended)) {
            self.verdict.wrong.push(format!("a host that was to die at `{step}` ended with {ended}"));
        }
        ended.is_some()
    }

    /// Killed at a random moment; where there are two hosts, either of them.
    async fn killed(&mut self) {
        let life = Duration::from_millis(self.random() % LIFE_MS);
        let Some(host) = self.start_well(&Fate::Calm) else { return };
        self.hosts.push(host);
        self.moved(None);
        tokio::time::sleep(life).await;
        let at = usize::try_from(self.random()).unwrap_or(0) % self.hosts.len();
        // Dropping it kills it.
        drop(self.hosts.remove(at));
        self.moved(None);
    }

    /// Calm again: bring everything to its end, and judge.
    pub(crate) async fn end(mut self) -> Verdict {
        if self.hosts.is_empty() {
            let host = self.start(&Fate::Calm).expect("a calm host becomes ready");
            self.hosts.push(host);
        }
        self.moved(None);
        let ended = tokio::time::timeout(PATIENCE, async { (self.load.end().await, self.counter.end().await) }).await;
        let (accepted, wrong) = ended.unwrap_or_else(|_| {
            (Accepted::new(), vec![format!("deliveries are not accepted any more, {} s long", PATIENCE.as_secs())])
        });
        self.verdict.wrong.extend(wrong);
        self.client.url.clone_from(&self.hosts[0].url);
        self.restarts_ms.sort_unstable();
        let at = |part: usize| self.restarts_ms[(self.restarts_ms.len() * part / 100).min(self.restarts_ms.len() - 1)];
        println!("    ready again after {} ms (half of the starts), {} ms (99 of 100)", at(50), at(99));
        let evidence = Evidence {
            client: &self.client,
            database: &self.database,
            brokers: self.servers.as_ref().map(Servers::brokers),
            accepted,
            runs: &self.runs,
            late: &self.late,
        };
        let mut verdict = evidence.judge().await;
        verdict.add(&self.verdict);
        for wrong in &verdict.wrong {
            println!("    WRONG: {wrong}");
        }
        verdict
    }
}

/// Where the store, Redis and the broker are.
fn settings(database: &Database, servers: Option<&Servers>) -> Vec<(&'static str, String)> {
    let Some(servers) = servers else { return Vec::new() };
    let store = database.url(servers.wire.port).map(|url| ("OPSSIGHT_STORE__URL", url));
    servers.settings().into_iter().chain(store).collect()
}

/// A connection whose feeds lead nowhere: its address is a closed port of this machine.
fn github(name: &str) -> serde_json::Value {
    json!({
        "name": name, "plugin": "github", "settings": { "base_url": "http://127.0.0.1:9" },
        "credentials": { "api": { "scheme": "bearer", "inputs": { "token": "a-token-for-tests" } } },
        "grants": { "networks": ["127.0.0.0/8"], "insecure_http": true },
    })
}

/// What administrators write, whether or not somebody answers.
async fn chores(admin: Client, name: String) {
    let pause = || tokio::time::sleep(Duration::from_millis(20));
    let ask = async |method: reqwest::Method, path: &str, body: serde_json::Value| {
        let answer = admin.request(method, path).json(&body).send().await.ok()?;
        answer.json::<serde_json::Value>().await.ok()
    };
    let made = ask(reqwest::Method::POST, "/api/v1/connections", github(&name)).await;
    pause().await;
    if let Some(id) = made.as_ref().and_then(|made| made["id"].as_str()) {
        let path = format!("/api/v1/connections/{id}");
        let renamed = json!({ "name": "a chore", "credentials": null });
        let _tried = ask(reqwest::Method::PATCH, &path, renamed).await;
        pause().await;
        let _tried = ask(reqwest::Method::DELETE, &path, json!({})).await;
    }
    pause().await;
}
