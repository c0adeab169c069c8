//! The HTTP client of one connection: it dials only addresses that were looked at, follows nothing, keeps nothing.

use super::decode::Decoder;
use super::network::{AddressDenied, Networks, Reachable};
use super::refusal::Refusal;
use super::resolve::{GateResolver, NameError, Resolver};
use super::{Account, Outgoing};
use crate::config::UpstreamConfig;
use crate::context::CallContext;
use crate::text;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use reqwest::{Certificate, Client};
use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use url::{Host, Url};

/// More headers than this has no honest answer.
const MAX_HEADERS: usize = 128;
/// Nor more bytes in all of them.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// A body may come in so many pieces, however small: some flush each line of a log.
const MAX_PIECES: usize = 4_000;
/// And in more of them when they have so many bytes on average. Taking a piece costs the host more than a byte of it.
const PIECE_BYTES: usize = 16;

/// How long to wait within one request; the call's wall time limits all of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// For status and headers.
    pub(crate) head: Duration,
    /// For each further piece of the body.
    pub(crate) between: Duration,
    /// From start to end.
    pub(crate) total: Duration,
}

impl Timeouts {
    pub(crate) fn of(config: &UpstreamConfig) -> Self {
        Self { head: config.head, between: config.between, total: config.total }
    }
}

/// The certificates of a PEM file. They are only looked at when a client is made, so one is made.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, reqwest::Error> {
    let certificates = Certificate::from_pem_bundle(pem)?;
    Client::builder().tls_certs_merge(certificates.clone()).build()?;
    Ok(certificates)
}

/// Two clients, because plain http may go only where it was granted. Made when the first request is.
pub(super) struct Clients {
    resolver: Arc<dyn Resolver>,
    networks: Arc<Networks>,
    roots: Arc<[Certificate]>,
    connect: Duration,
    secure: OnceLock<Option<Client>>,
    plain: OnceLock<Option<Client>>,
}

impl Clients {
    pub(super) fn new(call: &CallContext, networks: Arc<Networks>) -> Self {
        let services = &call.services;
        let (resolver, roots) = (Arc::clone(&services.resolver), Arc::clone(&services.roots));
        Self {
            resolver,
            networks,
            roots,
            connect: services.upstream.connect,
            secure: OnceLock::new(),
            plain: OnceLock::new(),
        }
    }

    fn of(&self, url: &Url) -> Option<&Client> {
        let (cell, reachable) = match url.scheme() {
            "https" => (&self.secure, Reachable::PublicOrGranted),
            _ => (&self.plain, Reachable::Granted),
        };
        cell.get_or_init(|| self.build(reachable)).as_ref()
    }

    fn build(&self, reachable: Reachable) -> Option<Client> {
        let resolver =
            GateResolver { resolver: Arc::clone(&self.resolver), networks: Arc::clone(&self.networks), reachable };
        let client = Client::builder()
            .dns_resolver(Arc::new(resolver))
            .https_only(reachable == Reachable::PublicOrGranted)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // From the name to the end of the TLS handshake.
            .connect_timeout(self.connect)
            .tls_certs_merge(self.roots.iter().cloned())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(4)
            .user_agent(concat!("opssight/", env!("CARGO_PKG_VERSION")))
            .build();
        client.inspect_err(|error| tracing::error!(error = %error, "cannot make an HTTP client")).ok()
    }
}

/// The scheme and, for literal addresses, the address; names are judged when they are dialled.
pub(crate) fn vet_address(account: &Account, url: &Url) -> Result<(), Refusal> {
    let not_allowed = |why: &str| Refusal::NotAllowed { url: printable(url), why: why.to_owned() };
    if url.scheme() == "http" && !account.grants.insecure_http {
        return Err(not_allowed("plain http was not granted to the connection"));
    }
    let literal: IpAddr = match url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        Some(Host::Domain(name)) if is_name(name) => return Ok(()),
        Some(Host::Domain(_)) => return Err(not_allowed("its host is neither a name nor an address")),
        None => return Err(not_allowed("it has no host")),
    };
    let denied = |denied: AddressDenied| refused_address(url, &denied);
    account.networks.judge(literal, Reachable::Granted).map_err(denied)
}

/// As names of hosts are written (RFC 1035, and the underscore that some are found with). Whatever else passes for one
/// in a URL is read differently further on.
fn is_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// What the guest says about the connection and not about its request, and what only the host decides. The body is
/// whole, so that its length is known better here.
pub(super) fn prepare(headers: &mut HeaderMap) {
    drop_connection_headers(headers);
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::EXPECT);
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
}

/// Send one vetted request and take the whole answer.
pub(crate) async fn exchange(
    call: &CallContext,
    account: &Account,
    url: &Url,
    outgoing: Outgoing,
    timeouts: Timeouts,
) -> Result<Response<Bytes>, Refusal> {
    let client = account.clients.of(url).ok_or(Refusal::Host("the host cannot make an HTTP client"))?;
    let mut headers = outgoing.headers;
    prepare(&mut headers);
    let request = client.request(outgoing.method, url.clone()).headers(headers).body(outgoing.body);
    let whole = timeouts.total.min(call.meter.remaining());
    let ends = Instant::now() + whole;
    let patience = timeouts.head.min(whole);
    let mut response = match tokio::time::timeout(patience, request.send()).await {
        Err(_) => return Err(Refusal::Timeout("the answer")),
        Ok(Err(error)) => return Err(failed(url, &error)),
        Ok(Ok(response)) => response,
    };
    let mut answer = Response::new(Bytes::new());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    vet_headers(answer.headers())?;
    drop_connection_headers(answer.headers_mut());
    answer.headers_mut().remove(header::SET_COOKIE);
    let decoder = Decoder::new(answer.headers_mut(), call.budget.response_bytes)?;
    *answer.body_mut() = take_body(url, response, decoder, timeouts.between, ends).await?;
    Ok(answer)
}

fn vet_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum::<usize>();
    if headers.len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        return Err(Refusal::Broken("the answer has more headers than anybody needs".to_owned()));
    }
    Ok(())
}

async fn take_body(
    url: &Url,
    mut response: reqwest::Response,
    mut decoder: Decoder,
    between: Duration,
    ends: Instant,
) -> Result<Bytes, Refusal> {
    let (mut pieces, mut bytes) = (0_usize, 0_usize);
    loop {
        let patience = between.min(ends.saturating_duration_since(Instant::now()));
        match tokio::time::timeout(patience, response.chunk()).await {
            Err(_) => return Err(Refusal::Timeout("the rest of the answer")),
            Ok(Err(error)) => return Err(failed(url, &error)),
            Ok(Ok(None)) => return decoder.finish(),
            Ok(Ok(Some(chunk))) => {
                (pieces, bytes) = (pieces + 1, bytes.saturating_add(chunk.len()));
                if pieces > MAX_PIECES + bytes / PIECE_BYTES {
                    return Err(Refusal::Broken("the answer comes in crumbs".to_owned()));
                }
                decoder.take(&chunk)?;
            }
        }
    }
}

/// What belongs to one connection and not to the message (RFC 9110, 7.6.1), and what only the host decides.
fn drop_connection_headers(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    let ours = [
        header::CONNECTION,
        header::HOST,
        header::TE,
        header::TRAILER,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
        header::PROXY_AUTHENTICATE,
        header::PROXY_AUTHORIZATION,
        header::COOKIE,
    ];
    for name in ours {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
    headers.remove("http2-settings");
}

/// The reason is somewhere down the chain.
fn failed(url: &Url, error: &reqwest::Error) -> Refusal {
    let host = || url.host_str().unwrap_or_default().to_owned();
    let mut source = error.source();
    let mut last = None;
    while let Some(reason) = source {
        if let Some(denied) = reason.downcast_ref::<AddressDenied>() {
            return refused_address(url, denied);
        }
        if let Some(name) = reason.downcast_ref::<NameError>() {
            return Refusal::Unreachable { host: host(), why: text::clean(&name.to_string(), 200) };
        }
        last = Some(reason);
        source = reason.source();
    }
    let why = last.map_or_else(|| "no reason given".to_owned(), |reason| text::clean(&reason.to_string(), 200));
    if error.is_timeout() {
        Refusal::Timeout("the connection")
    } else if error.is_connect() {
        Refusal::Unreachable { host: host(), why }
    } else {
        Refusal::Broken(format!("the conversation with {} broke off: {why}", host()))
    }
}

fn refused_address(url: &Url, denied: &AddressDenied) -> Refusal {
    let host = url.host_str().unwrap_or_default().to_owned();
    Refusal::Address { host, address: denied.address.to_string(), why: denied.why }
}

/// A URL for messages: no query, which may hold anything.
pub(super) fn printable(url: &Url) -> String {
    text::clean(&format!("{}://{}{}", url.scheme(), url.authority(), url.path()), 200)
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn a_host_is_a_name_or_it_is_asked_nothing() {
        for name in ["a", "api.github.com", "api.github.com.", "xn--bcher-kva.test", "build_1.corp", "1.2.3.4.nip.io"] {
            assert!(is_name(name), "{name}");
        }
        let long = format!("{}.test", "a".repeat(64));
        let longer = ["a.".repeat(130), "test".to_owned()].concat();
        for name in ["", ".", "..", "a..b", "127.0.0.1..", ".a", "a b", "a%20", "*.a", "a,b", &long, &longer] {
            assert!(!is_name(name), "{name}");
        }
    }
}
