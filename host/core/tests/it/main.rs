//! The rules of the house, through their public surface.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::allow_attributes,
    reason = "tests may stop at the first surprise"
)]

mod analysis;
mod connecting;
mod dora;
mod evidence;
mod idle;
mod installs;
mod items;
mod kinds;
mod learning;
mod manifest;
mod plugins;
mod retry;
mod withheld;
