//! Texts that are committed: nothing of the machine they were written on, and no file that is too long to read.

use super::Remarks;
use crate::process;
use crate::workspace::Workspace;
use anyhow::{Result, bail};
use std::fs;
use std::path::Path;

/// Lines of code above which a file should have a reason.
const LONG: usize = 450;
/// Folders whose files are made by machines or come from elsewhere.
const MADE: [&str; 4] = ["wit/1.0/deps/", "wit/1.0/items/", "package-lock.json", "Cargo.lock"];

pub(super) fn check(workspace: &Workspace) -> Result<Remarks> {
    let list = process::capture(workspace.command("git").args(["ls-files", "-z"]))?;
    let (mut wrong, mut remarks) = (Vec::new(), Vec::new());
    for name in list.split('\0').filter(|name| !name.is_empty()) {
        let Ok(text) = fs::read_to_string(workspace.root.join(name)) else { continue };
        wrong.extend(traces(&text, &workspace.root).into_iter().map(|(line, trace)| format!("{name}:{line}: {trace}")));
        let lines = text.lines().count();
        if is_code(name) && lines > LONG {
            remarks.push(format!("{name} has {lines} lines: can it be two files with one subject each?"));
        }
    }
    if !wrong.is_empty() {
        bail!("committed files name this machine or its surroundings:\n      {}", wrong.join("\n      "));
    }
    Ok(remarks)
}

fn is_code(name: &str) -> bool {
    let code = [".rs", ".ts", ".tsx", ".wit"].iter().any(|end| name.ends_with(end));
    code && !MADE.iter().any(|made| name.starts_with(made)) && !name.ends_with("schema.d.ts")
}

/// Lines that name the checkout's own place, somebody's home folder or a registry that a lock file should not pin.
fn traces(text: &str, root: &Path) -> Vec<(usize, &'static str)> {
    let root = root.to_string_lossy();
    let homes = [concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!("/ro", "ot/")];
    let trace = |line: &str| {
        if root.len() > 3 && line.contains(&format!("{root}/")) {
            return Some("the place of the checkout");
        }
        if homes.iter().any(|home| begins_a_path(line, home)) {
            return Some("somebody's home folder");
        }
        let pinned = line.contains("\"resolved\": \"http") || line.contains("registry = \"http");
        pinned.then_some("the address of a registry")
    };
    text.lines().zip(1..).filter_map(|(line, number)| Some((number, trace(line)?))).collect()
}

/// Whether the line holds an absolute path that begins so, rather than a longer path or an address that contains it.
fn begins_a_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(place, _)| {
        let before = line.get(..place).and_then(|text| text.chars().next_back());
        let after = line.get(place + home.len()..).and_then(|text| text.chars().next());
        before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '.' | '}' | '~' | '-' | '_' | '*' | '/'))
            && after.is_some_and(|c| c.is_alphanumeric() || c == '.')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_of_a_machine_are_found_and_innocent_lines_are_not() {
        let home = concat!("/ho", "me/ada/x");
        let table = [
            (format!("see {home}"), true),
            (format!("\"{home}\""), true),
            ("/srv/checkout/web".to_owned(), true),
            ("      \"resolved\": \"https://r.example/x.tgz\"".to_owned(), true),
            ("      \"resolved\": \"web\"".to_owned(), false),
            (format!("https://example.com{home}"), false),
            ("ProtectHome=yes".to_owned(), false),
        ];
        for (line, found) in table {
            assert_eq!(!traces(&line, Path::new("/srv/checkout")).is_empty(), found, "{line}");
        }
    }
}
