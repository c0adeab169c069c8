//! The plugin contract as lines of text, one per type and function, and the rules that keep it a contract.
//!
//! A WIT record or enum that changes in any way breaks every component that was built before. So what was released is
//! written down in `wit/1.0/contract.lock`, and what the WIT says now must say at least that. A built component is held
//! to the same lines: what it imports and exports of ours must be what this contract says.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod lines;
mod rules;

pub use lines::{Lines, of_component, of_folder};
pub use rules::{Problem, against_lock, of_style};

/// What was released as 1.0.
pub const LOCK: &str = include_str!("../../1.0/contract.lock");

/// Everything that keeps a built component from being a plugin of this contract; empty when it is one.
pub fn component_problems(component: &[u8]) -> anyhow::Result<Vec<Problem>> {
    let known = Lines::parse(LOCK);
    let used = of_component(component)?;
    let strange = used.iter().filter(|(name, text)| known.get(name).is_some_and(|known| known != *text));
    let mut problems: Vec<Problem> = strange
        .map(|(name, text)| Problem {
            at: name.clone(),
            problem: format!("the component has \"{text}\", the contract says \"{}\"", known.get(name).unwrap_or("")),
        })
        .collect();
    problems.extend(used.iter().filter(|(name, _)| known.get(name).is_none()).map(|(name, _)| Problem {
        at: name.clone(),
        problem: "the contract has no such thing: build it with the SDK of this contract".to_owned(),
    }));
    Ok(problems)
}
