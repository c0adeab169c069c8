//! HTTP: REST, webhook ingress, the live stream and the web app. A handler translates and calls; it holds no rule and
//! no SQL. Only this crate knows axum, and only [`problem`] knows status codes.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod actions;
mod app;
mod assets;
mod auth;
mod connections;
mod deliveries;
mod delivery;
mod etag;
mod extract;
mod hooks;
mod identity;
mod keys;
mod limits;
mod live;
mod metrics;
mod openapi;
mod paging;
mod people;
mod permissions;
mod pipelines;
mod plugins;
mod problem;
mod router;
mod security;
mod serve;
mod system;
#[cfg(test)]
mod testing;
mod trace;

pub use app::{ApiConfig, App, Doors, Readiness};
pub use openapi::{openapi, openapi_json};
pub use serve::serve;
