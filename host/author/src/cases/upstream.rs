//! The upstream of a case: answers from the record, with the faults that the case asks for, and remembers what it
//! was asked.

use super::model::{self, Fault};
use super::{base_url, load};
use anyhow::{Context, Result};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opssight_testkit::plugins::evidence::{Exchange, ExchangeAnswer};
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

/// What the plugin sent, as it arrived.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    /// With the credential that the host attached.
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether the case had an answer.
    pub(super) is_recorded: bool,
}

impl Asked {
    /// A request to a real upstream, as the record of its call has it: without the credential. None when the gate
    /// refused it, so that no upstream was asked.
    pub(super) fn of_record(exchange: &Exchange) -> Option<Self> {
        if matches!(&exchange.answer, ExchangeAnswer::Refused(refused) if refused.denial) {
            return None;
        }
        let path = Url::parse(&exchange.url).map_or_else(
            |_| exchange.url.clone(),
            |url| url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path())),
        );
        let headers = exchange.headers.iter().filter_map(|(name, value)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::from_bytes(&value.0).ok()?))
        });
        Some(Self {
            method: exchange.method.clone(),
            path,
            headers: headers.collect(),
            body: exchange.body.0.clone().into(),
            is_recorded: true,
        })
    }
}

/// An exchange with its bytes at hand.
struct Recorded {
    request: Target,
    status: StatusCode,
    headers: Vec<(String, String)>,
    body: Bytes,
    fault: Option<Fault>,
    used: bool,
}

/// A request as it is compared: the query's parts in any order.
#[derive(PartialEq, Eq)]
struct Target {
    method: String,
    path: String,
    query: Vec<(String, String)>,
}

impl Target {
    fn new(method: &str, path_and_query: &str) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let mut query: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        query.sort();
        Self { method: method.to_owned(), path: path.to_owned(), query }
    }
}

#[derive(Default)]
struct Record {
    exchanges: Vec<Recorded>,
    asked: Vec<Asked>,
}

/// A server on loopback. It ends with this value.
pub(super) struct Upstream {
    base_url: String,
    record: Arc<Mutex<Record>>,
    server: JoinHandle<()>,
}

impl Upstream {
    pub(super) async fn start(case_file: &Path, exchanges: &[model::Exchange]) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("open a port for the recorded upstream")?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let exchanges = exchanges.iter().map(|exchange| recorded(case_file, exchange, &base_url));
        let record = Record { exchanges: exchanges.collect::<Result<_>>()?, asked: Vec::new() };
        let record = Arc::new(Mutex::new(record));
        let server = tokio::spawn(serve(listener, Arc::clone(&record)));
        Ok(Self { base_url, record, server })
    }

    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// What was asked since the last time.
    pub(super) fn take_asked(&self) -> Vec<Asked> {
        std::mem::take(&mut lock(&self.record).asked)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn recorded(case_file: &Path, exchange: &model::Exchange, base_url: &str) -> Result<Recorded> {
    let (method, path) = exchange
        .request
        .split_once(' ')
        .with_context(|| format!("read the request \"{}\": write it as \"GET /path?query\"", exchange.request))?;
    let answer = &exchange.response;
    let mut headers: Vec<_> =
        answer.headers.iter().map(|(name, value)| (name.clone(), value.replace(base_url::NAME, base_url))).collect();
    let is_typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if answer.json.is_some() && !is_typed {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    let mut body: Bytes = load::bytes(case_file, answer.body())?.into();
    if let Ok(text) = std::str::from_utf8(&body)
        && text.contains(base_url::NAME)
    {
        body = text.replace(base_url::NAME, base_url).into();
    }
    Ok(Recorded {
        request: Target::new(method, path),
        status: StatusCode::from_u16(answer.status).with_context(|| format!("answer with status {}", answer.status))?,
        headers,
        body,
        fault: exchange.fault,
        used: false,
    })
}

async fn serve(listener: TcpListener, record: Arc<Mutex<Record>>) {
    // Ends when the listener does; connections end with their clients.
    while let Ok((stream, _)) = listener.accept().await {
        let record = Arc::clone(&record);
        let service = service_fn(move |request| answer(request, Arc::clone(&record)));
        tokio::spawn(async move { http1::Builder::new().serve_connection(TokioIo::new(stream), service).await });
    }
}

type Pieces = Pin<Box<dyn Stream<Item = io::Result<Frame<Bytes>>> + Send>>;

async fn answer(
    request: http::Request<Incoming>,
    record: Arc<Mutex<Record>>,
) -> io::Result<Response<StreamBody<Pieces>>> {
    let (head, body) = request.into_parts();
    let path = head.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let target = Target::new(head.method.as_str(), &path);
    let asked = Asked {
        method: head.method.to_string(),
        path,
        headers: head.headers,
        // A body that breaks off is recorded as empty; the client sees its own error.
        body: body.collect().await.map(|body| body.to_bytes()).unwrap_or_default(),
        is_recorded: false,
    };
    let (response, fault) = take(&record, &target, asked)?;
    match fault {
        Some(Fault::Silence) => std::future::pending().await,
        Some(Fault::Reset) => Err(io::Error::other("the case ends the connection here")),
        Some(Fault::Slow { every_ms, .. }) => {
            tokio::time::sleep(Duration::from_millis(every_ms)).await;
            Ok(response)
        }
        Some(Fault::Truncated { .. }) | None => Ok(response),
    }
}

/// The first exchange of this request that was not used yet; when all were, the last one again.
fn take(
    record: &Mutex<Record>,
    target: &Target,
    mut asked: Asked,
) -> io::Result<(Response<StreamBody<Pieces>>, Option<Fault>)> {
    let mut record = lock(record);
    let fits = |exchange: &&mut Recorded| exchange.request == *target;
    let fresh = record.exchanges.iter_mut().filter(fits).position(|exchange| !exchange.used);
    let mut fitting: Vec<&mut Recorded> = record.exchanges.iter_mut().filter(fits).collect();
    let place = fresh.or_else(|| fitting.len().checked_sub(1));
    let found = place.and_then(|place| fitting.get_mut(place)).map(|exchange| {
        exchange.used = true;
        (response(exchange), exchange.fault)
    });
    asked.is_recorded = found.is_some();
    let message = format!("nothing is recorded for {} {}", asked.method, asked.path);
    record.asked.push(asked);
    drop(record);
    match found {
        Some((response, fault)) => Ok((response?, fault)),
        None => {
            let pieces: Pieces = Box::pin(stream::iter([Ok(Frame::data(Bytes::from(message)))]));
            let mut response = Response::new(StreamBody::new(pieces));
            *response.status_mut() = StatusCode::NOT_IMPLEMENTED;
            Ok((response, None))
        }
    }
}

fn response(exchange: &Recorded) -> io::Result<Response<StreamBody<Pieces>>> {
    let mut response = Response::builder().status(exchange.status);
    for (name, value) in &exchange.headers {
        response = response.header(name, value);
    }
    if exchange.status != StatusCode::NO_CONTENT && exchange.status != StatusCode::NOT_MODIFIED {
        response = response.header("content-length", exchange.body.len());
    }
    response.body(StreamBody::new(pieces(exchange))).map_err(io::Error::other)
}

fn pieces(exchange: &Recorded) -> Pieces {
    let body = exchange.body.clone();
    match exchange.fault {
        Some(Fault::Truncated { after }) => {
            let first = body.slice(..after.min(body.len()));
            let broken = Err(io::Error::other("the case breaks the body off here"));
            Box::pin(stream::iter([Ok(Frame::data(first)), broken]))
        }
        Some(Fault::Slow { every_ms, bytes }) => {
            let pieces: Vec<Bytes> = body.chunks(bytes.max(1)).map(Bytes::copy_from_slice).collect();
            Box::pin(stream::iter(pieces).then(move |piece| async move {
                tokio::time::sleep(Duration::from_millis(every_ms)).await;
                Ok(Frame::data(piece))
            }))
        }
        _ if body.is_empty() => Box::pin(stream::empty()),
        _ => Box::pin(stream::iter([Ok(Frame::data(body))])),
    }
}

fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::Asked;
    use opssight_testkit::plugins::evidence::Exchange;
    use serde_json::json;

    #[test]
    fn what_the_gate_refused_was_not_asked() {
        let refused = |denial: bool| {
            json!({
                "is": "refused", "code": "a.code", "message": "Why.", "fault": "policy", "class": "config",
                "denial": denial, "guest": "http-request-denied",
            })
        };
        for (answer, is_asked) in [
            (json!({ "is": "response", "status": 200 }), true),
            (json!({ "is": "unfinished" }), true),
            (refused(false), true),
            (refused(true), false),
        ] {
            let exchange = json!({ "method": "GET", "url": "https://ci.example.com/builds?page=2", "answer": answer });
            let exchange: Exchange = serde_json::from_value(exchange).unwrap();
            let asked = Asked::of_record(&exchange).map(|asked| format!("{} {}", asked.method, asked.path));
            assert_eq!(asked, is_asked.then(|| "GET /builds?page=2".to_owned()), "{answer}");
        }
    }
}
