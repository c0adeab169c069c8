//! A server that speaks S3, in this process: `s3s-fs`, over a folder.

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub(crate) const KEY: &str = "opssight-tests";
pub(crate) const SECRET: &str = "only-f0r-tests";
pub(crate) const BUCKET: &str = "acme-ops";

/// The server; it ends with this value.
pub(crate) struct S3 {
    pub(crate) port: u16,
    folder: TempDir,
    service: S3Service,
    task: Option<JoinHandle<()>>,
}

impl S3 {
    /// With one empty bucket.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(BUCKET)).expect("a bucket");
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).expect("a folder"));
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let service = builder.build();
        let task = Some(tokio::spawn(serve(listener, service.clone())));
        Self { port, folder, service, task }
    }

    /// Everything that it keeps, also of uploads that are not finished.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        collect(self.folder.path(), &mut files);
        files
    }

    /// Cut off whoever is connected, and answer nobody.
    pub(crate) async fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
            let _aborted = task.await;
        }
    }

    /// Answer again, on the same port.
    pub(crate) async fn go_on(&mut self) {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await.expect("its port is free");
        self.task = Some(tokio::spawn(serve(listener, self.service.clone())));
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

async fn serve(listener: TcpListener, service: S3Service) {
    // Dropped with this, and every connection with it.
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let connection = http1::Builder::new().serve_connection(TokioIo::new(socket), service.clone());
        connections.spawn(async move {
            let _ended = connection.await;
        });
        while connections.try_join_next().is_some() {}
    }
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
