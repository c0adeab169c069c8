//! What OpsSight means: types, rules and ports. Pure: no I/O, no runtime, no SQL, no HTTP, no clock, no
//! randomness. Everything outside comes in through a trait that lives beside the feature that needs it.
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

pub mod actions;
pub mod blobs;
pub mod cache;
pub mod connections;
pub mod delivery;
pub mod error;
pub mod events;
pub mod fact;
pub mod feeds;
pub mod hooks;
pub mod id;
pub mod identity;
pub mod ingest;
pub mod items;
pub mod limits;
pub mod locks;
pub mod metrics;
pub mod page;
pub mod pipelines;
pub mod plugins;
pub mod retention;
pub mod time;
pub mod timers;

/// The vocabulary of observations, shared with plugins.
pub use opssight_items as vocabulary;
