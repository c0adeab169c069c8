//! The contract in this repository, and what must not happen to it.
#![allow(clippy::unwrap_used, clippy::allow_attributes, reason = "tests may stop at the first surprise")]

use opssight_contract::{LOCK, Lines, against_lock, of_folder, of_style};
use std::path::Path;

fn contract() -> Lines {
    of_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../1.0")).unwrap()
}

#[test]
fn what_was_released_still_stands() {
    assert_eq!(against_lock(&contract(), &Lines::parse(LOCK)), []);
}

#[test]
fn the_contract_keeps_its_own_rules() {
    assert_eq!(of_style(&contract()), []);
}

#[test]
fn a_released_line_may_not_change_or_go_and_new_ones_may_come() {
    let text = contract().text();
    let lock = Lines::parse(&text);
    // (now, problems)
    let cases = [
        (text.replace("enum { trace, debug,", "enum { debug,"), 1),
        (text.replace("option<string>, limit: u32", "option<string>, limit: u32, all: bool"), 1),
        (text.lines().filter(|line| !line.starts_with("health.check:")).fold(String::new(), |a, b| a + b + "\n"), 1),
        (format!("{text}source.pull-many: func() -> u32\n"), 0),
    ];
    for (now, problems) in cases {
        assert_ne!(now, text);
        assert_eq!(against_lock(&Lines::parse(&now), &lock).len(), problems);
    }
}

#[test]
fn what_breaks_a_rule_is_named() {
    let cases = [
        ("a.stream: func() -> u32", "reserved"),
        ("a.b: func() -> result<u32, string>", "not `failure`"),
        ("a.b: func() -> result<list<types.item>, types.failure>", "pages"),
        ("a.b: resource", "records"),
    ];
    for (line, says) in cases {
        let problems = of_style(&Lines::parse(line));
        assert!(problems.iter().any(|problem| problem.problem.contains(says)), "{line}: {problems:?}");
    }
}
