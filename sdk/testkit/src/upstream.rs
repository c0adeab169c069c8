//! An upstream that answers from a record, or as a closure says, and remembers what it was asked.

use crate::fault::{Manner, Paced};
use anyhow::Result;
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What the plugin sent, as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// "GET".
    pub method: String,
    /// Path with query, as on the wire.
    pub path: String,
    /// With the credential that the host attached.
    pub headers: HeaderMap,
    /// Complete.
    pub body: Bytes,
}

/// What the upstream answers. `{base_url}` in header values and in the body becomes the upstream's address.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// Complete.
    pub body: Bytes,
    pub(crate) manner: Manner,
}

impl Response {
    /// A response of these parts.
    pub fn new(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { status, headers, body: body.into(), manner: Manner::Whole }
    }

    fn at(mut self, base_url: &str) -> Self {
        for (_, value) in &mut self.headers {
            *value = value.replace("{base_url}", base_url);
        }
        if let Ok(text) = std::str::from_utf8(&self.body)
            && text.contains("{base_url}")
        {
            self.body = text.replace("{base_url}", base_url).into();
        }
        self
    }
}

type Handler = Box<dyn Fn(&Request) -> Response + Send + Sync>;

/// One recorded exchange.
struct Exchange {
    method: String,
    path: String,
    response: Response,
    used: bool,
}

#[derive(Default)]
struct Record {
    exchanges: Vec<Exchange>,
    handler: Option<Handler>,
    requests: Vec<Request>,
}

impl Record {
    /// The first exchange of this method and path that was not used yet; when all were, the last one again.
    fn answer(&mut self, request: &Request) -> Response {
        let fits = |exchange: &&mut Exchange| exchange.method == request.method && exchange.path == request.path;
        let fresh = self.exchanges.iter_mut().filter(fits).find(|exchange| !exchange.used);
        if let Some(exchange) = fresh {
            exchange.used = true;
            return exchange.response.clone();
        }
        if let Some(exchange) = self.exchanges.iter_mut().rfind(fits) {
            return exchange.response.clone();
        }
        match &self.handler {
            Some(handler) => handler(request),
            None => {
                let message = format!("nothing is recorded for {} {}", request.method, request.path);
                Response::new(501, &[("content-type", "text/plain")], message)
            }
        }
    }
}

/// A server on loopback. It ends with this value.
pub(crate) struct Upstream {
    address: SocketAddr,
    record: Arc<Mutex<Record>>,
    server: JoinHandle<()>,
}

impl Upstream {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let record = Arc::new(Mutex::new(Record::default()));
        let server = tokio::spawn(serve(listener, format!("http://{address}"), Arc::clone(&record)));
        Ok(Self { address, record, server })
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn exchange(&self, method: &str, path: &str, response: Response) {
        let exchange = Exchange { method: method.to_owned(), path: path.to_owned(), response, used: false };
        lock(&self.record).exchanges.push(exchange);
    }

    pub(crate) fn handler(&self, handler: Handler) {
        lock(&self.record).handler = Some(handler);
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.record).requests.clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, base_url: String, record: Arc<Mutex<Record>>) {
    let base_url: Arc<str> = base_url.into();
    // Ends when the listener does; connections end with their clients.
    while let Ok((stream, _)) = listener.accept().await {
        let (base_url, record) = (Arc::clone(&base_url), Arc::clone(&record));
        let service = service_fn(move |request| answer(request, Arc::clone(&base_url), Arc::clone(&record)));
        tokio::spawn(async move { http1::Builder::new().serve_connection(TokioIo::new(stream), service).await });
    }
}

async fn answer(
    request: http::Request<Incoming>,
    base_url: Arc<str>,
    record: Arc<Mutex<Record>>,
) -> Result<http::Response<Paced>, Infallible> {
    let (head, body) = request.into_parts();
    let request = Request {
        method: head.method.to_string(),
        path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: head.headers,
        // A body that breaks off is recorded as empty; the client sees its own error.
        body: body.collect().await.map(|body| body.to_bytes()).unwrap_or_default(),
    };
    let response = {
        let mut record = lock(&record);
        record.requests.push(request.clone());
        record.answer(&request).at(&base_url)
    };
    if response.manner == Manner::Never {
        // The connection stays open until the client gives up.
        std::future::pending::<()>().await;
    }
    let mut answer = http::Response::builder().status(response.status);
    for (name, value) in &response.headers {
        answer = answer.header(name, value);
    }
    // What cannot be sent was written wrongly in the test; the plugin's test fails on the status.
    let refused = |error: http::Error| {
        let problem = Bytes::from(format!("the recorded response is not HTTP: {error}"));
        let mut refused = http::Response::new(Paced::new(problem, Manner::Whole));
        *refused.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        refused
    };
    Ok(answer.body(Paced::new(response.body, response.manner)).unwrap_or_else(refused))
}

fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}
