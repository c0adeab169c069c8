//! Upstreams over TLS that agree on HTTP/2 and then do not speak it: frames by hand.

use crate::outside::OUTSIDE;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The name that its certificate is for.
pub(crate) const NAME: &str = "h2.test";

/// Whom the arena's host believes, and who is vouched for.
struct Vouched {
    authority_pem: Vec<u8>,
    acceptor: TlsAcceptor,
}

static VOUCHED: LazyLock<Vouched> = LazyLock::new(|| {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem().into_bytes();
    let key = KeyPair::generate().unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let certificate = CertificateParams::new(vec![NAME.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Vouched { authority_pem, acceptor: TlsAcceptor::from(Arc::new(config)) }
});

/// The authority that the arena's host is told to believe.
pub(crate) fn authority_pem() -> Vec<u8> {
    VOUCHED.authority_pem.clone()
}

/// A frame of HTTP/2.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Says this once it was asked, and then repeats that as fast as it goes.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) first: Vec<u8>,
    pub(crate) then: Vec<u8>,
}

/// A listener that counts who got as far as a handshake.
pub(crate) struct Secure {
    pub(crate) port: u16,
    came: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Secure {
    pub(crate) async fn start(script: Script) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let came = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&came);
        let server = OUTSIDE.spawn(async move {
            let listener = TcpListener::from_std(listener).unwrap();
            let mut guests = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while guests.try_join_next().is_some() {}
                guests.spawn(converse(stream, script.clone(), Arc::clone(&counter)));
            }
        });
        Self { port, came, server }
    }

    /// Handshakes so far.
    pub(crate) fn came(&self) -> usize {
        self.came.load(Ordering::SeqCst)
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn converse(stream: TcpStream, script: Script, came: Arc<AtomicUsize>) {
    let Ok(stream) = VOUCHED.acceptor.accept(stream).await else { return };
    came.fetch_add(1, Ordering::SeqCst);
    let (mut from, mut to) = tokio::io::split(stream);
    // The client's preface and its first frames, of which the last is its request.
    let mut heard = vec![0; 4_096];
    if from.read(&mut heard).await.is_err() {
        return;
    }
    let settings = frame(4, 0, 0, &[]);
    if to.write_all(&settings).await.is_err() || to.flush().await.is_err() {
        return;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let heard = OUTSIDE.spawn(async move { while matches!(from.read(&mut heard).await, Ok(read) if read > 0) {} });
    if to.write_all(&script.first).await.is_ok() && to.flush().await.is_ok() && !script.then.is_empty() {
        while to.write_all(&script.then).await.is_ok() && to.flush().await.is_ok() {}
    } else {
        // It has said what it had to say, and waits for the other side to give up.
        let _ended = heard.await;
    }
}
