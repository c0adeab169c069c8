//! The runtime as the rest of the house sees it, with guests that mean well and guests that do not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod abandoned;
mod budgets;
mod cache;
mod credentials;
mod egress;
mod errands;
mod evidence;
mod gate;
mod harness;
mod host_interfaces;
mod install;
mod jail;
mod kinds;
mod noop;
mod raw_server;
mod requests;
mod resilience;
mod reveal;
mod schemes;
mod shadow;
mod sharing;
mod tls;
mod warm;
mod withheld;

use opssight_testkit::guests;
