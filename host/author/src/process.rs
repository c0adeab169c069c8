//! Running other people's tools: compilers and package managers.

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use tokio::process::Command;

/// Run a tool to its end. What it said is shown only when it failed, after `what` it should have done. When nobody waits
/// for it any more, it is killed, with all that it started.
pub(crate) async fn run(command: &mut Command, what: &str) -> Result<Output> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    // Compilers start others. In a group of their own they end together; a terminal's signals do not reach them there,
    // so that whoever runs this waits for every one of those.
    #[cfg(unix)]
    command.process_group(0);
    let name = name(command);
    let child = command.spawn().with_context(|| format!("start {name}"))?;
    let group = Group(child.id());
    let output = child.wait_with_output().await.with_context(|| format!("wait for {name}"))?;
    group.ended();
    if output.status.success() {
        return Ok(output);
    }
    let said = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said).trim().to_owned());
    let said: Vec<String> = said.into_iter().filter(|said| !said.is_empty()).collect();
    bail!("{what}: `{name}` ended with {}\n\n{}\n", output.status, crate::talk::plain(&said.join("\n")))
}

/// A tool that runs, by its process, with the processes that it started.
struct Group(Option<u32>);

impl Group {
    fn ended(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.0.and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?)) {
            // It may have ended a moment ago.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

fn name(command: &Command) -> String {
    Path::new(command.as_std().get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned()
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

// They read `/proc`.
#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::run;
    use std::fs;
    use std::time::{Duration, Instant};
    use tokio::process::Command;

    #[tokio::test]
    async fn a_tool_that_nobody_waits_for_any_more_is_killed_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pids = folder.path().join("pids");
        let mut shell = Command::new("sh");
        // A shell that starts another process and waits for it, as cargo does with rustc.
        shell.arg("-c").arg(format!("sleep 600 & echo $$ $! > {} && wait", pids.display()));
        let begun = Instant::now();
        tokio::select! {
            done = run(&mut shell, "sleep") => panic!("{done:?}"),
            () = written(&pids) => {}
        }
        let text = fs::read_to_string(&pids).unwrap();
        let pids: Vec<i32> = text.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
        assert_eq!(pids.len(), 2, "{text}");
        while pids.iter().any(|pid| is_running(*pid)) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{pids:?} still run");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn written(pids: &std::path::Path) {
        while !fs::read_to_string(pids).is_ok_and(|text| text.ends_with('\n')) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Dead, but not yet waited for, is not running.
    fn is_running(pid: i32) -> bool {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next()).is_some_and(|state| state != "Z")
    }

    #[tokio::test]
    async fn what_a_tool_said_is_told_when_it_failed() {
        let mut shell = Command::new("sh");
        let error = run(shell.args(["-c", "echo out; echo err >&2; exit 3"]), "try").await.unwrap_err().to_string();
        assert!(error.contains("try: `sh` ended with exit status: 3\n\nout\nerr"), "{error}");
    }
}
