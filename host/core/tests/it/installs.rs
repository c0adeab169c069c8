//! The desk of installed plugins, on ports in memory: single stories, and random ones that keep what must hold.

mod engine;
mod house;
mod others;
mod random;
mod stories;
mod together;
mod world;
