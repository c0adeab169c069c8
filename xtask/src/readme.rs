//! The README's commands are promises. Each stands in a table here with the check that keeps it, so that one that
//! nothing tries cannot be written.

use crate::workspace::Workspace;

/// A command of the README and what tries it.
const KEPT: &[(&str, &str)] = &[
    ("cargo xtask demo", "`cargo xtask test demo` runs it with --exit"),
    ("cargo xtask test", ".ci/run runs it"),
    ("cargo xtask tidy", ".ci/run runs it"),
];

/// Lines of fenced blocks that are marked as shell.
fn commands(markdown: &str) -> Vec<String> {
    let mut inside = false;
    let mut commands = Vec::new();
    for line in markdown.lines() {
        match line.trim() {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside && !line.is_empty() && !line.starts_with('#') => {
                commands.push(line.split('#').next().unwrap_or_default().trim().to_owned());
            }
            _ => {}
        }
    }
    commands
}

#[test]
fn every_command_of_the_readme_is_tried_by_something() {
    let root = Workspace::find().unwrap().root;
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let commands = commands(&readme);
    assert!(!commands.is_empty());
    for command in &commands {
        assert!(KEPT.iter().any(|(kept, _)| kept == command), "nothing tries `{command}`: see readme.rs");
    }
    for fence in readme.lines().filter(|line| line.starts_with("```")) {
        assert!(matches!(fence, "```" | "```sh" | "```text"), "{fence}: commands stand in blocks marked `sh`");
    }
    // The two commands are what the README promises first.
    assert_eq!(commands.first().map(String::as_str), Some("cargo xtask demo"));
    let ci = std::fs::read_to_string(root.join(".ci/run")).unwrap();
    for promised in ["cargo xtask tidy", "cargo xtask test"] {
        assert!(ci.contains(promised), ".ci/run does not run `{promised}`");
    }
    assert!(crate::test::STAGES.iter().any(|(name, _)| *name == "demo"));
}

#[test]
fn commands_are_found_in_shell_blocks_only() {
    let text = "```sh\na b   # why\n# no\n\nc\n```\nx\n```text\ny\n```\n";
    assert_eq!(commands(text), ["a b", "c"]);
}
