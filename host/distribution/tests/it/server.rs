//! Debian's `docker-registry`, started for one test on a port of its own with storage of its own.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running registry. Dropping it stops it.
pub(crate) struct Server {
    child: Child,
    pub(crate) host: String,
    _storage: TempDir,
}

/// "ada" and "correct horse", as `htpasswd -nbB` writes them.
const HTPASSWD: &str = "ada:$2b$05$c7Mkn4iwWnYgfw5mrCRz6OkhGcUjo/a/YDA8ZEecoOmrWHI5UYgie\n";

impl Server {
    /// One that everybody may write to.
    pub(crate) fn start() -> Self {
        Self::run(false)
    }

    /// One that asks who it is talking to.
    pub(crate) fn guarded() -> Self {
        Self::run(true)
    }

    fn run(guarded: bool) -> Self {
        let storage = tempfile::tempdir().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let config = storage.path().join("config.yml");
        std::fs::write(&config, configuration(storage.path(), port, guarded)).unwrap();
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect(
                "docker-registry is not on the PATH: `cargo xtask test` installs it (apt-get install docker-registry)",
            );
        let mut server = Self { child, host: format!("127.0.0.1:{port}"), _storage: storage };
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(server.child.try_wait().unwrap().is_none(), "docker-registry ended before it answered");
            assert!(Instant::now() < deadline, "docker-registry does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// What it says under an address, with the body as JSON.
    pub(crate) async fn get(&self, path: &str) -> serde_json::Value {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.get(format!("http://{}{path}", self.host));
        let response = request.header("accept", "application/vnd.oci.image.manifest.v1+json").send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.json().await.unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn configuration(storage: &Path, port: u16, guarded: bool) -> String {
    let root = storage.join("data");
    let mut config = format!(
        "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    \
         rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:{port}\n",
        root.display()
    );
    if guarded {
        let passwords = storage.join("htpasswd");
        std::fs::write(&passwords, HTPASSWD).unwrap();
        config += &format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", passwords.display());
    }
    config
}
