//! What OpsSight means: types, rules and ports. Pure: no I/O, no runtime, no SQL, no HTTP, no clock, no
//! randomness. Everything outside comes in through a trait that lives beside the feature that needs it.
#![warn(missing_docs)]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod error;
pub mod id;
pub mod plugins;
pub mod time;
