//! The whole host, as its users meet it.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may stop at the first surprise"
)]

mod blobs;
mod canary;
mod command_line;
mod dev;
mod dev_up;
mod doctor;
mod door;
mod evidence;
mod guides;
mod harness;
mod interrupt;
mod jail;
#[cfg(feature = "kafka")]
mod kafka;
mod kills;
mod lifecycle;
mod live;
mod matrix;
mod metrics;
mod moving;
mod postgres;
mod redis;
mod replay;
mod roles;
#[path = "../../../backends/tests/it/s3.rs"]
mod s3;
mod secrets;
mod tutorial;
