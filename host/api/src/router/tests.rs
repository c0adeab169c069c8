//! The whole router, on stub ports.

mod access;
mod answers;
mod calls;
mod doors;
mod plugins;
mod stream;
