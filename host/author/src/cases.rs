//! Declarative cases: given a connection and a recorded upstream, when something is asked, expect this.
//!
//! A case names no language: the same files are run against every implementation of a plugin. What a case asks goes
//! through the real host: budgets, egress gate and host-side credentials included.

mod base_url;
mod compare;
mod deed;
mod live;
mod load;
mod model;
mod observe;
mod play;
mod recording;
mod update;
mod upstream;

pub(crate) use live::Live;
pub(crate) use load::{CaseFile, load};
pub(crate) use play::{Bench, Verdict};
pub(crate) use recording::{CALLS, Recording};
pub(crate) use update::rewrite;
