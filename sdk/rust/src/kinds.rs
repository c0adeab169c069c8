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
    /// One result per notification, in order.
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
    /// One page, in FOCUS columns.
    fn fetch(request: CostRequest) -> Result<CostPage, Failure>;
}

/// What is running out there.
pub trait Inventory {
    /// One page of the resources of a scope.
    fn list(scope: &str, page: PageRequest) -> Result<InventoryPage, Failure>;
}

/// Look at series, say what is odd. There is no network here.
pub trait Detector {
    /// `params` is the detector's JSON configuration.
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
