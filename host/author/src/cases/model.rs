//! What stands in a case file.

use anyhow::{Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cases {
    #[serde(rename = "case")]
    pub(crate) cases: Vec<Case>,
}

/// One connection in one situation, and what happens to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// A sentence.
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) given: Given,
    pub(crate) when: When,
    #[serde(default)]
    pub(crate) expect: Expect,
    /// What happens after that, on the same connection.
    #[serde(default)]
    pub(crate) then: Vec<Step>,
}

/// A further step of a case.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// The clock jumps so far before the step: seconds, backwards if negative.
    #[serde(default)]
    pub(crate) advance_secs: i64,
    pub(crate) when: When,
    #[serde(default)]
    pub(crate) expect: Expect,
}

/// What is compared: an object whose keys are those of [`super::observe::Observed`].
pub(crate) type Expect = Map<String, Value>;

/// The connection and the world around it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Given {
    pub(crate) settings: Map<String, Value>,
    pub(crate) credentials: BTreeMap<String, GivenCredential>,
    /// What the plugin's state holds already, as text.
    pub(crate) state: BTreeMap<String, String>,
    /// Recorded exchanges, in order.
    #[serde(rename = "exchange")]
    pub(crate) exchanges: Vec<Exchange>,
    /// A file of further exchanges, beside the case file: `{"exchanges": [...]}`.
    pub(crate) cassette: Option<String>,
}

impl Case {
    /// Whether it makes sense only with a world of its own around it: recorded answers, other credentials, another time.
    pub(crate) fn brings_its_world(&self) -> bool {
        let Given { exchanges, credentials, .. } = &self.given;
        !exchanges.is_empty() || !credentials.is_empty() || self.then.iter().any(|step| step.advance_secs != 0)
    }
}

/// A credential as an operator fills it in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenCredential {
    pub(crate) scheme: String,
    #[serde(default)]
    pub(crate) inputs: BTreeMap<String, String>,
}

/// A file of exchanges.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cassette {
    pub(crate) exchanges: Vec<Exchange>,
}

/// What the upstream is asked and what it answers. Of several for the same request each is used once, in order; the
/// last one then goes on answering.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exchange {
    /// "GET /builds?page=2". The order of the query's parts does not matter.
    pub(crate) request: String,
    #[serde(default)]
    pub(crate) response: Answer,
    /// What goes wrong on the way.
    #[serde(default)]
    pub(crate) fault: Option<Fault>,
}

/// An answer. `{base_url}` in headers and body becomes the upstream's address.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) json: Option<Value>,
    pub(crate) text: Option<String>,
    /// A file beside the case file.
    pub(crate) file: Option<String>,
}

impl Default for Answer {
    fn default() -> Self {
        Self { status: 200, headers: BTreeMap::new(), json: None, text: None, file: None }
    }
}

/// Where bytes come from: at most one of the three.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body<'a> {
    pub(crate) json: Option<&'a Value>,
    pub(crate) text: Option<&'a str>,
    pub(crate) file: Option<&'a str>,
}

impl Answer {
    pub(crate) fn body(&self) -> Body<'_> {
        Body { json: self.json.as_ref(), text: self.text.as_deref(), file: self.file.as_deref() }
    }
}

impl Deliver {
    pub(crate) fn body(&self) -> Body<'_> {
        Body { json: self.json.as_ref(), text: self.text.as_deref(), file: self.file.as_deref() }
    }
}

/// What goes wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Fault {
    /// No answer, ever.
    Silence,
    /// The connection ends without an answer.
    Reset,
    /// The body ends after so many bytes, though the header promised more.
    Truncated {
        /// Bytes that arrive.
        after: usize,
    },
    /// The answer comes piece by piece.
    Slow {
        /// Milliseconds before the head and before each piece of the body.
        every_ms: u64,
        /// How many bytes a piece has.
        bytes: usize,
    },
}

/// What is asked of the plugin: exactly one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct When {
    deliver: Option<Deliver>,
    pull: Option<Pull>,
    act: Option<Act>,
    check: Option<Check>,
    notify: Option<Notify>,
    costs: Option<Costs>,
    list: Option<List>,
    detect: Option<Detect>,
}

/// The same, as the one that it is.
#[derive(Debug)]
pub(crate) enum Deed<'a> {
    Deliver(&'a Deliver),
    Pull(&'a Pull),
    Act(&'a Act),
    Check,
    Notify(&'a Notify),
    Costs(&'a Costs),
    List(&'a List),
    Detect(&'a Detect),
}

impl When {
    /// The one thing that is asked.
    pub(crate) fn deed(&self) -> Result<Deed<'_>> {
        let mut deeds: Vec<Deed<'_>> = Vec::new();
        deeds.extend(self.deliver.as_ref().map(Deed::Deliver));
        deeds.extend(self.pull.as_ref().map(Deed::Pull));
        deeds.extend(self.act.as_ref().map(Deed::Act));
        deeds.extend(self.check.as_ref().map(|Check {}| Deed::Check));
        deeds.extend(self.notify.as_ref().map(Deed::Notify));
        deeds.extend(self.costs.as_ref().map(Deed::Costs));
        deeds.extend(self.list.as_ref().map(Deed::List));
        deeds.extend(self.detect.as_ref().map(Deed::Detect));
        match (deeds.pop(), deeds.is_empty()) {
            (Some(deed), true) => Ok(deed),
            _ => bail!(
                "see what is asked: `when` takes one of deliver, pull, act, check, notify, costs, list and detect"
            ),
        }
    }
}

/// A delivery. Headers that the manifest does not list are dropped, as the host does.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Deliver {
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) json: Option<Value>,
    pub(crate) text: Option<String>,
    /// A file beside the case file.
    pub(crate) file: Option<String>,
}

/// A pull.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pull {
    pub(crate) feed: String,
    /// Otherwise where the case's last pull of this feed ended.
    pub(crate) checkpoint: Option<String>,
    pub(crate) cursor: Option<String>,
    /// Otherwise what the manifest says.
    pub(crate) limit: Option<u32>,
    /// Go on while there is more, and take all pages together.
    #[serde(default)]
    pub(crate) to_the_end: bool,
}

/// An action.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Act {
    pub(crate) action: String,
    #[serde(default)]
    pub(crate) input: Map<String, Value>,
}

/// A health check: `check = {}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {}

/// Notifications for one target.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notify {
    pub(crate) target: String,
    pub(crate) batch: Vec<Notification>,
}

/// One notification; what is left out is empty.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notification {
    pub(crate) id: String,
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) body_md: String,
    /// 0 to 4.
    #[serde(default)]
    pub(crate) severity: u8,
    /// Milliseconds since the Unix epoch; otherwise now.
    pub(crate) at: Option<i64>,
    pub(crate) url: Option<String>,
    #[serde(default)]
    pub(crate) group_key: String,
    #[serde(default)]
    pub(crate) resolved: bool,
    #[serde(default)]
    pub(crate) attrs: BTreeMap<String, String>,
}

/// A stretch of bills.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Costs {
    pub(crate) start_at: i64,
    pub(crate) end_at: i64,
    #[serde(default = "daily")]
    pub(crate) granularity: String,
    pub(crate) cursor: Option<String>,
    #[serde(default = "rows")]
    pub(crate) limit: u32,
}

fn daily() -> String {
    "daily".to_owned()
}

fn rows() -> u32 {
    1_000
}

/// What is running in a scope: an account, a region, a cluster; empty for all that the connection sees.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    #[serde(default)]
    pub(crate) scope: String,
    pub(crate) cursor: Option<String>,
    #[serde(default = "rows")]
    pub(crate) limit: u32,
}

/// Series to look at.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Detect {
    pub(crate) series: Vec<Series>,
    #[serde(default)]
    pub(crate) params: Map<String, Value>,
}

/// One series. Its points are `step_ms` apart.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Series {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) start_at: i64,
    #[serde(default = "minute")]
    pub(crate) step_ms: i64,
    pub(crate) values: Vec<f64>,
}

fn minute() -> i64 {
    60_000
}

impl Series {
    /// When each value was.
    pub(crate) fn times(&self) -> Vec<i64> {
        (0..).zip(&self.values).map(|(place, _): (i64, _)| self.start_at + place * self.step_ms).collect()
    }
}
