//! The servers that a host works with, real ones, for whoever develops or tests: each on a port of this machine alone, in
//! a folder of its own, stopped by its own id. Nothing of the machine's own services is touched.
//!
//! One file for each server says how it is started. Nothing is installed here: [`Part::package`] says what would have
//! to be, and whoever calls installs it or asks for it.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod azure;
mod command;
mod google;
mod kafka;
mod part;
mod place;
mod postgres;
mod process;
mod record;
mod redis;
mod server;
mod vault;
mod victoria;

pub use part::{Package, Part};
pub use place::{Lasting, Place, write_private};
pub use record::{Record, stop_all};
pub use server::Server;
