//! The plugin's tests on the machine that one writes on: parsing against GitHub's own examples, and the feeds and
//! actions against a scripted GitHub.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod acting;
mod conformance;
mod examples;
mod feeds;
mod github;
mod parsing;
mod replay;
mod sandbox;
mod tolerance;
