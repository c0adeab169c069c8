//! What remote stores have in common: one client, patience, answers of a bounded size, and errors that name the store
//! without what proves who asks.

use opssight_core::metrics::{Answer, MOST_SERIES, MetricsError};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);
/// Largest answer, bytes.
const MOST: usize = 64 << 20;
/// Of an error's text, bytes.
const WORDS: usize = 2 << 10;

/// Why an address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RemoteUrlError(pub(super) String);

/// How it is proved who asks.
enum Proof {
    None,
    Basic(String, String),
    /// The whole header: "Bearer x", "Token x".
    Header(String),
}

/// A remote store.
pub(super) struct Remote {
    client: Client,
    base: Url,
    proof: Proof,
    /// The address without what proves who asks.
    pub(super) place: String,
}

impl Remote {
    /// At an `http` or `https` address; what it says of user and password becomes the proof.
    pub(super) fn new(url: &Url) -> Result<Self, RemoteUrlError> {
        let refuse = |why: &str| Err(RemoteUrlError(why.to_owned()));
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return refuse(
                "must be http:// or https:// for a Prometheus-compatible store, influxdb:// or influxdb+http:// for \
                 InfluxDB 2",
            );
        }
        if url.query().is_some() || url.fragment().is_some() {
            return refuse(
                "must end with its path: what stands after a `?` or `#` would not be sent. What proves who asks stands \
                 before the `@`: https://user:password@host, or https://:token@host for a bearer token",
            );
        }
        let decode = |text: &str| percent_decoded(text);
        let proof = match (url.username(), url.password()) {
            ("", None) => Proof::None,
            ("", Some(token)) => Proof::Header(format!("Bearer {}", decode(token))),
            (user, password) => Proof::Basic(decode(user), decode(password.unwrap_or_default())),
        };
        let mut base = url.clone();
        // An address that has a host takes both.
        let _gone = base.set_password(None);
        let _gone = base.set_username("");
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let client = Client::builder()
            .user_agent(concat!("opssight/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(PATIENCE)
            // What proves who asks goes to the store that was named, and to no other.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| RemoteUrlError(format!("cannot be used: {error}")))?;
        let place = base.as_str().trim_end_matches('/').to_owned();
        Ok(Self { client, base, proof, place })
    }

    /// With this header as the proof, whatever the address says.
    pub(super) fn with_proof(mut self, header: String) -> Self {
        self.proof = Proof::Header(header);
        self
    }

    /// A POST to a path below the address.
    pub(super) fn post(&self, path: &str, media_type: &str) -> Result<RequestBuilder, MetricsError> {
        Ok(self.request(Method::POST, path)?.header(CONTENT_TYPE, media_type))
    }

    /// A GET of a path below the address.
    pub(super) fn get(&self, path: &str) -> Result<RequestBuilder, MetricsError> {
        self.request(Method::GET, path)
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, MetricsError> {
        let url = self.base.join(path).map_err(|error| self.unavailable("ask", error.to_string()))?;
        let request = self.client.request(method, url);
        Ok(match &self.proof {
            Proof::None => request,
            Proof::Basic(user, password) => request.basic_auth(user, Some(password)),
            Proof::Header(header) => request.header(AUTHORIZATION, header),
        })
    }

    /// Write; what is refused for good is told apart from what may pass.
    pub(super) async fn write(&self, request: RequestBuilder) -> Result<(), MetricsError> {
        const DOING: &str = "keep the points";
        let response = request.send().await.map_err(|error| self.unreachable(DOING, &error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let said = format!("{}{status}: {}", meaning(status), self.words(response).await);
        if may_pass(status) {
            return Err(self.unavailable(DOING, said));
        }
        Err(MetricsError::Refused { place: self.place.clone(), said })
    }

    /// Ask; the answer and its status, which may say that the question was wrong.
    pub(super) async fn ask(&self, request: RequestBuilder) -> Result<(StatusCode, Vec<u8>), MetricsError> {
        const DOING: &str = "answer the query";
        let mut response = request.send().await.map_err(|error| self.unreachable(DOING, &error))?;
        let status = response.status();
        if may_pass(status) {
            let said = format!("{}{status}: {}", meaning(status), self.words(response).await);
            return Err(self.unavailable(DOING, said));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(DOING, &error))? {
            if body.len() + chunk.len() > MOST {
                return Err(MetricsError::TooLarge(format!("the answer has more than {} MiB", MOST >> 20)));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }

    async fn words(&self, mut response: Response) -> String {
        let mut words = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            words.extend_from_slice(&chunk);
            if words.len() >= WORDS {
                words.truncate(WORDS);
                break;
            }
        }
        opssight_core::fact::clean(&String::from_utf8_lossy(&words))
    }

    fn unreachable(&self, doing: &'static str, error: &reqwest::Error) -> MetricsError {
        // The error's own text may hold the address; its cause says what happened.
        let mut cause: &dyn std::error::Error = error;
        while let Some(next) = cause.source() {
            cause = next;
        }
        let cause = cause.to_string();
        let problem = if error.is_timeout() {
            "it takes too long to answer".to_owned()
        } else if cause.contains("certificate") {
            format!("its certificate is not believed by this machine ({cause})")
        } else if error.is_connect() {
            format!("nobody answers there; is it running, and does metrics.url have the right host and port? ({cause})")
        } else {
            cause
        };
        self.unavailable(doing, problem)
    }

    pub(super) fn unavailable(&self, doing: &'static str, problem: String) -> MetricsError {
        MetricsError::Unavailable { doing, place: self.place.clone(), problem }
    }
}

/// An answer of no more series than anybody reads.
pub(super) fn bounded(answer: Answer) -> Result<Answer, MetricsError> {
    if answer.len() > MOST_SERIES {
        let problem = format!("it has more than {MOST_SERIES} series: select less, or group");
        return Err(MetricsError::TooLarge(problem));
    }
    Ok(answer)
}

/// What an operator can do about it, before what the store says itself.
fn meaning(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            "it does not let us in; correct what stands before the `@` in metrics.url; "
        }
        StatusCode::NOT_FOUND => "there is nothing there that takes this; see the end of metrics.url; ",
        _ => "",
    }
}

/// The store will answer otherwise one day. That it does not know us is the operator's to mend, and loses no point.
fn may_pass(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::REQUEST_TIMEOUT
                | StatusCode::UNAUTHORIZED
                | StatusCode::FORBIDDEN
                | StatusCode::NOT_FOUND
        )
        || status.is_redirection()
}

pub(super) fn percent_decoded(text: &str) -> String {
    // A form's pair decodes the same, except that it takes a plus sign for a blank.
    let pair = format!("={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned()).unwrap_or_default()
}
