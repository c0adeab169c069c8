//! Requests to a registry: signed in to when it asks, never longer than our patience, never more bytes than expected.

use super::challenge::{self, Challenge};
use crate::credentials::Login;
use crate::place::Place;
use bytes::Bytes;
use opssight_core::fact::clean;
use opssight_core::plugins::catalogue::CatalogueError;
use reqwest::header::{ACCEPT, CONTENT_TYPE, WWW_AUTHENTICATE};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// A whole request may take so many times our patience: packages are large and lines are slow.
const WHOLE: u32 = 10;
/// Answers that are not packages.
const MAX_ANSWER: u64 = 4 << 20;
const REDIRECTS: usize = 5;

#[derive(Debug, Clone)]
pub(super) struct Http {
    client: reqwest::Client,
    place: Place,
    base: Url,
    login: Option<Login>,
    patience: Duration,
    /// Tokens by scope.
    tokens: Arc<Mutex<HashMap<String, String>>>,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) doing: &'static str,
    pub(super) method: Method,
    pub(super) url: Url,
    /// "repository:a/b:pull,push"
    pub(super) scope: String,
    /// Media type of the body and the body.
    pub(super) body: Option<(&'static str, Bytes)>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

impl Http {
    pub(super) fn open(
        place: &Place,
        host: &str,
        plain: bool,
        login: Option<Login>,
        patience: Duration,
    ) -> Result<Self, CatalogueError> {
        let strange = |why: String| CatalogueError::Strange { place: place.to_string(), why };
        let scheme = if plain { "http" } else { "https" };
        let base = Url::parse(&format!("{scheme}://{host}/")).map_err(|error| strange(error.to_string()))?;
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("opssight/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(patience)
            .read_timeout(patience)
            .redirect(redirects());
        if plain {
            // What is on this machine or on the next one is not behind a proxy.
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| strange(describe(&error)))?;
        Ok(Self { client, place: place.clone(), base, login, patience, tokens: Arc::default() })
    }

    /// An address of the registry.
    pub(super) fn url(&self, path: &str) -> Result<Url, CatalogueError> {
        self.base.join(path).map_err(|error| self.strange(format!("its address makes no sense: {error}")))
    }

    /// An address that the registry named. Only the registry itself is asked with our credentials.
    pub(super) fn named(&self, url: &str) -> Result<Url, CatalogueError> {
        let url = self.url(url)?;
        if url.origin() == self.base.origin() {
            return Ok(url);
        }
        Err(self.strange(format!("it sends us to another host: {}", url.origin().ascii_serialization())))
    }

    /// Ask, sign in if that is asked for, and ask again. Any answer but 401 and 403 is the caller's.
    pub(super) async fn send(&self, ask: &Ask) -> Result<Response, CatalogueError> {
        let known = self.tokens.lock().await.get(&ask.scope).cloned();
        let first =
            known.map(Login::Token).or_else(|| self.login.clone().filter(|login| matches!(login, Login::Token(_))));
        let response = self.try_once(ask, first.as_ref()).await?;
        let response = match response.status() {
            StatusCode::UNAUTHORIZED => {
                let login = self.sign_in(ask, &response).await?;
                self.try_once(ask, Some(&login)).await?
            }
            _ => response,
        };
        match response.status() {
            StatusCode::UNAUTHORIZED => Err(self.unauthorised(ask, "it does not take these credentials")),
            StatusCode::FORBIDDEN => Err(self.unauthorised(ask, "these credentials may not do this")),
            _ => Ok(response),
        }
    }

    /// The body of an answer that is not a package.
    pub(super) async fn answer(&self, what: &str, response: Response) -> Result<Vec<u8>, CatalogueError> {
        self.body(what, response, MAX_ANSWER).await
    }

    /// The body, if it is not larger than `limit`.
    pub(super) async fn body(&self, what: &str, mut response: Response, limit: u64) -> Result<Vec<u8>, CatalogueError> {
        let too_large = || CatalogueError::TooLarge { what: what.to_owned(), place: self.place.to_string(), limit };
        // Said at once by who is honest; counted for who is not.
        if response.content_length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() as u64 + chunk.len() as u64 > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// An answer that nobody expected, in the registry's own words as far as they are few.
    pub(super) async fn unexpected(&self, doing: &str, response: Response) -> CatalogueError {
        const WORDS: u64 = 64 << 10;
        let status = response.status();
        let text = self.body("its answer", response, WORDS).await.unwrap_or_default();
        let said = serde_json::from_slice::<serde_json::Value>(&text).ok().and_then(|answer| {
            let error = answer.pointer("/errors/0")?;
            let part = |name: &str| error.get(name).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
            Some(format!(": {} {}", part("code"), part("message")))
        });
        self.strange(format!("it answered {status} when we wanted to {doing}{}", clean(&said.unwrap_or_default())))
    }

    pub(super) fn strange(&self, why: String) -> CatalogueError {
        CatalogueError::Strange { place: self.place.to_string(), why }
    }

    async fn try_once(&self, ask: &Ask, login: Option<&Login>) -> Result<Response, CatalogueError> {
        let mut request = self.client.request(ask.method.clone(), ask.url.clone()).timeout(self.patience * WHOLE);
        request = match login {
            Some(Login::Basic { username, password }) => request.basic_auth(username, Some(password)),
            Some(Login::Token(token)) => request.bearer_auth(token),
            None => request,
        };
        request = match &ask.body {
            Some((media_type, body)) => request.header(CONTENT_TYPE, *media_type).body(body.clone()),
            None => request.header(ACCEPT, format!("{}, application/octet-stream, */*;q=0.1", super::layout::MANIFEST)),
        };
        request.send().await.map_err(|error| self.unreachable(&error))
    }

    async fn sign_in(&self, ask: &Ask, refused: &Response) -> Result<Login, CatalogueError> {
        let headers = refused.headers().get_all(WWW_AUTHENTICATE);
        let challenge = challenge::parse(headers.iter().filter_map(|header| header.to_str().ok()));
        match (challenge, &self.login) {
            (Some(Challenge::Basic), Some(login @ Login::Basic { .. })) => Ok(login.clone()),
            (Some(Challenge::Bearer { realm, service, scope }), login) => {
                let scope = scope.unwrap_or_else(|| ask.scope.clone());
                let token = self.token(ask, &realm, service.as_deref(), &scope, login.as_ref()).await?;
                self.tokens.lock().await.insert(ask.scope.clone(), token.clone());
                Ok(Login::Token(token))
            }
            (Some(Challenge::Basic), _) => Err(self.unauthorised(
                ask,
                "it wants to know who asks: give --username and --password-stdin, or sign in with `docker login`",
            )),
            (None, _) => Err(self.unauthorised(ask, "it wants to know who asks in a way that we do not know")),
        }
    }

    /// A token for a scope, from where the registry says that there are some.
    async fn token(
        &self,
        ask: &Ask,
        realm: &str,
        service: Option<&str>,
        scope: &str,
        login: Option<&Login>,
    ) -> Result<String, CatalogueError> {
        let mut url = self.url(realm)?;
        // The password goes there: never in clear, unless the place itself is in clear.
        if url.scheme() != "https" && self.base.scheme() == "https" {
            return Err(self.strange("it wants our password sent in clear".to_owned()));
        }
        url.query_pairs_mut().extend_pairs(service.map(|service| ("service", service))).append_pair("scope", scope);
        let mut request = self.client.get(url).timeout(self.patience * WHOLE);
        if let Some(Login::Basic { username, password }) = login {
            request = request.basic_auth(username, Some(password));
        }
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let why =
                    if login.is_some() { "it does not take these credentials" } else { "it wants to know who asks" };
                return Err(self.unauthorised(ask, why));
            }
            _ => return Err(self.unexpected("get a token", response).await),
        }
        let answer = self.answer("a token", response).await?;
        // The parser's own words could repeat a token.
        let answer: TokenAnswer =
            serde_json::from_slice(&answer).map_err(|_| self.strange("its token is not readable".to_owned()))?;
        let token = if answer.token.is_empty() { answer.access_token } else { answer.token };
        if token.is_empty() { Err(self.strange("it gave an empty token".to_owned())) } else { Ok(token) }
    }

    fn unauthorised(&self, ask: &Ask, why: &str) -> CatalogueError {
        CatalogueError::Unauthorised { doing: ask.doing, place: self.place.to_string(), why: why.to_owned() }
    }

    fn unreachable(&self, error: &reqwest::Error) -> CatalogueError {
        let why = if error.is_timeout() {
            format!("it was silent for {} s", self.patience.as_secs_f32())
        } else {
            clean(&describe(error))
        };
        CatalogueError::Unreachable { place: self.place.to_string(), why }
    }
}

/// Registries hand out packages from other hosts, and tokens are left behind on the way there; but nothing that began
/// encrypted goes on in clear.
fn redirects() -> reqwest::redirect::Policy {
    reqwest::redirect::Policy::custom(|attempt| {
        let was_encrypted = attempt.previous().iter().any(|url| url.scheme() == "https");
        if attempt.previous().len() > REDIRECTS {
            attempt.error("it sends us from one address to the next")
        } else if was_encrypted && attempt.url().scheme() != "https" {
            attempt.error("it sends us on in clear")
        } else {
            attempt.follow()
        }
    })
}

/// What happened, to the bottom, without the address.
fn describe(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        parts.push(error.to_string());
        source = error.source();
    }
    parts.dedup();
    if parts.is_empty() { "the request failed".to_owned() } else { parts.join(": ") }
}
