//! The cases, one file per family, in the order of their rows.

mod address;
mod boundary;
mod bytes;
mod cache;
mod callers;
mod compile;
mod cpu;
mod deliveries;
mod events;
mod files;
mod handles;
mod http;
mod imports;
mod items;
mod logs;
mod memory;
mod names;
pub(crate) mod notifier;
mod packages;
mod places;
mod state;
mod storm;
mod theft;
mod time;
mod values;
mod wire;

mod neighbours;

pub use neighbours::neighbours;
pub(crate) use packages::add_section;

use crate::case::Case;

/// All cases, by row; those without a number of the list last.
pub fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        cpu::CASES,
        callers::CASES,
        memory::CASES,
        compile::CASES,
        bytes::CASES,
        imports::CASES,
        cache::CASES,
        boundary::CASES,
        values::CASES,
        handles::CASES,
        storm::CASES,
        logs::CASES,
        theft::CASES,
        state::CASES,
        events::CASES,
        address::CASES,
        names::CASES,
        http::CASES,
        wire::CASES,
        time::CASES,
        files::CASES,
        packages::CASES,
        places::CASES,
        notifier::CASES,
        deliveries::CASES,
    ]
    .concat();
    cases.sort_by_key(|case| place(case.row));
    cases
}

/// "7" before "8b" before "74c" before "X1".
fn place(row: &str) -> (bool, u32, String) {
    let digits: String = row.chars().filter(char::is_ascii_digit).collect();
    let letters = row.trim_start_matches('X').trim_start_matches(|c: char| c.is_ascii_digit());
    (row.starts_with('X'), digits.parse().unwrap_or(u32::MAX), letters.to_owned())
}
