//! The rules of the house, through their public surface.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::allow_attributes,
    reason = "tests may stop at the first surprise"
)]

mod analysis;
mod dora;
mod evidence;
mod items;
mod learning;
mod plugins;
mod retry;
