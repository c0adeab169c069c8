//! The commands as a person types them, on real files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod building;
mod examples;
mod folders;
mod keys;
mod locking;
mod projects;
mod recordings;
mod sdks;
mod typed;
