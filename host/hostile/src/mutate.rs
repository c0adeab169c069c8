//! The mutator: packages, manifests and answers with something changed in them, one after the other, for as long as
//! one likes. What it looks for is whatever must not happen whatever comes: a panic, a crash, a call that does not end,
//! an answer that the house relies on and cannot, a line in the log that the host did not write.

mod answers;
mod images;
pub mod long;
mod seeds;

use crate::Arena;
use crate::arena::{NOW, loopback};
use crate::outside::{Manners, Upstream};
use crate::paper::{acts, forged, forget_log};
use crate::wasm::{Fetch, Then, rule};
use anyhow::{Context, Result, ensure};
use images::{KINDS, Of};
use opssight_core::ingest;
use opssight_core::plugins::installs::PluginRuntime;
use opssight_core::plugins::{CallError, CallPriority, CallTarget, Grants, Plugins, Wants, WebhookDelivery, digest_of};
use opssight_testkit::guests::{manifest, package};
use seeds::{Mutant, PLUGIN, Seeds, Target};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MIRROR: &str = "mutant-mirror";
const CLIENT: &str = "mutant-client";
/// No attack takes longer, or it hangs: compiling is the dearest.
const PATIENCE: Duration = Duration::from_secs(120);
/// So often the host's log is looked through.
const LOOK: u64 = 500;

/// How many of which ended how.
pub type Tally = BTreeMap<String, u64>;

/// One that should not have gone as it went.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Found {
    /// Which mutant of the seed.
    pub number: u64,
    /// What it is of.
    pub target: String,
    /// What went wrong.
    pub why: String,
}

/// The bytes of a mutant, and what it is of: for whoever wants to keep it.
pub fn bytes_of(seed: u64, number: u64) -> (&'static str, Vec<u8>) {
    let mutant = Seeds::new().mutant(seed, number);
    (mutant.target.name(), mutant.bytes)
}

/// A host, and guests that say whatever they are told to.
pub struct Mutator<'a> {
    arena: &'a Arena,
    seeds: Seeds,
    seed: u64,
    upstream: Upstream,
    response: Arc<Mutex<Vec<u8>>>,
    placed: Vec<String>,
    /// How all of them ended.
    pub tally: Tally,
}

impl<'a> Mutator<'a> {
    /// Ready to attack.
    pub async fn open(arena: &'a Arena, seed: u64) -> Result<Self> {
        let response = Arc::new(Mutex::new(Vec::new()));
        let upstream = Upstream::start(Manners::Once(Arc::clone(&response))).await;
        let short = json!({ "cpu_ms": 100, "wall_ms": 3_000 });
        let budgets: Value =
            KINDS.iter().map(|kind| ((*kind).to_owned(), short.clone())).collect::<serde_json::Map<_, _>>().into();
        let feeds = json!([{ "name": "runs", "title": "Runs", "every_secs": 60, "priority": "live" }]);
        let actions = json!([{ "name": "rerun", "title": "r", "description": "d", "subject": "connection",
            "role": "operator", "danger": "safe", "input": { "type": "object" } }]);
        let about = json!({ "id": MIRROR, "budgets": budgets, "feeds": feeds, "actions": actions });
        let mirror = package(&KINDS, &images::mirror(), &manifest(about));
        let authority = upstream.address.to_string();
        let client = Fetch { authority: &authority, then: Then::Keep, ..Fetch::default() };
        let client = client.package(json!({
            "id": CLIENT, "egress": rule("{setting:base_url}"), "budgets": { "health": short },
        }));
        let mut placed = Vec::new();
        for (plugin, package) in [(MIRROR, mirror), (CLIENT, client)] {
            let digest = digest_of(&package);
            arena.host.load(&digest, package.into()).await.with_context(|| format!("install {plugin}"))?;
            arena.host.activate(&plugin.into(), Some(&digest));
            placed.push(digest);
        }
        Ok(Self { arena, seeds: Seeds::new(), seed, upstream, response, placed, tally: Tally::new() })
    }

    /// Let go of what was installed.
    pub fn close(self) {
        for plugin in [MIRROR, CLIENT] {
            self.arena.host.activate(&plugin.into(), None);
        }
        for digest in &self.placed {
            self.arena.host.unload(digest);
        }
    }

    /// One attack. None: nothing went wrong.
    pub async fn attack(&mut self, number: u64) -> Option<Found> {
        let Mutant { target, bytes } = self.seeds.mutant(self.seed, number);
        let ended = tokio::time::timeout(PATIENCE, self.ended(target, number, bytes)).await;
        let ended = ended.unwrap_or_else(|_| Err(anyhow::anyhow!("it went on for longer than {PATIENCE:?}")));
        let why = match ended {
            Ok(how) => {
                *self.tally.entry(format!("{}: {how}", target.name())).or_default() += 1;
                if !number.is_multiple_of(LOOK) {
                    return None;
                }
                let forged = forged();
                forget_log();
                format!("within the last {LOOK}, somebody else wrote a line of the host's log: {}", forged?)
            }
            Err(error) => format!("{error:#}"),
        };
        *self.tally.entry(format!("{}: FAILED", target.name())).or_default() += 1;
        Some(Found { number, target: target.name().to_owned(), why })
    }

    async fn ended(&self, target: Target, number: u64, bytes: Vec<u8>) -> Result<String> {
        match target {
            Target::Package | Target::Component => self.package(number, &bytes).await,
            Target::Manifest => self.manifest(number, &bytes).await,
            Target::Answer(at) => self.answer(self.seeds.answers[at].0, number, bytes).await,
            Target::Response => self.response(number, bytes).await,
        }
    }

    fn target(&self, plugin: &str, number: u64, settings: Value) -> CallTarget {
        CallTarget {
            connection: format!("c-mutant-{number}").into(),
            plugin: plugin.into(),
            digest: None,
            settings: Arc::new(settings),
            grants: Arc::new(if plugin == CLIENT { loopback() } else { Grants::default() }),
            priority: CallPriority::Live,
        }
    }

    /// What a failed call may be told as, and what is our own fault.
    fn failed(&self, target: &CallTarget, error: CallError) -> Result<String> {
        self.arena.host.forget(&target.connection);
        ensure!(!error.code.starts_with("host."), "the host failed: {}: {error}", error.code);
        ensure!(!error.message.chars().any(acts), "an error says {:?}", error.message);
        // Who was asked for patience has it at once, or all that follow would be held back.
        if error.code == "rate.paused" {
            let wait = error.retry_after_ms.unwrap_or_default() / 1_000;
            self.arena.clock.advance_secs(i64::try_from(wait)? + 1);
        }
        // Of failures that plugins name themselves there is no end.
        const OURS: [&str; 5] = ["budget.", "call.", "egress.", "plugin.", "upstream."];
        let ours = OURS.iter().any(|ours| error.code.starts_with(ours)) || error.code.starts_with("trap");
        Ok(if ours || error.code == "rate.paused" { error.code } else { "failed by its own account".to_owned() })
    }

    async fn package(&self, number: u64, bytes: &[u8]) -> Result<String> {
        let host = &self.arena.host;
        let _no_panic = host.signature(bytes);
        let digest = digest_of(bytes);
        if let Err(refusal) = host.load(&digest, bytes.into()).await {
            ensure!(refusal.code != "host.panic" && refusal.code != "compile-crash", "{}: {refusal}", refusal.code);
            ensure!(!refusal.message.chars().any(acts), "a refusal says {:?}", refusal.message);
            return Ok(format!("refused ({})", refusal.code));
        }
        // It is well formed by chance: then it is a guest like any other.
        let id = host.examine(bytes).map_or_else(|_| PLUGIN.to_owned(), |contents| contents.manifest.id);
        host.activate(&id.as_str().into(), Some(&digest));
        let target = self.target(&id, number, json!({}));
        let checked = host.check(&target).await;
        let delivery = WebhookDelivery { headers: vec![], body: b"{}".to_vec(), received_at: NOW };
        let received = host.receive(&target, delivery).await;
        host.activate(&id.as_str().into(), None);
        host.unload(&digest);
        host.forget(&target.connection);
        for outcome in [checked.map(|_| ()), received.map(|_| ())] {
            if let Err(error) = outcome {
                self.failed(&target, error)?;
            }
        }
        Ok("ran".to_owned())
    }

    async fn manifest(&self, number: u64, bytes: &[u8]) -> Result<String> {
        let contents = match self.arena.host.read(bytes.into()).await {
            Ok(contents) => contents,
            Err(refusal) => {
                ensure!(refusal.code != "host.panic", "{}: {refusal}", refusal.code);
                ensure!(!refusal.message.chars().any(acts), "a refusal says {:?}", refusal.message);
                return Ok(format!("refused ({})", refusal.code));
            }
        };
        let wants = Wants::of(&contents.manifest, &contents.imports);
        let told = format!("{:?} {:?}", wants, contents.remarks);
        ensure!(!told.chars().any(acts), "what a person is asked to agree to reads {told:?}");
        let about = &contents.manifest;
        let words = [&about.id, &about.name, &about.publisher, &about.description, &about.licence];
        ensure!(!words.iter().any(|word| word.chars().any(acts)), "a manifest is read that says {words:?}");
        if number % 8 == 2 {
            self.package(number, bytes).await?;
        }
        Ok("read".to_owned())
    }

    async fn answer(&self, of: Of, number: u64, image: Vec<u8>) -> Result<String> {
        let target = self.target(MIRROR, number, json!({}));
        if of != Of::Webhook {
            let key = (target.connection.clone(), "image".to_owned());
            self.arena.memory.state.lock().unwrap().insert(key, image.clone());
        }
        let outcome = answers::ask(&self.arena.host, of, &target, image).await;
        self.arena.memory.state.lock().unwrap().clear();
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => return self.failed(&target, error),
        };
        answer.is_sound()?;
        Ok(match ingest::decode(&answer.items) {
            Ok(_) => "taken".to_owned(),
            Err(_) => "refused by the core".to_owned(),
        })
    }

    async fn response(&self, number: u64, bytes: Vec<u8>) -> Result<String> {
        *self.response.lock().unwrap() = bytes;
        let target = self.target(CLIENT, number, json!({ "base_url": self.upstream.url() }));
        let outcome = self.arena.host.check(&target).await;
        self.arena.host.forget(&target.connection);
        match outcome {
            Ok(_) => Ok("taken".to_owned()),
            Err(error) => self.failed(&target, error),
        }
    }
}
