//! The real binary, on a port of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// How a host is started.
pub(crate) struct Launch {
    /// Holds `data`, `plugins` and `log`.
    dir: PathBuf,
    command: Command,
}

/// A running host. It ends with this value.
pub(crate) struct Launched {
    pub(crate) child: Child,
    pub(crate) url: String,
    /// Shown at the first start.
    pub(crate) secret: Option<String>,
}

impl Launch {
    /// By the binary itself or a program that becomes it.
    pub(crate) fn by(mut command: Command, dir: &Path) -> Self {
        let plugins = dir.join("plugins");
        std::fs::create_dir_all(&plugins).expect("a folder");
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(dir.join("data"));
        command.arg("--plugins").arg(plugins).env("OPSSIGHT_LOG__FILTER", "warn");
        Self { dir: dir.to_owned(), command }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// With how it ended, if that was before it was ready.
    pub(crate) fn start(mut self) -> Result<Launched, ExitStatus> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.join("log"));
        let errors = log.expect("a log file");
        let piped = self.command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let child = piped.spawn().expect("the host starts");
        // From here on it ends with the value, whatever is missing.
        let mut host = Launched { child, url: String::new(), secret: None };
        let mut lines = BufReader::new(host.child.stdout.take().expect("its output")).lines();
        while host.url.is_empty() {
            let Some(line) = lines.next() else { return Err(host.child.wait().expect("its end")) };
            let line = line.expect("text");
            if let Some(shown) = line.strip_prefix("Admin secret (shown once): ") {
                host.secret = Some(shown.to_owned());
            }
            if let Some(url) = line.strip_prefix("OpsSight is ready at ") {
                url.clone_into(&mut host.url);
            }
        }
        Ok(host)
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        let _ended = self.child.kill().and_then(|()| self.child.wait());
    }
}
