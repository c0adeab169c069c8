//! Running other programs, and talking to the person who waits.
//!
//! What is said goes to stderr, and so does what other programs print on stdout: a chore's own stdout carries data
//! only, so that its last line can be read by a machine.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

/// Tell the person who waits.
pub(crate) fn say(text: &str) {
    // Nobody is left to tell that telling failed.
    drop(writeln!(std::io::stderr(), "{text}"));
}

/// A headline.
pub(crate) fn headline(text: &str) {
    say(&format!("\n==> {text}"));
}

/// Hand over data.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).context("write to stdout")
}

/// A variable of the environment. Chores have no configuration file; this is the one place that reads it.
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var_os(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty())
}

/// Run to the end; its output is shown as it comes. No standard input: a chore never waits for an answer.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    finish(command.stdout(Stdio::from(std::io::stderr())))
}

/// The same for a program whose stdout is the chore's own data.
pub(crate) fn run_for_data(command: &mut Command) -> Result<()> {
    finish(command.stdout(Stdio::inherit()))
}

fn finish(command: &mut Command) -> Result<()> {
    let shown = show(command);
    say(&format!("    $ {shown}"));
    command.stdin(Stdio::null());
    let status = command.status().with_context(|| format!("start `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed: {status}");
    }
    Ok(())
}

/// Run quietly and take what it prints on stdout.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let shown = show(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("start `{shown}`"))?;
    if !output.status.success() {
        bail!("`{shown}` failed: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("read what `{shown}` printed"))
}

/// Whether it runs and ends well; nothing is shown.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Run to the end, show its output as it comes and keep it as well.
pub(crate) fn tee(command: &mut Command) -> Result<(ExitStatus, String)> {
    let shown = show(command);
    say(&format!("    $ {shown}"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("start `{shown}`"))?;
    let kept = Arc::new(Mutex::new(String::new()));
    let readers = [
        child.stdout.take().map(|out| follow(out, Arc::clone(&kept))),
        child.stderr.take().map(|err| follow(err, Arc::clone(&kept))),
    ];
    let status = child.wait().with_context(|| format!("wait for `{shown}`"))?;
    for reader in readers.into_iter().flatten() {
        drop(reader.join());
    }
    let text = kept.lock().map(|kept| kept.clone()).unwrap_or_default();
    Ok((status, text))
}

fn follow(stream: impl Read + Send + 'static, kept: Arc<Mutex<String>>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            say(&text);
            if let Ok(mut kept) = kept.lock() {
                kept.push_str(&text);
                kept.push('\n');
            }
            line.clear();
        }
    })
}

/// The command as a person would type it.
fn show(command: &Command) -> String {
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default().to_owned();
    std::iter::once(program)
        .chain(command.get_args().map(|argument| {
            let argument = argument.to_string_lossy();
            if argument.contains(char::is_whitespace) { format!("'{argument}'") } else { argument.into_owned() }
        }))
        .collect::<Vec<_>>()
        .join(" ")
}
