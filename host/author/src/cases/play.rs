//! Playing cases: each on a connection of its own, with a host of its own, on one directory of compiled code.

use super::base_url;
use super::compare::{Difference, compare};
use super::deed::{Checkpoints, check, perform};
use super::live::{self, Live};
use super::model::{Case, Deed, Expect, Given};
use super::observe::Observed;
use super::recording::Recording;
use super::upstream::{Asked, Upstream};
use anyhow::{Context, Result};
use opssight_testkit::plugins::Manifest;
use opssight_testkit::{CassetteMode, TestHost};
use serde_json::{Map, Value};
use std::path::{Path, PathBuf};

/// A package on the bench.
pub(crate) struct Bench {
    package: Vec<u8>,
    manifest: Manifest,
    /// Where compiled code is kept from one case, and one run, to the next.
    data: PathBuf,
    /// The connection to a real upstream, with which cases are played instead of a recorded one.
    live: Option<Live>,
}

/// What answers a case's requests.
enum World<'b> {
    Recorded(Upstream),
    Real(&'b Live),
}

impl World<'_> {
    /// How many calls were written down so far. A recorded upstream remembers by itself what it was asked.
    fn calls(&self, host: &TestHost) -> usize {
        match self {
            Self::Recorded(_) => 0,
            Self::Real(_) => host.record_count(),
        }
    }

    /// What was asked since the last time; `before` calls had been written down then.
    fn take_asked(&self, host: &TestHost, before: usize) -> Vec<Asked> {
        match self {
            Self::Recorded(upstream) => upstream.take_asked(),
            Self::Real(_) => {
                let records = host.records_since(before);
                records.iter().flat_map(|record| &record.exchanges).filter_map(Asked::of_record).collect()
            }
        }
    }

    /// What `{base_url}` stands for.
    fn address(&self) -> Option<&str> {
        match self {
            Self::Recorded(upstream) => Some(upstream.base_url()),
            Self::Real(live) => live.base_url(),
        }
    }
}

/// How one case went.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// The steps that were played: the first, then each of `then`, up to the first that went wrong.
    pub(crate) steps: Vec<StepVerdict>,
    /// Why the case could not be played.
    pub(crate) broken: Option<String>,
}

/// How one step went.
#[derive(Debug)]
pub(crate) struct StepVerdict {
    pub(crate) observed: Map<String, Value>,
    pub(crate) differences: Vec<Difference>,
    pub(crate) unrecorded: Vec<String>,
}

impl Bench {
    /// Compile the package, which a large one takes long for, and see that a host takes it.
    pub(crate) async fn new(package: Vec<u8>, data: &Path, live: Option<Live>) -> Result<Self> {
        let manifest = opssight_package::manifest(&package)?;
        TestHost::open(&package, data).await.context("install it on a host")?;
        Ok(Self { package, manifest, data: data.to_owned(), live })
    }

    pub(crate) fn package(&self) -> &[u8] {
        &self.package
    }

    /// Play a case. What stands in the way of playing it is part of the verdict.
    pub(crate) async fn play(&self, case_file: &Path, case: &Case, recording: Option<&mut Recording>) -> Verdict {
        let mut steps = Vec::new();
        let cassette = recording.map(Recording::next_case);
        let broken = self.steps(case_file, case, cassette, &mut steps).await.err();
        Verdict { steps, broken: broken.map(|error| format!("{error:#}")) }
    }

    async fn steps(
        &self,
        case_file: &Path,
        case: &Case,
        cassette: Option<PathBuf>,
        verdicts: &mut Vec<StepVerdict>,
    ) -> Result<()> {
        let world = match &self.live {
            Some(live) => World::Real(live),
            None => World::Recorded(Upstream::start(case_file, &case.given.exchanges).await?),
        };
        let mut host = self.host(&case.given, &world).await?;
        if let Some(path) = cassette {
            host = host.cassette(path, CassetteMode::Record)?;
        }
        let mut checkpoints = Checkpoints::new();
        let first = std::iter::once((0, &case.when, &case.expect));
        let rest = case.then.iter().map(|step| (step.advance_secs, &step.when, &step.expect));
        for (advance, when, expect) in first.chain(rest) {
            host.advance_secs(advance);
            let verdict = self.step(&host, &world, case_file, &when.deed()?, expect, &mut checkpoints).await?;
            let is_good = verdict.differences.is_empty();
            verdicts.push(verdict);
            if !is_good {
                break;
            }
        }
        Ok(())
    }

    async fn step(
        &self,
        host: &TestHost,
        world: &World<'_>,
        case_file: &Path,
        deed: &Deed<'_>,
        expect: &Expect,
        checkpoints: &mut Checkpoints,
    ) -> Result<StepVerdict> {
        let (lines, calls) = (host.log().len(), world.calls(host));
        let answer = perform(host, &self.manifest, case_file, deed, checkpoints).await?;
        let log = host.log().split_off(lines);
        let asked = world.take_asked(host, calls);
        let observed = Observed::of(answer, &asked, &log, &host.state(), world.address());
        let differences = compare(expect, &observed.value);
        Ok(StepVerdict { observed: observed.value, differences, unrecorded: observed.unrecorded })
    }

    async fn host(&self, given: &Given, world: &World<'_>) -> Result<TestHost> {
        let host = TestHost::open(&self.package, &self.data).await.context("install it on a host")?;
        let mut host = host.state_of(&given.state);
        let mut settings = match world {
            World::Recorded(_) => Map::new(),
            World::Real(live) => live.settings.clone(),
        };
        settings.extend(given.settings.clone());
        let wants_address = self.manifest.settings.pointer("/properties/base_url").is_some();
        if let (World::Recorded(upstream), true) = (world, wants_address) {
            settings.entry("base_url").or_insert_with(|| upstream.base_url().into());
        }
        if let Some(address) = world.address() {
            settings = base_url::filled_in(settings, address);
        }
        let settings = Value::Object(settings);
        check(&self.manifest.settings, &settings).context("take the case's settings")?;
        let credentials = match world {
            World::Recorded(_) => {
                host = host.settings(settings);
                &given.credentials
            }
            World::Real(live) => {
                // What it was asked is read from the records of the calls.
                host = host.real(settings, live.grants.clone(), live::now()).waiting_for_records();
                &live.credentials
            }
        };
        for (name, credential) in credentials {
            let inputs: Vec<_> =
                credential.inputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            host = host.credential(name, &credential.scheme, &inputs);
        }
        Ok(host)
    }
}
