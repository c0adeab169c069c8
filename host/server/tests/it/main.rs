//! The whole host, as its users meet it.
#![expect(clippy::disallowed_methods, reason = "tests read their own environment")]

mod command_line;
mod door;
mod harness;
mod kills;
mod live;
mod replay;
