//! The rules of the house, through their public surface.

mod analysis;
mod dora;
mod items;
mod learning;
mod plugins;
mod retry;
