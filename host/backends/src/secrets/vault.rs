//! HashiCorp Vault, or what speaks its API (OpenBao): signing in, asking, and what its refusals mean.
//!
//! `vaultrs` knows the API; the connection is ours. Its own would follow redirects with the token, and would be set by
//! whatever `VAULT_*` variables happen to be there.

mod checkup;
mod kv;
mod renewal;
mod transit;

pub use checkup::VaultCheckup;
pub use kv::VaultCredentials;
pub(crate) use transit::TransitKey;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use url::Url;
use vaultrs::client::{VaultClient, VaultClientSettings};
use vaultrs::error::ClientError;
use zeroize::{Zeroize, Zeroizing};

const CONNECT: Duration = Duration::from_secs(2);
const ANSWER: Duration = Duration::from_secs(5);
/// So long after signing in because something was denied it is not done again for that.
const AGAIN: Duration = Duration::from_secs(10);

/// A secret text, overwritten when the last clone is dropped. Prints nothing of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Arc<Zeroizing<String>>);

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }
}

impl SecretText {
    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// How this host shows Vault who it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum VaultAuth {
    /// A token.
    Token(SecretText),
    /// A file with a token, which somebody else may change (Vault's agent); read again when the token is refused.
    TokenFile(PathBuf),
    /// AppRole: signed in again when the token is refused.
    AppRole {
        /// Where it is mounted.
        mount: String,
        /// The role.
        role: String,
        /// A file with the secret id.
        secret: PathBuf,
    },
}

/// Which Vault, and as whom.
#[derive(Debug, Clone)]
pub struct VaultOptions {
    /// Its address.
    pub address: Url,
    /// As whom.
    pub auth: VaultAuth,
    /// A PEM file of authorities that are believed beside the system's own.
    pub ca: Option<PathBuf>,
    /// A namespace of Vault Enterprise.
    pub namespace: Option<String>,
}

/// Why Vault did not do it. Says nothing of tokens or secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// Nobody answers, or not in time.
    #[error("ask Vault at {at}: {why}; what is not known already has to wait until it answers")]
    Away {
        /// Where.
        at: String,
        /// Why.
        why: String,
    },
    /// It is not certain who answers there.
    #[error("speak TLS with Vault at {at}: {why}")]
    Tls {
        /// Where.
        at: String,
        /// Why.
        why: String,
    },
    /// It is sealed.
    #[error("ask Vault at {0}: it is sealed; unseal it")]
    Sealed(String),
    /// The token does not allow it, or is not believed.
    #[error(
        "ask Vault at {at} for {path}: permission denied; is the token still valid, and does its policy allow {path}?"
    )]
    Denied {
        /// Where.
        at: String,
        /// What.
        path: String,
    },
    /// There is nothing of this name.
    #[error("ask Vault at {at} for {path}: there is nothing there; is the path right, and its engine mounted?")]
    Missing {
        /// Where.
        at: String,
        /// What.
        path: String,
    },
    /// It says why not; something else it may well do.
    #[error("ask Vault at {at} for {path}: it refuses ({said})")]
    Refused {
        /// Where.
        at: String,
        /// What.
        path: String,
        /// In its words.
        said: String,
    },
    /// Something of ours cannot be used.
    #[error("use Vault at {at}: {why}")]
    Setup {
        /// Where.
        at: String,
        /// What.
        why: String,
    },
}

impl VaultError {
    /// Whether it may answer later without anybody mending anything here.
    pub(crate) fn is_away(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::Tls { .. } | Self::Sealed(_))
    }
}

/// A Vault, signed in when it is first asked.
pub struct Vault {
    options: VaultOptions,
    at: String,
    http: reqwest::Client,
    client: RwLock<Option<Arc<VaultClient>>>,
    door: tokio::sync::Mutex<Door>,
}

/// One signs in at a time.
#[derive(Default)]
struct Door {
    /// The last time that it was done because something was denied.
    denied_at: Option<Instant>,
    /// The last time, if it failed.
    failed: Option<(Instant, VaultError)>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Vault {
    /// Nothing is asked yet.
    pub fn new(options: VaultOptions) -> Result<Arc<Self>, VaultError> {
        let host = options.address.host_str().unwrap_or_default();
        let at = format!("{host}:{}", options.address.port_or_known_default().unwrap_or_default());
        let setup = |why: String| VaultError::Setup { at: at.clone(), why };
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(ANSWER);
        if let Some(path) = &options.ca {
            let shown = path.display();
            let pem = std::fs::read(path).map_err(|error| setup(format!("read {shown}: {error}")))?;
            let known = reqwest::Certificate::from_pem_bundle(&pem).ok().filter(|known| !known.is_empty());
            let known = known.ok_or_else(|| setup(format!("{shown} holds no PEM certificate")))?;
            builder = builder.tls_certs_merge(known);
        }
        let http = builder.build().map_err(|error| setup(format!("its TLS cannot be set up ({error})")))?;
        Ok(Arc::new(Self { options, at, http, client: RwLock::new(None), door: tokio::sync::Mutex::default() }))
    }

    /// Where it is.
    pub(crate) fn at(&self) -> &str {
        &self.at
    }

    /// Part of the ids of its keys.
    pub(crate) fn namespace(&self) -> &str {
        self.options.namespace.as_deref().unwrap_or_default()
    }

    /// Ask something; when the token is refused, once more with a new one. `path` is for errors.
    async fn ask<T, F, Asked>(&self, path: &str, ask: F) -> Result<T, VaultError>
    where
        F: Fn(Arc<VaultClient>) -> Asked + Send + Sync,
        Asked: Future<Output = Result<T, ClientError>> + Send,
        T: Send,
    {
        let client = match self.signed_in() {
            Some(client) => client,
            None => self.sign_in_after(None).await?,
        };
        let denied = match ask(Arc::clone(&client)).await.map_err(|error| self.meaning(path, &error)) {
            Err(denied @ VaultError::Denied { .. }) => denied,
            answer => return answer,
        };
        let fresh = match self.sign_in_after(Some(&client)).await {
            // It was the token of now that was refused.
            Ok(fresh) if fresh.settings.token == client.settings.token => return Err(denied),
            fresh => fresh?,
        };
        ask(fresh).await.map_err(|error| self.meaning(path, &error))
    }

    fn signed_in(&self) -> Option<Arc<VaultClient>> {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sign in where nobody is signed in, or where this one was denied something, which may be the token's end and may
    /// be the policy's word. Of those who need it at once one does it; and a stranger who sends deliveries that lead to
    /// something that is denied does not make this host sign in at every one.
    async fn sign_in_after(&self, denied: Option<&Arc<VaultClient>>) -> Result<Arc<VaultClient>, VaultError> {
        let asked = Instant::now();
        let mut door = self.door.lock().await;
        if let Some(now) = self.signed_in()
            && denied.is_none_or(|denied| !Arc::ptr_eq(denied, &now))
        {
            return Ok(now);
        }
        match &door.failed {
            // Somebody else tried while this one waited.
            Some((at, error)) if asked < *at => return Err(error.clone()),
            _ => {}
        }
        if let Some(denied) = denied
            && matches!(self.options.auth, VaultAuth::AppRole { .. })
        {
            if door.denied_at.is_some_and(|at| at.elapsed() < AGAIN) {
                return Ok(Arc::clone(denied));
            }
            door.denied_at = Some(Instant::now());
        }
        let signed_in = self.sign_in().await;
        door.failed = signed_in.as_ref().err().map(|error| (Instant::now(), error.clone()));
        signed_in
    }

    async fn sign_in(&self) -> Result<Arc<VaultClient>, VaultError> {
        let token = match &self.options.auth {
            VaultAuth::Token(token) => Zeroizing::new(token.expose().trim().to_owned()),
            VaultAuth::TokenFile(path) => self.read_secret(path)?,
            VaultAuth::AppRole { mount, role, secret } => {
                let secret = self.read_secret(secret)?;
                let nobody = self.client_with("")?;
                let login = vaultrs::auth::approle::login(&nobody, mount, role, &secret).await;
                let path = format!("auth/{mount}/login");
                Zeroizing::new(login.map_err(|error| self.meaning(&path, &error))?.client_token)
            }
        };
        let client = Arc::new(self.client_with(&token)?);
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&client));
        Ok(client)
    }

    fn read_secret(&self, path: &Path) -> Result<Zeroizing<String>, VaultError> {
        let mut text =
            std::fs::read_to_string(path).map_err(|error| self.setup(format!("read {}: {error}", path.display())))?;
        let trimmed = Zeroizing::new(text.trim().to_owned());
        text.zeroize();
        Ok(trimmed)
    }

    fn client_with(&self, token: &str) -> Result<VaultClient, VaultError> {
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(self.setup("its token has blanks or control characters in it".to_owned()));
        }
        // Every setting is said, so that none comes from the environment.
        let settings = VaultClientSettings {
            address: self.options.address.clone(),
            ca_certs: Vec::new(),
            identity: None,
            timeout: Some(ANSWER),
            token: token.to_owned(),
            verify: true,
            version: 1,
            wrapping: false,
            namespace: self.options.namespace.clone(),
            proxy: None,
        };
        let client = VaultClient::new(settings);
        let mut client = client.map_err(|_| self.setup("its client cannot be set up".to_owned()))?;
        client.http.http = self.http.clone();
        Ok(client)
    }

    fn setup(&self, why: String) -> VaultError {
        VaultError::Setup { at: self.at.clone(), why }
    }

    /// Why there is no answer. The error's own text may hold the address; its last cause says what happened.
    fn silence(&self, error: &reqwest::Error) -> VaultError {
        let at = self.at.clone();
        let mut cause: &dyn std::error::Error = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        let cause = cause.to_string();
        if error.is_timeout() {
            VaultError::Away { at, why: "it does not answer in time".to_owned() }
        } else if cause.contains("certificate") {
            let why = format!("its certificate is not believed; secrets.vault.ca_file names its authority ({cause})");
            VaultError::Tls { at, why }
        } else if cause.contains("InvalidContentType") {
            VaultError::Tls { at, why: "it does not speak TLS there; see its address".to_owned() }
        } else if error.is_connect() {
            VaultError::Away { at, why: "nobody answers there".to_owned() }
        } else {
            VaultError::Away { at, why: format!("nobody answers there{}", self.hint_of_tls()) }
        }
    }

    /// Plain HTTP may be what it does not understand: it hangs up, or says something that the library keeps to itself.
    fn hint_of_tls(&self) -> &'static str {
        if self.options.address.scheme() == "http" { HINT_OF_TLS } else { "" }
    }

    /// What a failure means. The library's own words may quote answers, and stay out.
    fn meaning(&self, path: &str, error: &ClientError) -> VaultError {
        use rustify_errors::Told;
        let at = self.at.clone();
        match rustify_errors::told(error) {
            Told::Status(403, _) => VaultError::Denied { at, path: path.to_owned() },
            Told::Status(404, _) => VaultError::Missing { at, path: path.to_owned() },
            Told::Status(503, said) if said.contains("sealed") => VaultError::Sealed(at),
            Told::Status(code @ (429 | 500..=599), _) => {
                VaultError::Away { at, why: format!("it answers HTTP {code}") }
            }
            Told::Status(code @ 300..=399, _) => VaultError::Setup {
                at,
                why: format!("it answers HTTP {code} and sends us elsewhere; name the address that answers itself"),
            },
            Told::Status(code, said) => {
                VaultError::Refused { at, path: path.to_owned(), said: format!("HTTP {code} {said}") }
            }
            Told::Silence(error) => self.silence(error),
            Told::Nonsense => {
                let hint = self.hint_of_tls();
                VaultError::Setup { at, why: format!("what it answers for {path} is not what Vault answers{hint}") }
            }
        }
    }
}

/// The library's errors, reduced to what can be told.
mod rustify_errors {
    use vaultrs::error::ClientError;

    pub(super) enum Told<'e> {
        Status(u16, String),
        Silence(&'e reqwest::Error),
        Nonsense,
    }

    pub(super) fn told(error: &ClientError) -> Told<'_> {
        match error {
            ClientError::APIError { code, errors } => {
                let said: String = errors.join("; ").chars().filter(|c| !c.is_control()).take(200).collect();
                Told::Status(*code, said)
            }
            ClientError::RestClientError { source } => transport(source),
            _ => Told::Nonsense,
        }
    }

    /// Of the library below, which cannot be named from here.
    fn transport<'e>(error: &'e (dyn std::error::Error + 'static)) -> Told<'e> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<reqwest::Error>() {
                return Told::Silence(error);
            }
            cause = error.source();
        }
        Told::Nonsense
    }
}

const HINT_OF_TLS: &str =
    "; if it speaks TLS there, write https:// in secrets.vault.address, and vault:// in secrets.key";

fn encoded(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(bytes))
}
