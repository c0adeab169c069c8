//! An OpenBao of a test's own that speaks TLS, with a certificate of an authority of its own.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The token of its administrator.
pub(crate) const ROOT: &str = "r00t-r00t-r00t";

/// It ends with this value.
pub(crate) struct Secured {
    pub(crate) port: u16,
    folder: TempDir,
    child: Child,
}

impl Secured {
    #[expect(clippy::disallowed_methods, reason = "`cargo xtask test` says where its program is")]
    pub(crate) fn start() -> Self {
        let program = std::env::var("OPSSIGHT_TEST_VAULT_SERVER")
            .expect("OPSSIGHT_TEST_VAULT_SERVER is not set: `cargo xtask test` and `cargo xtask services` say it");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its address").port();
        drop(listener);
        let folder = tempfile::tempdir().expect("a folder");
        let child = Command::new(program)
            .args(["server", "-dev", "-dev-no-store-token", "-dev-tls"])
            .arg(format!("-dev-tls-cert-dir={}", folder.path().display()))
            .arg(format!("-dev-listen-address=127.0.0.1:{port}"))
            .env("BAO_DEV_ROOT_TOKEN_ID", ROOT)
            .env("HOME", folder.path())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(Instant::now() < deadline, "it does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { port, folder, child }
    }

    /// Whom to trust.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("vault-ca.pem")
    }

    /// Ask it as its administrator, once it is ready.
    pub(crate) async fn ask(&self, path: &str, body: serde_json::Value) {
        let pem = std::fs::read(self.ca_file()).expect("its authority");
        let known = reqwest::Certificate::from_pem(&pem).expect("a certificate");
        let http = reqwest::Client::builder().no_proxy().tls_certs_merge([known]).build().expect("a client");
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let asked = http.post(format!("https://127.0.0.1:{}/v1/{path}", self.port));
            let said = match asked.header("x-vault-token", ROOT).json(&body).send().await {
                Ok(answer) if answer.status().is_success() => return,
                Ok(answer) => answer.text().await.expect("a text"),
                Err(error) => error.to_string(),
            };
            // It listens before it is unsealed, and a new engine upgrades itself for a moment.
            assert!(Instant::now() < deadline, "{path}: {said}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Secured {
    fn drop(&mut self) {
        self.child.kill().expect("SIGKILL");
        self.child.wait().expect("its end");
    }
}
