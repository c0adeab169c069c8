//! The shapes on the wire, shared by the API that writes them and the command line that reads them.
//!
//! Times are RFC 3339 in UTC; durations are whole milliseconds and end in `_ms`; ids are opaque text. A list is a
//! [`Page`], or a [`metrics::MetricsList`] where a store has no pages; an error is a [`Problem`] (RFC 9457).
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod actions;
pub mod connections;
pub mod deliveries;
pub mod delivery;
pub mod identity;
pub mod keys;
pub mod live;
pub mod metrics;
pub mod people;
pub mod permissions;
pub mod pipelines;
pub mod plugins;
pub mod system;
mod units;

/// What nobody sees in a text but what can make it read as another one: clients print none of it.
pub use opssight_core::fact::is_invisible;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A moment, RFC 3339, UTC.
pub type Time = chrono::DateTime<chrono::Utc>;

/// One page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Ask again with `cursor` set to this for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of the core's, row by row.
    pub fn of<R>(page: opssight_core::page::Page<R>, row: impl FnMut(R) -> T) -> Self {
        Self { items: page.items.into_iter().map(row).collect(), next_cursor: page.next.map(|next| next.to_string()) }
    }

    /// A list that is short enough to be one page.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None }
    }
}

/// What went wrong (RFC 9457, `application/problem+json`).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// A stable name of the kind of problem: `https://opssight.dev/problems/<kind>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind, for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What, where, and how to mend it.
    pub detail: String,
    /// Machine-readable code where the kind alone does not say enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Which fields of the input are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldProblem>,
    /// With the code `consent-needed`: what the package is and can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection: Option<Box<plugins::installs::Inspection>>,
    /// Quote this when you ask for help; it is in the logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A field that is wrong.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// JSON pointer into the input: `/settings/base_url`.
    pub at: String,
    /// What is wrong with it.
    pub problem: String,
}
