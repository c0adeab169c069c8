//! A door in front of a broker, for what the broker of the tests has not: TLS, and users with passwords. The handshakes
//! are real ones, and what is said after them goes to the broker as it is.

use super::broker::Broker;
use super::sasl::{self, User};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// An authority, and a certificate that it vouches for.
pub(crate) struct Vouched {
    folder: TempDir,
    acceptor: TlsAcceptor,
}

impl Vouched {
    /// For one host name or address.
    pub(crate) fn for_host(name: &str) -> Self {
        let mut authority = CertificateParams::new([]).expect("an authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate for its own issuer if both have one name.
        authority.distinguished_name.push(DnType::CommonName, "an authority of the tests");
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().expect("a key")).expect("signed");
        let key = KeyPair::generate().expect("a key");
        let leaf = CertificateParams::new([name.to_owned()]).expect("a name").signed_by(&key, &authority);
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.expect("signed").der().clone()], key)
            .expect("a pair");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).expect("written");
        Self { folder, acceptor: TlsAcceptor::from(Arc::new(config)) }
    }

    /// Whom to trust.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

/// The door; it closes with this value, and the broker behind it ends.
pub(crate) struct Door {
    port: u16,
    /// Everything that comes and goes by it.
    _guests: JoinSet<()>,
    _broker: Broker,
}

impl Door {
    /// In front of a broker of its own, which sends its clients here.
    pub(crate) async fn open(tls: Option<&Vouched>, users: &[User]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let broker = Broker::start_behind(format!("127.0.0.1:{port}"));
        let (acceptor, users, inside) = (tls.map(|tls| tls.acceptor.clone()), users.to_vec(), broker.address());
        let mut guests = JoinSet::new();
        guests.spawn(async move {
            let mut guests = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, users, inside) = (acceptor.clone(), users.clone(), inside.clone());
                guests.spawn(async move {
                    // Who does not get through is gone; what it heard is what a test looks at.
                    let _gone = match acceptor {
                        None => let_in(stream, &users, &inside).await,
                        Some(acceptor) => match acceptor.accept(stream).await {
                            Ok(stream) => let_in(stream, &users, &inside).await,
                            Err(refused) => Err(refused),
                        },
                    };
                });
            }
        });
        Self { port, _guests: guests, _broker: broker }
    }

    /// Where it is, by the address that the broker tells as well.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

async fn let_in(mut guest: impl AsyncRead + AsyncWrite + Unpin, users: &[User], broker: &str) -> std::io::Result<()> {
    let mut inside = TcpStream::connect(broker).await?;
    if !users.is_empty() && !sasl::is_known(&mut guest, &mut inside, users).await? {
        return Ok(());
    }
    copy_bidirectional(&mut guest, &mut inside).await.map(|_| ())
}
