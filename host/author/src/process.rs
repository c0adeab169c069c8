//! Running other people's tools: compilers and package managers.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// Run a tool to its end. What it said is shown only when it failed, after `what` it should have done.
pub(crate) fn run(command: &mut Command, what: &str) -> Result<Output> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("start {}", name(command)))?;
    if output.status.success() {
        return Ok(output);
    }
    let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).trim().to_owned());
    let said: Vec<String> = said.into_iter().filter(|said| !said.is_empty()).collect();
    bail!("{what}: `{}` ended with {}\n\n{}\n", name(command), output.status, crate::talk::plain(&said.join("\n")))
}

fn name(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    program.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Where on the PATH a program is; otherwise what to do about its absence.
pub(crate) fn find(program: &str, mend: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let suffixes: &[&str] = if cfg!(windows) { &[".exe", ".cmd"] } else { &[""] };
    let found = std::env::split_paths(&path)
        .flat_map(|folder| suffixes.iter().map(move |suffix| folder.join(format!("{program}{suffix}"))))
        .find(|file| file.is_file());
    found.with_context(|| format!("find `{program}` on the PATH: {mend}"))
}
