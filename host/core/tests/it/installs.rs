//! The desk of installed plugins, on ports in memory: single stories, and random ones that keep what must hold.

mod fakes;
mod random;
mod stories;
mod world;
