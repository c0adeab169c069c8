//! Ctrl-C, a closed terminal or a polite end while a plugin is being built.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A python3 that takes long for whatever it is asked, with a child of its own, and notes both.
const SLOW: &str = "#!/bin/sh\nsleep 600 &\necho $$ $! > \"$PIDS.part\"\nmv \"$PIDS.part\" \"$PIDS\"\nwait\n";

pub(crate) fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{what} took too long");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Dead, but not yet waited for, is not running.
pub(crate) fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid).join("stat")).unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next()).is_some_and(|state| state != "Z")
}

/// A build, and where what it started is noted. Nothing of it outlives a test that fails.
struct Build {
    child: Child,
    pids: PathBuf,
}

impl Drop for Build {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
        // Of a test that went well they are gone, and the numbers may be somebody else's.
        if std::thread::panicking() {
            for pid in fs::read_to_string(&self.pids).unwrap_or_default().split_whitespace() {
                let _gone = Command::new("kill").args(["-KILL", pid]).status();
            }
        }
    }
}

#[test]
fn whatever_ends_a_build_ends_it_at_once_with_the_compiler_and_what_it_started() {
    let desk = tempfile::tempdir().expect("a folder");
    let at = |name: &str| desk.path().join(name);
    fs::create_dir(at("bin")).expect("made");
    fs::write(at("bin/python3"), SLOW).expect("written");
    fs::set_permissions(at("bin/python3"), PermissionsExt::from_mode(0o755)).expect("set");
    let opssight = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opssight"));
        command.current_dir(desk.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let new = ["plugin", "new", "--kind", "detector", "--lang", "python", "mine"];
    assert!(opssight().args(new).output().expect("it runs").status.success());
    for (signal, code) in [("-HUP", 129), ("-INT", 130), ("-QUIT", 131), ("-TERM", 143)] {
        let _ = fs::remove_file(at("pids"));
        let path =
            format!("{}:{}", at("bin").display(), std::env::var_os("PATH").unwrap_or_default().to_string_lossy());
        let mut command = opssight();
        command
            .args(["plugin", "dev", "mine"])
            .env("PATH", path)
            .env("PIDS", at("pids"))
            .env("XDG_CACHE_HOME", at("cache"));
        let mut build = Build { child: command.spawn().expect("it runs"), pids: at("pids") };
        let pids = wait_for("starting the compiler", || fs::read_to_string(at("pids")).ok());
        let pids: Vec<&str> = pids.split_whitespace().collect();
        assert!(pids.len() == 2 && pids.iter().all(|pid| is_running(pid)), "{pids:?}");
        let sent = Command::new("kill").args([signal, &build.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        let status = wait_for("ending", || build.child.try_wait().expect("it can be waited for"));
        assert_eq!(status.code(), Some(code), "{signal}");
        wait_for("killing the compiler", || pids.iter().all(|pid| !is_running(pid)).then_some(()));
    }
}
