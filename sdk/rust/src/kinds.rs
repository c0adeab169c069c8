//! What a plugin may be: one trait per kind, in the contract's words.
//!
//! All functions are without `self`: the host makes a fresh instance for every call, so a plugin has nothing to
//! hold between two of them. What must last goes into [`crate::state`].

use crate::bindings::{actions, costs, detector, health, inventory, notifier, source, webhook};
use crate::{Attr, Failure, Item, PageRequest, Series};

pub use actions::exports::opssight::plugin::actions::{Invocation, Outcome};
pub use costs::exports::opssight::plugin::costs::CostPage;
pub use detector::exports::opssight::plugin::detector::Finding;
pub use health::exports::opssight::plugin::health::Report;
pub use inventory::exports::opssight::plugin::inventory::InventoryPage;
pub use notifier::exports::opssight::plugin::notifier::{Notification, Receipt};
pub use source::exports::opssight::plugin::source::Batch;
pub use webhook::exports::opssight::plugin::webhook::{Delivery, Reception};

/// Can this connection work?
pub trait Health {
    /// Called after the connection is configured and from time to time. Ask the upstream something cheap that
    /// proves the credential and the settings.
    fn check() -> Result<Report, Failure>;
}

/// Pull: the host asks, page by page.
pub trait Source {
    /// One page of one feed that the manifest declares.
    ///
    /// `checkpoint` is what an earlier batch left to resume from; `page.cursor` is the `next` of the batch before,
    /// in one go; `page.limit` is the most items that the batch may hold.
    fn pull(feed: &str, checkpoint: Option<&str>, page: PageRequest) -> Result<Batch, Failure>;
}

/// Push: the upstream delivers.
pub trait Webhook {
    /// Turn a delivery into items. The host has verified the signature and stored the bytes already.
    fn receive(delivery: Delivery) -> Result<Reception, Failure>;
}

/// Things that a person may ask the upstream to do.
pub trait Actions {
    /// Do one. The host has checked the input against the schema that the manifest declares.
    fn run(invocation: Invocation) -> Result<Outcome, Failure>;
}

/// Tell people.
pub trait Notifier {
    /// Send a batch, and say of each notification what became of it: exactly one result per notification, in their
    /// order. What the host does next is decided by each failure's class: `rate-limited` and `upstream` are sent again
    /// later with the same id, so hand the id to the upstream as its idempotency key wherever it takes one.
    ///
    /// `target` is the channel or address that a rule names; empty means the one in the connection's settings.
    fn send(target: &str, batch: Vec<Notification>) -> Vec<Result<Receipt, Failure>>;
}

/// A stretch of bills to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostRequest {
    /// First moment, milliseconds since the Unix epoch.
    pub start_at: i64,
    /// First moment after it.
    pub end_at: i64,
    /// "hourly", "daily" or "monthly".
    pub granularity: String,
    /// Where to go on, and how much at once.
    pub page: PageRequest,
}

/// What the cloud bills.
pub trait Costs {
    /// One page, in FOCUS columns, of the rows that begin within the request's stretch. The host takes a page only
    /// whole: all columns of one length, an ISO 4217 currency, times of this century. [`CostPage::row`] keeps to that.
    fn fetch(request: CostRequest) -> Result<CostPage, Failure>;
}

/// What is running out there.
pub trait Inventory {
    /// One page of the resources of a scope (an account, a region, a cluster; empty for all that the connection sees).
    fn list(scope: &str, page: PageRequest) -> Result<InventoryPage, Failure>;
}

/// Look at series, say what is odd. There is no network here: a component that exports this kind and imports
/// [`crate::http`] is not installed.
pub trait Detector {
    /// `params` is the detector's JSON configuration. Times of a series are in order, and its values are numbers. A
    /// finding's score is from 0 to 1 and its `series_index` counts in `input`; the host refuses anything else.
    fn detect(input: Vec<Series>, params: &str) -> Result<Vec<Finding>, Failure>;
}

impl Delivery {
    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Reception {
    /// What the delivery says.
    pub fn of(items: impl Into<Vec<Item>>) -> Self {
        Self { items: items.into(), note: None }
    }

    /// Why there is nothing to store: "event star carries nothing OpsSight shows".
    pub fn note(note: impl Into<String>) -> Self {
        Self { items: Vec::new(), note: Some(note.into()) }
    }
}

impl Report {
    /// One line for a person: "signed in as opssight-app, 12 repositories".
    pub fn new(summary: impl Into<String>) -> Self {
        Self { summary: summary.into(), attrs: Vec::new() }
    }

    /// A further fact.
    #[must_use]
    pub fn attr(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let attr: Attr = (name.into(), value.into());
        self.attrs.push(attr);
        self
    }
}

impl Notification {
    /// The word for its severity: "information", "low", "medium", "high", "critical".
    pub fn severity_name(&self) -> &'static str {
        match self.severity {
            0 => "information",
            1 => "low",
            2 => "medium",
            3 => "high",
            _ => "critical",
        }
    }
}

impl Receipt {
    /// It was taken, and this is upstream's name for it.
    pub fn new(upstream_id: Option<String>) -> Self {
        Self { upstream_id, attrs: Vec::new() }
    }

    /// A further fact.
    #[must_use]
    pub fn attr(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attrs.push((name.into(), value.into()));
        self
    }
}

/// One row of a bill, for [`CostPage::row`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CostRow {
    /// What is billed, in billionths of the currency's unit.
    pub billed_nanos: i64,
    /// What it costs after reductions, in billionths of the currency's unit.
    pub effective_nanos: i64,
    /// First moment, milliseconds since the Unix epoch.
    pub start_at: i64,
    /// First moment after it.
    pub end_at: i64,
    /// One text per column, in the order of the page's columns; missing ones are empty, further ones are dropped.
    pub text: Vec<String>,
    /// Tags.
    pub tags: Vec<Attr>,
}

impl CostPage {
    /// An empty page with these text columns, named as FOCUS names them ("ServiceName", "RegionId").
    pub fn new(currency: impl Into<String>, columns: &[&str]) -> Self {
        Self {
            currency: currency.into(),
            columns: columns.iter().map(|name| (*name).to_owned()).collect(),
            text: columns.iter().map(|_| Vec::new()).collect(),
            billed_nanos: Vec::new(),
            effective_nanos: Vec::new(),
            start_at: Vec::new(),
            end_at: Vec::new(),
            tags: Vec::new(),
            next: None,
        }
    }

    /// Add a row: every column grows by one.
    pub fn row(&mut self, row: CostRow) {
        let mut texts = row.text.into_iter();
        for column in &mut self.text {
            column.push(texts.next().unwrap_or_default());
        }
        self.billed_nanos.push(row.billed_nanos);
        self.effective_nanos.push(row.effective_nanos);
        self.start_at.push(row.start_at);
        self.end_at.push(row.end_at);
        self.tags.push(row.tags);
    }
}

impl InventoryPage {
    /// What was seen, and where to go on.
    pub fn of(resources: impl Into<Vec<Item>>, next: Option<String>) -> Self {
        Self { resources: resources.into(), next }
    }
}

impl Finding {
    /// Something odd in one of the series: a word for it ("spike", "level-shift"), how odd from 0 to 1, from when to
    /// when (milliseconds since the Unix epoch), and a sentence for people.
    pub fn new(
        series_index: usize,
        kind: impl Into<String>,
        score: f64,
        (start_at, end_at): (i64, i64),
        explanation: impl Into<String>,
    ) -> Self {
        Self {
            series_index: u32::try_from(series_index).unwrap_or(u32::MAX),
            start_at,
            end_at,
            score,
            kind: kind.into(),
            explanation: explanation.into(),
            attrs: Vec::new(),
        }
    }

    /// A further fact.
    #[must_use]
    pub fn attr(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attrs.push((name.into(), value.into()));
        self
    }
}

impl<T: Health> health::exports::opssight::plugin::health::Guest for T {
    fn check() -> Result<Report, Failure> {
        <T as Health>::check()
    }
}

impl<T: Source> source::exports::opssight::plugin::source::Guest for T {
    fn pull(feed: String, checkpoint: Option<String>, page: PageRequest) -> Result<Batch, Failure> {
        <T as Source>::pull(&feed, checkpoint.as_deref(), page)
    }
}

impl<T: Webhook> webhook::exports::opssight::plugin::webhook::Guest for T {
    fn receive(delivery: Delivery) -> Result<Reception, Failure> {
        <T as Webhook>::receive(delivery)
    }
}

impl<T: Actions> actions::exports::opssight::plugin::actions::Guest for T {
    fn run(invocation: Invocation) -> Result<Outcome, Failure> {
        <T as Actions>::run(invocation)
    }
}

impl<T: Notifier> notifier::exports::opssight::plugin::notifier::Guest for T {
    fn send(target: String, batch: Vec<Notification>) -> Vec<Result<Receipt, Failure>> {
        <T as Notifier>::send(&target, batch)
    }
}

impl<T: Costs> costs::exports::opssight::plugin::costs::Guest for T {
    fn fetch(start_at: i64, end_at: i64, granularity: String, page: PageRequest) -> Result<CostPage, Failure> {
        <T as Costs>::fetch(CostRequest { start_at, end_at, granularity, page })
    }
}

impl<T: Inventory> inventory::exports::opssight::plugin::inventory::Guest for T {
    fn list_resources(scope: String, page: PageRequest) -> Result<InventoryPage, Failure> {
        <T as Inventory>::list(&scope, page)
    }
}

impl<T: Detector> detector::exports::opssight::plugin::detector::Guest for T {
    fn detect(input: Vec<Series>, params: String) -> Result<Vec<Finding>, Failure> {
        <T as Detector>::detect(input, &params)
    }
}
