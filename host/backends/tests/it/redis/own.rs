//! A Redis of a test's own, to be killed.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(super) struct Own {
    child: Child,
    port: u16,
    arguments: Vec<String>,
    folder: TempDir,
}

impl Own {
    pub(super) fn start() -> Self {
        Self::with(|_| Vec::new())
    }

    /// With arguments that may name the port.
    pub(super) fn with(arguments: impl FnOnce(u16) -> Vec<String>) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let (folder, mut arguments) = (tempfile::tempdir().unwrap(), arguments(port));
        if arguments.is_empty() {
            arguments = vec!["--port".to_owned(), port.to_string()];
        }
        let child = spawn(&arguments, &folder);
        let mut own = Self { child, port, arguments, folder };
        own.wait();
        own
    }

    pub(super) fn address(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// At the same address, with nothing in it.
    pub(super) fn restart(&mut self) {
        self.child = spawn(&self.arguments, &self.folder);
        self.wait();
    }

    /// It keeps its connections and says nothing.
    pub(super) fn pause(&mut self) {
        self.signal("-STOP");
    }

    pub(super) fn go_on(&mut self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// As its administrator.
    pub(super) async fn command(&self, words: &[&str]) {
        let client = redis::Client::open(self.address()).unwrap();
        let mut redis = client.get_multiplexed_async_connection().await.unwrap();
        let [name, rest @ ..] = words else { panic!("no command") };
        redis::cmd(name).arg(rest).query_async::<()>(&mut redis).await.unwrap();
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(
                self.child.try_wait().unwrap().is_none() && Instant::now() < deadline,
                "redis-server does not start"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn spawn(arguments: &[String], folder: &TempDir) -> Child {
    let log = File::create(folder.path().join("log")).unwrap();
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .expect("redis-server starts: `cargo xtask test` installs it")
}

impl Drop for Own {
    fn drop(&mut self) {
        // One that is stopped does not hear a polite word.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
