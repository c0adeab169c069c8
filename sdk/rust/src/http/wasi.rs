//! The blocking exchange: hand the request over, feed its body, wait, read the answer to its end.

use super::{Method, Request, Response};
use crate::Failure;
use crate::bindings::host::wasi::http::outgoing_handler;
use crate::bindings::host::wasi::http::types::{
    ErrorCode, Fields, IncomingBody, IncomingResponse, Method as WasiMethod, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme, http_error_code,
};
use crate::bindings::host::wasi::io::streams::StreamError;

/// How much is asked of the host per read.
const READ: u64 = 64 << 10;
/// What `blocking-write-and-flush` takes at most, by its documentation.
const WRITE: usize = 4096;

pub(super) fn send(request: Request) -> Result<Response, Failure> {
    let outgoing = outgoing(&request)?;
    let body = match &request.body {
        Some(_) => outgoing.body().ok(),
        None => None,
    };
    let pending =
        outgoing_handler::handle(outgoing, Some(options(&request))).map_err(|code| no_answer(&request, &code))?;
    if let (Some(body), Some(bytes)) = (body, &request.body) {
        // A write that fails means that the host has given up on the request; why is in the answer.
        write(body, bytes);
    }
    let pollable = pending.subscribe();
    let incoming = loop {
        match pending.get() {
            Some(Ok(Ok(incoming))) => break incoming,
            Some(Ok(Err(code))) => return Err(no_answer(&request, &code)),
            Some(Err(())) => return Err(broken(&request)),
            None => pollable.block(),
        }
    };
    read(&request, &incoming)
}

fn outgoing(request: &Request) -> Result<OutgoingRequest, Failure> {
    let bad_url = || Failure::config("http.bad-url", format!("\"{}\" is not an http or https URL", request.url));
    let (scheme, rest) = request.url.split_once("://").ok_or_else(bad_url)?;
    let scheme = match scheme {
        "https" => Scheme::Https,
        "http" => Scheme::Http,
        _ => return Err(bad_url()),
    };
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let cut = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(cut).ok_or_else(bad_url)?;
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let headers: Vec<(String, Vec<u8>)> =
        request.headers.iter().map(|(name, value)| (name.clone(), value.clone().into_bytes())).collect();
    let headers = Fields::from_list(&headers).map_err(|error| {
        Failure::internal("http.bad-header", format!("{}: a header cannot be sent: {error:?}", request.describe()))
    })?;
    let outgoing = OutgoingRequest::new(headers);
    let method = match request.method {
        Method::Get => WasiMethod::Get,
        Method::Head => WasiMethod::Head,
        Method::Post => WasiMethod::Post,
        Method::Put => WasiMethod::Put,
        Method::Patch => WasiMethod::Patch,
        Method::Delete => WasiMethod::Delete,
    };
    outgoing
        .set_method(&method)
        .and_then(|()| outgoing.set_scheme(Some(&scheme)))
        .and_then(|()| outgoing.set_authority(Some(authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(&path)))
        .map_err(|()| bad_url())?;
    Ok(outgoing)
}

fn options(request: &Request) -> RequestOptions {
    let options = RequestOptions::new();
    let nanos = u64::try_from(request.timeout.as_nanos()).ok();
    // A host that does not support one of these keeps its own limit, which is never wider than the call's budget.
    let _ = options.set_connect_timeout(nanos);
    let _ = options.set_first_byte_timeout(nanos);
    let _ = options.set_between_bytes_timeout(nanos);
    options
}

fn write(body: OutgoingBody, bytes: &[u8]) {
    if let Ok(stream) = body.write() {
        for piece in bytes.chunks(WRITE) {
            if stream.blocking_write_and_flush(piece).is_err() {
                break;
            }
        }
    }
    let _ = OutgoingBody::finish(body, None);
}

fn read(request: &Request, incoming: &IncomingResponse) -> Result<Response, Failure> {
    let status = incoming.status();
    let headers = incoming
        .headers()
        .entries()
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), String::from_utf8(value).ok()?)))
        .collect();
    let incoming_body: IncomingBody = incoming.consume().map_err(|()| broken(request))?;
    let stream = incoming_body.stream().map_err(|()| broken(request))?;
    let mut body = Vec::new();
    loop {
        match stream.blocking_read(READ) {
            Ok(piece) if body.len() + piece.len() > request.max_body => {
                return Err(Failure::upstream(
                    "http.answer-too-large",
                    format!("{}: the answer has more than {} bytes", request.describe(), request.max_body),
                ));
            }
            // The usual answer fits in one piece, which then is the body without a copy.
            Ok(piece) if body.is_empty() => body = piece,
            Ok(piece) => body.extend_from_slice(&piece),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(http_error_code(&error).map_or_else(|| broken(request), |code| no_answer(request, &code)));
            }
        }
    }
    Ok(Response { status, headers, body })
}

fn broken(request: &Request) -> Failure {
    Failure::upstream("http.broken", format!("{}: the exchange broke off", request.describe()))
}

/// What the host or the network said, in the contract's classes.
fn no_answer(request: &Request, code: &ErrorCode) -> Failure {
    let what = request.describe();
    match code {
        ErrorCode::HttpRequestDenied => Failure::config(
            "http.denied",
            format!(
                "{what}: the host refused the request; the address must match the plugin's egress rules and what the connection is granted"
            ),
        ),
        ErrorCode::DestinationIpProhibited => Failure::config(
            "http.address-prohibited",
            format!(
                "{what}: the name resolves to an address that is not public; an administrator can grant the network to this connection"
            ),
        ),
        ErrorCode::HttpRequestUriInvalid | ErrorCode::HttpRequestMethodInvalid | ErrorCode::HttpRequestUriTooLong => {
            Failure::config("http.bad-url", format!("{what}: the host cannot send this request: {code}"))
        }
        ErrorCode::DnsTimeout
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionReadTimeout
        | ErrorCode::ConnectionWriteTimeout
        | ErrorCode::HttpResponseTimeout => {
            Failure::upstream("http.timeout", format!("{what}: no answer in time ({code})"))
        }
        ErrorCode::HttpResponseBodySize(_) => {
            Failure::upstream("http.answer-too-large", format!("{what}: the answer is longer than the host lets in"))
        }
        _ => Failure::upstream("http.unreachable", format!("{what}: {code}")),
    }
}
