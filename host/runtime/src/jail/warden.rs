//! The host's side: start the child, feed it, wait for it, and say in words how it ended.

use super::worker::{NO_JAIL, NO_MEMORY, REFUSED};
use super::{CompileError, Job};
use crate::class::{CompileLimits, SizeClass};
use crate::text;
use rustix::process::Signal;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// What a child says is cut here.
const SAID: u64 = 4 << 10;
/// How often a compilation that takes long is told of.
const PROGRESS: Duration = Duration::from_secs(10);
/// So long after its streams have ended, a child has ended too.
const LAST_BREATH: Duration = Duration::from_secs(2);

/// Compile in a child of this host.
pub(super) fn compile(
    program: &Path,
    args: &[OsString],
    limits: &CompileLimits,
    job: &Job<'_>,
) -> Result<Vec<u8>, CompileError> {
    let started = Instant::now();
    let mut child = start(program, args, limits).map_err(|error| jail(program, &error))?;
    let outcome = serve(&mut child, limits, job, started);
    // Whatever happened, no child is left behind. Both fail for one that has ended, which is the usual case.
    let _ended = child.kill();
    let _reaped = child.wait();
    outcome
}

fn start(program: &Path, args: &[OsString], limits: &CompileLimits) -> io::Result<Child> {
    Command::new(program)
        .args(args)
        .arg(limits.memory_mib.to_string())
        .arg(limits.cpu.as_secs().to_string())
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
}

fn serve(child: &mut Child, limits: &CompileLimits, job: &Job<'_>, started: Instant) -> Result<Vec<u8>, CompileError> {
    let deadline = started + limits.wall;
    feed(child, job.bytes).map_err(broken)?;
    let said = listen(child.stderr.take(), SAID).map_err(broken)?;
    // One byte more than it may have tells us that it has more.
    let code = listen(child.stdout.take(), limits.code_bytes as u64 + 1).map_err(broken)?;
    let Some(code) = wait(&code, deadline, started, job) else {
        return Err(CompileError::Slow(limits.wall.as_secs()));
    };
    if code.len() > limits.code_bytes {
        return Err(CompileError::Code(limits.code_bytes >> 20));
    }
    let Some(status) = ended(child, deadline.max(Instant::now() + LAST_BREATH)).map_err(broken)? else {
        return Err(CompileError::Slow(limits.wall.as_secs()));
    };
    let said = said.recv_timeout(LAST_BREATH).unwrap_or_default();
    let said = text::clean(&String::from_utf8_lossy(&said), 500);
    verdict(status, code, &said, limits)
}

/// In a thread of its own, because a pipe holds less than a component.
fn feed(child: &mut Child, bytes: &[u8]) -> io::Result<()> {
    let mut stdin = child.stdin.take().ok_or_else(|| io::Error::other("it has no standard input"))?;
    let bytes = bytes.to_vec();
    thread::Builder::new().name("compile-feed".to_owned()).spawn(move || {
        // It fails when the child ends before it has read all, and then its end says why.
        let _fed = stdin.write_all(&bytes);
    })?;
    Ok(())
}

/// What a stream gives until it ends, or until it has given enough.
fn listen(stream: Option<impl Read + Send + 'static>, most: u64) -> io::Result<Receiver<Vec<u8>>> {
    let stream = stream.ok_or_else(|| io::Error::other("it has no standard output"))?;
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new().name("compile-listen".to_owned()).spawn(move || {
        let mut heard = Vec::new();
        // What was heard before it broke is all that there is.
        let _whole = stream.take(most).read_to_end(&mut heard);
        // Nobody waits for it after a timeout.
        let _sent = sender.send(heard);
    })?;
    Ok(receiver)
}

/// The code, or nothing when the deadline comes first. Large plugins are told of while one waits.
fn wait(code: &Receiver<Vec<u8>>, deadline: Instant, started: Instant, job: &Job<'_>) -> Option<Vec<u8>> {
    if job.class == SizeClass::Large {
        tracing::info!(
            plugin.id = job.plugin,
            bytes = job.bytes.len(),
            "compiling a large plugin; this is done once and may take minutes"
        );
    }
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match code.recv_timeout(left.min(PROGRESS)) {
            Ok(code) => return Some(code),
            Err(RecvTimeoutError::Disconnected) => return Some(Vec::new()),
            Err(RecvTimeoutError::Timeout) if left <= PROGRESS => return None,
            Err(RecvTimeoutError::Timeout) => {
                let seconds = started.elapsed().as_secs();
                tracing::info!(plugin.id = job.plugin, seconds, "still compiling a plugin");
            }
        }
    }
}

fn ended(child: &mut Child, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if Instant::now() >= deadline {
            return Ok(None);
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn verdict(status: ExitStatus, code: Vec<u8>, said: &str, limits: &CompileLimits) -> Result<Vec<u8>, CompileError> {
    let out_of_memory = || CompileError::Memory(limits.memory_mib);
    match (status.code(), status.signal()) {
        (Some(0), _) => {
            if !said.is_empty() {
                tracing::warn!(remark = said, "plugins are compiled in a jail that is less tight than it could be");
            }
            Ok(code)
        }
        (Some(code), _) if code == i32::from(REFUSED) => Err(CompileError::Refused(said.to_owned())),
        (Some(code), _) if code == i32::from(NO_MEMORY) => Err(out_of_memory()),
        (Some(code), _) if code == i32::from(NO_JAIL) => Err(CompileError::Jail(said.to_owned())),
        (_, Some(signal)) if signal == Signal::XCPU.as_raw() => Err(CompileError::Cpu(limits.cpu.as_secs())),
        // Where it cannot allocate, Rust says so and aborts.
        (_, Some(_)) if said.contains("memory allocation of") => Err(out_of_memory()),
        (_, Some(signal)) => Err(CompileError::Crashed(format!("signal {signal}: {said}"))),
        (code, None) => Err(CompileError::Crashed(format!("exit code {}: {said}", code.unwrap_or(-1)))),
    }
}

fn jail(program: &Path, error: &io::Error) -> CompileError {
    tracing::error!(program = %program.display(), %error, "the compile worker cannot be started");
    CompileError::Jail(format!("the compile worker {} cannot be started: {error}", program.display()))
}

fn broken(error: io::Error) -> CompileError {
    tracing::error!(%error, "the compile worker cannot be talked to");
    CompileError::Jail(format!("the compile worker cannot be talked to: {error}"))
}
