//! The whole host, as its users meet it.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may stop at the first surprise"
)]

mod command_line;
mod door;
mod guides;
mod harness;
mod jail;
mod kills;
mod live;
mod replay;
mod tutorial;
