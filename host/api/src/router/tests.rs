//! The whole router, on stub ports.

mod access;
mod answers;
mod calls;
mod doors;
mod people;
mod plugins;
mod stream;
