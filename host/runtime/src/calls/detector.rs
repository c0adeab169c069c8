//! `detector.detect`: series are looked at, without a network.

use super::{Export, convert, run};
use crate::bindings::exports::opssight::plugin::detector::{Finding as WitFinding, Guest};
use crate::bindings::opssight::plugin::types::Series as WitSeries;
use crate::budget::Kind;
use crate::error::Fault;
use crate::plugin::Plugin;
use crate::registry::PluginHost;
use crate::state::HostState;
use crate::text;
use async_trait::async_trait;
use opssight_core::plugins::kinds::{Detector, Finding, FindingParts, Series};
use opssight_core::plugins::{CallError, CallTarget, Called};
use serde::{Deserialize, Serialize};
use wasmtime::Store;
use wasmtime::component::Instance;

const MAX_EXPLANATION: usize = 2_000;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Detect {
    series: Vec<Series>,
    params: String,
}

impl Export for Detect {
    const KIND: Kind = Kind::Detector;
    type Guest = Guest;
    type Answer = Vec<Finding>;

    fn weight(&self) -> usize {
        let size = |one: &Series| one.name().len() + 16 * one.values().len() + convert::attrs_size(one.labels());
        self.series.iter().map(size).sum()
    }

    fn load(plugin: &Plugin, store: &mut Store<HostState>, instance: &Instance) -> Result<Guest, Fault> {
        let indices = plugin.exports.detector.as_ref().ok_or(Fault::NotExported)?;
        indices.load(store, instance).map_err(Fault::Trap)
    }

    async fn call(self, store: &mut Store<HostState>, guest: &Guest) -> Result<Vec<Finding>, Fault> {
        let count = self.series.len();
        let series: Vec<WitSeries> = self.series.iter().map(outgoing).collect();
        let answer = guest.call_detect(&mut *store, &series, &self.params).await;
        let findings = answer.map_err(Fault::Trap)?.map_err(Fault::Failure)?;
        let budget = &store.data().call.budget;
        convert::few_enough("findings", findings.len(), budget)?;
        convert::fits(findings.iter().map(size).sum(), budget)?;
        let findings = findings.into_iter().enumerate();
        findings.map(|(at, finding)| checked(at, finding, count)).collect()
    }
}

fn checked(at: usize, finding: WitFinding, series: usize) -> Result<Finding, Fault> {
    let parts = FindingParts {
        series_index: finding.series_index,
        start_at: finding.start_at,
        end_at: finding.end_at,
        score: finding.score,
        kind: finding.kind,
        explanation: text::clean(&finding.explanation, MAX_EXPLANATION),
        attrs: convert::attrs(finding.attrs),
    };
    Finding::new(at, parts, series).map_err(convert::malformed)
}

fn size(finding: &WitFinding) -> usize {
    finding.kind.len() + finding.explanation.len() + convert::attrs_size(&finding.attrs) + size_of::<WitFinding>()
}

fn outgoing(series: &Series) -> WitSeries {
    WitSeries {
        name: series.name().to_owned(),
        labels: series.labels().to_vec(),
        ts: series.at().iter().map(|at| at.millis()).collect(),
        values: series.values().to_vec(),
    }
}

#[async_trait]
impl Detector for PluginHost {
    async fn detect(
        &self,
        target: &CallTarget,
        series: &[Series],
        params: &serde_json::Value,
    ) -> Result<Called<Vec<Finding>>, CallError> {
        run(self, target, Detect { series: series.to_vec(), params: params.to_string() }).await
    }
}
