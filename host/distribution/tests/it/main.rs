//! Places as packages meet them: a real registry, folders, and registries that lie.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod credentials;
mod folders;
mod liar;
mod lies;
mod locks;
mod order;
mod packages;
mod registry;
mod server;
