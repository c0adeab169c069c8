//! The composition root: reads the configuration, builds the pieces, starts and stops them. Nothing here is worth a
//! unit test; the whole is tested as its users meet it, through the binary.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod blobs;
mod cache;
pub mod catalogues;
pub mod commands;
pub mod config;
pub mod data;
mod doctor;
mod edge;
mod failure;
mod plugins;
mod readiness;
mod runtime;
mod series;
mod start;
mod telemetry;
mod worker;

pub use start::{Running, start, start_with};
pub use telemetry::Telemetry;
