//! Playing cases: each on a connection of its own, with a host of its own, on one directory of compiled code.

use super::compare::{Difference, compare};
use super::deed::{Checkpoints, fits, perform};
use super::model::{Case, Deed, Expect, Given};
use super::observe::Observed;
use super::recording::Recording;
use super::upstream::Upstream;
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

impl Verdict {
    pub(crate) fn is_good(&self) -> bool {
        self.broken.is_none() && self.steps.iter().all(|step| step.differences.is_empty() && step.unrecorded.is_empty())
    }
}

impl Bench {
    /// Compile the package, which a large one takes long for, and see that a host takes it.
    pub(crate) async fn new(package: Vec<u8>, data: &Path) -> Result<Self> {
        let manifest = opssight_package::manifest(&package)?;
        TestHost::open(&package, data).await.context("install it on a host")?;
        Ok(Self { package, manifest, data: data.to_owned() })
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
        let upstream = Upstream::start(case_file, &case.given.exchanges).await?;
        let mut host = self.host(&case.given, &upstream).await?;
        if let Some(path) = cassette {
            host = host.cassette(path, CassetteMode::Record)?;
        }
        let mut checkpoints = Checkpoints::new();
        let first = std::iter::once((0, &case.when, &case.expect));
        let rest = case.then.iter().map(|step| (step.advance_secs, &step.when, &step.expect));
        for (advance, when, expect) in first.chain(rest) {
            host.advance_secs(advance);
            let verdict = self.step(&host, &upstream, case_file, &when.deed()?, expect, &mut checkpoints).await?;
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
        upstream: &Upstream,
        case_file: &Path,
        deed: &Deed<'_>,
        expect: &Expect,
        checkpoints: &mut Checkpoints,
    ) -> Result<StepVerdict> {
        let lines = host.log().len();
        let answer = perform(host, &self.manifest, case_file, deed, checkpoints).await?;
        let log = host.log().split_off(lines);
        let observed = Observed::of(answer, &upstream.take_asked(), &log, &host.state(), upstream.base_url());
        let differences = compare(expect, &observed.value);
        Ok(StepVerdict { observed: observed.value, differences, unrecorded: observed.unrecorded })
    }

    async fn host(&self, given: &Given, upstream: &Upstream) -> Result<TestHost> {
        let mut settings = given.settings.clone();
        if self.manifest.settings.pointer("/properties/base_url").is_some() {
            settings.entry("base_url").or_insert_with(|| upstream.base_url().into());
        }
        let settings = with_base_url(Value::Object(settings), upstream.base_url());
        fits(&self.manifest.settings, &settings).context("take the case's settings")?;
        let mut host = TestHost::open(&self.package, &self.data).await.context("install it on a host")?;
        host = host.settings(settings).state_of(&given.state);
        for (name, credential) in &given.credentials {
            let inputs: Vec<_> =
                credential.inputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            host = host.credential(name, &credential.scheme, &inputs);
        }
        Ok(host)
    }
}

fn with_base_url(value: Value, base_url: &str) -> Value {
    match value {
        Value::String(text) => text.replace("{base_url}", base_url).into(),
        Value::Array(values) => values.into_iter().map(|value| with_base_url(value, base_url)).collect(),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(key, value)| (key, with_base_url(value, base_url))).collect())
        }
        other => other,
    }
}
