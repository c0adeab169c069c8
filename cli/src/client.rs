//! The API over HTTP: addresses, the token, time limits, and answers as values or problems.

pub(crate) mod server;

use crate::args::GlobalArgs;
use crate::credentials::{self, Credentials};
use crate::error::CliError;
use crate::tree::Tree;
use crate::ui::Ui;
use opssight_api_types::Problem;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderValue, IF_MATCH, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use server::Server;
use std::path::PathBuf;
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A plugin's health check or action waits for its upstream, and the host gives it up to a minute.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);
/// A server that compiles a very large plugin takes minutes.
const SLOW_REQUEST_TIMEOUT: Duration = Duration::from_secs(1_200);
/// No answer of the API is that large; more means that something else is talking.
const LARGEST_ANSWER: usize = 64 << 20;
/// How often an overloaded server is asked again, and how long we let it make us wait each time.
const RETRIES: u32 = 3;
const LONGEST_WAIT_SECS: u64 = 30;

/// An answer: what it means and how it came.
#[derive(Debug)]
pub(crate) struct Received<T> {
    pub(crate) value: T,
    pub(crate) tree: Tree,
    /// Which state of it that is, to change just that one.
    pub(crate) tag: Option<HeaderValue>,
}

/// An answer before anybody read it.
struct Answer {
    body: Vec<u8>,
    tag: Option<HeaderValue>,
}

/// What is sent.
pub(crate) enum Body {
    Json(serde_json::Value),
    /// The bytes of a plugin's package.
    Package(Vec<u8>),
}

impl Body {
    pub(crate) fn json(body: &impl Serialize) -> Result<Self, CliError> {
        serde_json::to_value(body).map(Self::Json).map_err(|e| CliError::Render(e.to_string()))
    }
}

/// What is asked, and how long for.
struct Request<'a> {
    method: Method,
    path: &'a [&'a str],
    /// The state that it is asked of, if it matters.
    seen: Option<&'a HeaderValue>,
    patience: Duration,
}

pub(crate) struct Client {
    http: reqwest::Client,
    server: Server,
    token: Option<String>,
    /// Where the token came from, for the hint when it is refused.
    token_was_given: bool,
    pub(crate) credentials: Credentials,
    pub(crate) credentials_path: PathBuf,
}

impl Client {
    pub(crate) fn new(globals: &GlobalArgs, ui: &mut Ui) -> Result<Self, CliError> {
        let credentials_path = Credentials::path(globals)?;
        let credentials = Credentials::load(&credentials_path)?;
        if credentials::is_exposed(&credentials_path) {
            let path = credentials_path.display();
            ui.warn(&format!("{path} can be read by others on this machine; run `chmod 600 {path}`"));
        }
        let server = Server::choose(globals.server.as_deref(), credentials.current.as_deref())?;
        let given = globals.token.as_deref().map(str::trim).filter(|token| !token.is_empty());
        let token = given.or_else(|| credentials.token(server.key())).map(str::to_owned);
        Ok(Self {
            http: http(&server)?,
            token_was_given: given.is_some(),
            server,
            token,
            credentials,
            credentials_path,
        })
    }

    /// Without a session, for what anybody may ask.
    pub(crate) fn nobody(server: &str) -> Result<Self, CliError> {
        let server = Server::choose(Some(server), None)?;
        Ok(Self {
            http: http(&server)?,
            token_was_given: false,
            server,
            token: None,
            credentials: Credentials::default(),
            credentials_path: PathBuf::new(),
        })
    }

    pub(crate) fn server(&self) -> &Server {
        &self.server
    }

    pub(crate) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &impl Serialize,
    ) -> Result<Received<T>, CliError> {
        let answer = self.call(Method::GET, path, query, None).await?;
        self.read(answer)
    }

    /// An answer as it came.
    pub(crate) async fn download(&self, path: &[&str]) -> Result<Vec<u8>, CliError> {
        Ok(self.call(Method::GET, path, &(), None).await?.body)
    }

    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<Received<T>, CliError> {
        let answer = self.call(Method::POST, path, &(), Some(Body::json(body)?)).await?;
        self.read(answer)
    }

    /// A post whose answer matters only to programs, and may be empty.
    pub(crate) async fn post_any(&self, path: &[&str], body: &impl Serialize) -> Result<Option<Tree>, CliError> {
        let answer = self.call(Method::POST, path, &(), Some(Body::json(body)?)).await?;
        if answer.body.is_empty() {
            return Ok(None);
        }
        self.read::<serde::de::IgnoredAny>(answer).map(|received| Some(received.tree))
    }

    /// A post that the server may take its time over.
    pub(crate) async fn post_slowly<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &impl Serialize,
        body: Body,
    ) -> Result<Received<T>, CliError> {
        let request = Request { method: Method::POST, path, seen: None, patience: SLOW_REQUEST_TIMEOUT };
        let answer = self.send(request, query, Some(body)).await?;
        self.read(answer)
    }

    /// Change something, if it still is what was seen.
    pub(crate) async fn patch<T: DeserializeOwned>(
        &self,
        path: &[&str],
        seen: Option<&HeaderValue>,
        body: &impl Serialize,
    ) -> Result<Received<T>, CliError> {
        let request = Request { method: Method::PATCH, path, seen, patience: REQUEST_TIMEOUT };
        let answer = self.send(request, &(), Some(Body::json(body)?)).await?;
        self.read(answer)
    }

    pub(crate) async fn put(&self, path: &[&str], body: &impl Serialize) -> Result<(), CliError> {
        self.call(Method::PUT, path, &(), Some(Body::json(body)?)).await.map(drop)
    }

    pub(crate) async fn delete_with(&self, path: &[&str], query: &impl Serialize) -> Result<(), CliError> {
        self.call(Method::DELETE, path, query, None).await.map(drop)
    }

    pub(crate) async fn delete(&self, path: &[&str]) -> Result<(), CliError> {
        self.call(Method::DELETE, path, &(), None).await.map(drop)
    }

    /// Begin a session: what needs no token.
    pub(crate) async fn open<T: DeserializeOwned>(&self, path: &[&str], body: &impl Serialize) -> Result<T, CliError> {
        let url = self.server.api(path, &())?;
        let request = self.http.post(url).timeout(REQUEST_TIMEOUT).header(ACCEPT, "application/json").json(body);
        let response = request.send().await.map_err(|e| self.unreachable(&e))?;
        let answer = self.judge(response, path).await?;
        Ok(self.read(answer)?.value)
    }

    /// An address outside the API, without the token, whatever its status. For health endpoints.
    pub(crate) async fn probe<T: DeserializeOwned>(&self, path: &str) -> Result<(StatusCode, T), CliError> {
        let request =
            self.http.get(self.server.root(path)?).timeout(CONNECT_TIMEOUT).header(ACCEPT, "application/json");
        let response = request.send().await.map_err(|e| self.unreachable(&e))?;
        let status = response.status();
        let answer = Answer { body: self.body(response).await?, tag: None };
        Ok((status, self.read(answer)?.value))
    }

    /// Open the live stream, after `last_event_id` if there is one.
    pub(crate) async fn live(&self, last_event_id: Option<&str>) -> Result<Response, CliError> {
        let url = self.server.api(&["live"], &())?;
        let mut request = self.http.get(url).header(ACCEPT, "text/event-stream").header(AUTHORIZATION, self.bearer()?);
        if let Some(id) = last_event_id.and_then(|id| HeaderValue::from_str(id).ok()) {
            request = request.header("last-event-id", id);
        }
        let opened = tokio::time::timeout(REQUEST_TIMEOUT, request.send()).await;
        let response = opened
            .map_err(|_| CliError::Unreachable { server: self.server.to_string(), cause: "timed out".to_owned() })?
            .map_err(|e| self.unreachable(&e))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.problem(response, &["live"]).await)
    }

    async fn call(
        &self,
        method: Method,
        path: &[&str],
        query: &impl Serialize,
        body: Option<Body>,
    ) -> Result<Answer, CliError> {
        self.send(Request { method, path, seen: None, patience: REQUEST_TIMEOUT }, query, body).await
    }

    async fn send(
        &self,
        Request { method, path, seen, patience }: Request<'_>,
        query: &impl Serialize,
        body: Option<Body>,
    ) -> Result<Answer, CliError> {
        let url = self.server.api(path, query)?;
        let bearer = self.bearer()?;
        let mut tries = 0;
        loop {
            let mut request = self
                .http
                .request(method.clone(), url.clone())
                .timeout(patience)
                .header(ACCEPT, "application/json")
                .header(AUTHORIZATION, bearer.clone());
            if let Some(seen) = seen {
                request = request.header(IF_MATCH, seen);
            }
            request = match &body {
                None => request,
                Some(Body::Json(body)) => request.json(body),
                Some(Body::Package(bytes)) => request.header(CONTENT_TYPE, "application/wasm").body(bytes.clone()),
            };
            let response = request.send().await.map_err(|e| self.unreachable(&e))?;
            match retry_after(&method, &response) {
                Some(wait) if tries < RETRIES => tokio::time::sleep(wait).await,
                _ => return self.judge(response, path).await,
            }
            tries += 1;
        }
    }

    fn bearer(&self) -> Result<HeaderValue, CliError> {
        let token = self.token.as_deref().ok_or_else(|| CliError::NotSignedIn { server: self.server.to_string() })?;
        let mut value = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| CliError::Usage("the token holds characters that no token has".to_owned()))?;
        value.set_sensitive(true);
        Ok(value)
    }

    async fn judge(&self, response: Response, path: &[&str]) -> Result<Answer, CliError> {
        if response.status().is_success() {
            let tag = response.headers().get(ETAG).cloned();
            return Ok(Answer { body: self.body(response).await?, tag });
        }
        Err(self.problem(response, path).await)
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, CliError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| self.unreachable(&e))? {
            if body.len() + chunk.len() > LARGEST_ANSWER {
                return Err(self.strange("the answer is larger than 64 MiB".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn read<T: DeserializeOwned>(&self, Answer { body, tag }: Answer) -> Result<Received<T>, CliError> {
        let value = serde_json::from_slice(&body).map_err(|e| self.strange(e.to_string()))?;
        let tree = serde_json::from_slice(&body).map_err(|e| self.strange(e.to_string()))?;
        Ok(Received { value, tree, tag })
    }

    async fn problem(&self, response: Response, path: &[&str]) -> CliError {
        let status = response.status();
        if status.is_redirection() {
            return self.strange("it redirects to another address; use that one".to_owned());
        }
        let body = match self.body(response).await {
            Ok(body) => body,
            Err(error) => return error,
        };
        let Ok(problem) = serde_json::from_slice::<Problem>(&body) else {
            return self.strange(format!("status {status} without a problem document"));
        };
        CliError::Problem { next: self.next_step(status, path), problem: Box::new(problem) }
    }

    fn next_step(&self, status: StatusCode, path: &[&str]) -> Option<String> {
        match (status, path) {
            (StatusCode::UNAUTHORIZED, ["sessions"]) => {
                Some("the secret was printed at the first start of the server; copy all of it".to_owned())
            }
            (StatusCode::UNAUTHORIZED, _) if self.token_was_given => {
                Some("the token given with --token or OPSSIGHT_TOKEN is refused; run `opssight login`".to_owned())
            }
            (StatusCode::NOT_FOUND, ["connections" | "runs" | "deliveries" | "plugins", ..]) => {
                let noun = path.first().copied().unwrap_or_default();
                Some(format!("`opssight {noun} list` shows what there is"))
            }
            (StatusCode::PRECONDITION_FAILED, ["connections", id, ..]) => Some(format!(
                "somebody changed it in between, and nothing was overwritten: \
                 look at it with `opssight connections show {id}` and run this again if it is still right"
            )),
            _ => None,
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> CliError {
        CliError::Unreachable { server: self.server.to_string(), cause: root_cause(error) }
    }

    fn strange(&self, what: String) -> CliError {
        CliError::StrangeAnswer { server: self.server.to_string(), what }
    }
}

fn http(server: &Server) -> Result<reqwest::Client, CliError> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("opssight-cli/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        // The API never redirects. Following one could carry the token, or what was typed, to another place.
        .redirect(reqwest::redirect::Policy::none());
    // A proxy cannot reach this machine's own loopback.
    let builder = if server.is_loopback() { builder.no_proxy() } else { builder };
    builder.build().map_err(|e| CliError::Setup(root_cause(&e)))
}

/// How long to wait before asking again, if that is sensible. A 429 was not carried out, whatever the method.
fn retry_after(method: &Method, response: &Response) -> Option<Duration> {
    match response.status() {
        StatusCode::TOO_MANY_REQUESTS => {}
        StatusCode::SERVICE_UNAVAILABLE if method == Method::GET => {}
        _ => return None,
    }
    let secs: u64 = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    (secs <= LONGEST_WAIT_SECS).then(|| Duration::from_secs(secs))
}

/// The innermost cause says what happened ("connection refused"); the layers above only say that something did.
fn root_cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
