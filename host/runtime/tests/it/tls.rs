//! HTTPS with a certificate authority of the operator's own, and HTTP/2 where the upstream speaks it.

use crate::egress::rule;
use crate::harness::{House, Names, loopback};
use crate::requests::Ask;
use opssight_runtime::{PluginHost, RuntimeConfig, RuntimeError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// An HTTPS upstream for one name: where it is, whom to believe, and what was asked of it.
struct Secure {
    port: u16,
    ca_pem: Vec<u8>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Secure {
    /// It speaks these protocols.
    async fn start(name: &str, protocols: &[&str]) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let ca_pem = authority.self_signed(&authority_key).unwrap().pem().into_bytes();
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::default());
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, log) = (acceptor.clone(), Arc::clone(&log));
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream, &log).await;
                    }
                });
            }
        });
        Self { port, ca_pem, seen }
    }

    fn house(&self, name: &str, believed: bool) -> House {
        House::configured(|config| {
            config.resolver = Some(Arc::new(Names::new(&[(name, &["127.0.0.1"]), ("other.test", &["127.0.0.1"])])));
            config.upstream.ca_pem = believed.then(|| self.ca_pem.clone());
        })
    }
}

async fn serve(mut stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>, log: &Mutex<Vec<String>>) {
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    if is_h2 {
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            log.lock().unwrap().push(format!("{:?} {}", request.version(), request.uri()));
            let mut body = respond.send_response(http::Response::new(()), false).unwrap();
            body.send_data("over two".into(), true).unwrap();
        }
        return;
    }
    let mut head = vec![0; 4_096];
    let read = stream.read(&mut head).await.unwrap();
    let line = String::from_utf8_lossy(&head[..read]).lines().next().unwrap_or_default().to_owned();
    log.lock().unwrap().push(line);
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nover one").await.unwrap();
    let _ = stream.shutdown().await;
}

async fn look(house: &House, authority: &str) -> Result<String, opssight_core::plugins::CallError> {
    house.install(&Ask::get(authority, "/3/device/x").https().package(rule(&["GET"])));
    let called = house.check(json!({ "base_url": format!("https://{authority}") }), loopback()).await;
    called.map(|called| called.value.summary)
}

#[tokio::test]
async fn the_best_protocol_that_both_speak_is_used() {
    let cases: [(&[&str], &str, &str); 4] = [
        (&["h2"], "over two", "HTTP/2.0 https://h2.test"),
        (&["h2", "http/1.1"], "over two", "HTTP/2.0 https://h2.test"),
        (&["http/1.1"], "over one", "GET /3/device/x HTTP/1.1"),
        (&[], "over one", "GET /3/device/x HTTP/1.1"),
    ];
    for (protocols, answer, line) in cases {
        let server = Secure::start("h2.test", protocols).await;
        let house = server.house("h2.test", true);
        assert_eq!(look(&house, &format!("h2.test:{}", server.port)).await.unwrap(), answer);
        let seen = server.seen.lock().unwrap();
        assert!(seen[0].starts_with(line), "{seen:?}");
    }
}

#[tokio::test]
async fn only_certificates_of_known_authorities_and_of_the_right_name_are_believed() {
    let server = Secure::start("h2.test", &["h2"]).await;
    for (believed, name) in [(false, "h2.test"), (true, "other.test")] {
        let house = server.house("h2.test", believed);
        let error = look(&house, &format!("{name}:{}", server.port)).await.unwrap_err();
        assert_eq!(error.code, "upstream.unreachable", "{error}");
        assert!(error.message.contains("certificate"), "{error}");
    }
    assert!(server.seen.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_file_without_certificates_keeps_the_host_from_starting() {
    for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let data = tempfile::TempDir::new().unwrap();
        let mut config = RuntimeConfig::new(data.path());
        config.upstream.ca_pem = Some(pem.into());
        let memory = Arc::new(crate::harness::Memory::default());
        let clock = Arc::new(crate::harness::HandClock(Mutex::new(crate::harness::NOW)));
        let outcome = PluginHost::open(config, memory.clone(), memory, clock);
        assert!(matches!(outcome.err(), Some(RuntimeError::Certificates(_))), "{pem:?}");
    }
}
