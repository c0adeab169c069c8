//! The whole host, as its users meet it.
#![expect(clippy::disallowed_methods, reason = "tests read their own environment")]

mod door;
mod harness;
mod kills;
mod replay;
