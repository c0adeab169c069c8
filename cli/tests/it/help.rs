//! The command line itself.

use crate::Cli;
use clap::CommandFactory;

fn leaves(command: &clap::Command, path: &mut Vec<String>, visit: &mut impl FnMut(&[String], &clap::Command)) {
    path.push(command.get_name().to_owned());
    let mut subcommands = command.get_subcommands().filter(|sub| sub.get_name() != "help").peekable();
    if subcommands.peek().is_none() {
        visit(path, command);
    }
    for sub in subcommands {
        leaves(sub, path, visit);
    }
    path.pop();
}

#[test]
fn every_command_says_what_it_does_and_shows_an_example() {
    let mut count = 0;
    leaves(&Cli::command(), &mut Vec::new(), &mut |path, command| {
        count += 1;
        let line = path.join(" ");
        assert!(command.get_about().is_some(), "{line} has no help");
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples = help.split_once("Examples:\n").map(|(_, examples)| examples).unwrap_or_default();
        assert!(examples.contains(&line), "{line} shows no example of itself");
        for argument in
            command.get_arguments().filter(|argument| !matches!(argument.get_id().as_str(), "help" | "version"))
        {
            assert!(argument.get_help().is_some(), "{line} does not explain {}", argument.get_id());
        }
    });
    assert!(count > 20, "{count}");
}

/// An example that does not parse is worse than none.
#[test]
fn every_example_parses() {
    let mut seen = 0;
    leaves(&Cli::command(), &mut Vec::new(), &mut |_, command| {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples = help.split_once("Examples:\n").unwrap().1.replace("\\\n", " ");
        for example in examples.lines() {
            let own = example.rsplit("| ").next().unwrap().trim();
            let words = own.split([';', '&', '<', '>']).next().unwrap();
            let parsed = <Cli as clap::Parser>::try_parse_from(shell_words(words));
            assert!(parsed.is_ok(), "{example}: {}", parsed.unwrap_err());
            seen += 1;
        }
    });
    assert!(seen > 40, "{seen}");
}

fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('"').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

#[test]
fn every_command_takes_every_output_format() {
    let mut root = Cli::command();
    root.build();
    leaves(&root, &mut Vec::new(), &mut |path, command| {
        let line = path.join(" ");
        let output = command.get_arguments().find(|argument| argument.get_id() == "output");
        let output = output.unwrap_or_else(|| panic!("{line} does not take -o"));
        assert_eq!(output.get_short(), Some('o'), "{line}");
        let formats: Vec<_> = output.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        assert_eq!(formats, ["table", "json", "jsonl", "yaml", "name", "csv"], "{line}");
    });
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn a_token_in_the_environment_is_not_shown_in_help() {
    let help = Cli::command().render_long_help().to_string();
    assert!(help.contains("OPSSIGHT_TOKEN") && !help.contains("OPSSIGHT_TOKEN="), "{help}");
}

#[test]
fn help_reads_well() {
    let mut root = Cli::command().term_width(100);
    root.build();
    insta::assert_snapshot!("help", root.render_help().to_string());
    let runs = root.find_subcommand_mut("runs").unwrap();
    insta::assert_snapshot!("help_runs_watch", runs.find_subcommand_mut("watch").unwrap().render_help().to_string());
}

#[test]
fn completion_knows_the_commands() {
    let mut script = Vec::new();
    clap_complete::generate(opssight_cli::Shell::Bash, &mut Cli::command(), "opssight", &mut script);
    assert!(String::from_utf8(script).unwrap().contains("opssight__subcmd__runs__subcmd__watch"));
}
