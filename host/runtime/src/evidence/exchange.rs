//! HTTP between the wire's types and the record's.

use crate::egress::{Outgoing, Refusal};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use opssight_core::plugins::evidence::{Blob, Exchange, ExchangeAnswer, RefusedRequest};
use opssight_core::plugins::{FailureClass, FaultSource};
use url::Url;
use wasmtime_wasi_http::Error;

/// An exchange as it happened. Bodies are shared with whoever reads them.
pub(super) struct RawExchange {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
    pub(super) answer: RawAnswer,
}

pub(super) enum RawAnswer {
    Unfinished,
    Response(Response<Bytes>),
    Refused(Refusal),
}

impl RawExchange {
    pub(super) fn new(outgoing: &Outgoing, url: &Url) -> Self {
        Self {
            method: outgoing.method.clone(),
            url: url.clone(),
            headers: outgoing.headers.clone(),
            body: outgoing.body.clone(),
            answer: RawAnswer::Unfinished,
        }
    }

    pub(super) fn document(self) -> Exchange {
        Exchange {
            method: self.method.to_string(),
            url: self.url.to_string(),
            headers: pairs(&self.headers),
            body: Blob(self.body.to_vec()),
            answer: match self.answer {
                RawAnswer::Unfinished => ExchangeAnswer::Unfinished,
                RawAnswer::Response(answer) => ExchangeAnswer::Response {
                    status: answer.status().as_u16(),
                    headers: pairs(answer.headers()),
                    body: Blob(answer.into_body().to_vec()),
                },
                RawAnswer::Refused(refusal) => ExchangeAnswer::Refused(refused(refusal)),
            },
        }
    }
}

fn pairs(headers: &HeaderMap) -> Vec<(String, Blob)> {
    headers.iter().map(|(name, value)| (name.to_string(), Blob::from(value.as_bytes()))).collect()
}

/// What the plugin saw then.
pub(super) fn response(status: u16, headers: &[(String, Blob)], body: &Blob) -> Response<Bytes> {
    let mut response = Response::new(Bytes::copy_from_slice(&body.0));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(&value.0)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

fn refused(refusal: Refusal) -> RefusedRequest {
    if let Refusal::Recorded(refused) = refusal {
        return *refused;
    }
    let (fault, class) = refusal.verdict();
    let (guest, size) = guest_code(&refusal.for_guest());
    RefusedRequest {
        code: refusal.code().to_owned(),
        message: refusal.to_string(),
        fault,
        class,
        denial: refusal.is_denial(),
        guest: guest.to_owned(),
        size,
        retry_after_ms: refusal.retry_after_ms(),
    }
}

/// Nothing is sent in a replay, so this is all that can be said.
pub(super) fn not_recorded(method: &Method, url: &Url) -> Refusal {
    Refusal::Recorded(Box::new(RefusedRequest {
        code: "replay.not-recorded".to_owned(),
        message: format!("{method} {url} is not in the record that is replayed"),
        fault: FaultSource::Plugin,
        class: FailureClass::Internal,
        denial: true,
        guest: "http-request-denied".to_owned(),
        size: None,
        retry_after_ms: None,
    }))
}

/// The codes of `wasi:http` that the gate gives, as the contract spells them.
const CODES: [(&str, Error); 27] = [
    ("dns-timeout", Error::DnsTimeout),
    ("destination-not-found", Error::DestinationNotFound),
    ("destination-unavailable", Error::DestinationUnavailable),
    ("destination-ip-prohibited", Error::DestinationIpProhibited),
    ("destination-ip-unroutable", Error::DestinationIpUnroutable),
    ("connection-refused", Error::ConnectionRefused),
    ("connection-terminated", Error::ConnectionTerminated),
    ("connection-timeout", Error::ConnectionTimeout),
    ("connection-read-timeout", Error::ConnectionReadTimeout),
    ("connection-write-timeout", Error::ConnectionWriteTimeout),
    ("connection-limit-reached", Error::ConnectionLimitReached),
    ("tls-protocol-error", Error::TlsProtocolError),
    ("tls-certificate-error", Error::TlsCertificateError),
    ("http-request-denied", Error::HttpRequestDenied),
    ("http-request-length-required", Error::HttpRequestLengthRequired),
    ("http-request-method-invalid", Error::HttpRequestMethodInvalid),
    ("http-request-uri-invalid", Error::HttpRequestUriInvalid),
    ("http-request-uri-too-long", Error::HttpRequestUriTooLong),
    ("http-response-incomplete", Error::HttpResponseIncomplete),
    ("http-response-timeout", Error::HttpResponseTimeout),
    ("http-response-transfer-coding", Error::HttpResponseTransferCoding(None)),
    ("http-response-content-coding", Error::HttpResponseContentCoding(None)),
    ("http-upgrade-failed", Error::HttpUpgradeFailed),
    ("http-protocol-error", Error::HttpProtocolError),
    ("loop-detected", Error::LoopDetected),
    ("configuration-error", Error::ConfigurationError),
    ("internal-error", Error::InternalError(None)),
];

fn guest_code(error: &Error) -> (&'static str, Option<u64>) {
    match error {
        Error::HttpRequestBodySize(size) => ("http-request-body-size", *size),
        Error::HttpResponseBodySize(size) => ("http-response-body-size", *size),
        error => {
            let same =
                |(_, code): &&(&'static str, Error)| std::mem::discriminant(code) == std::mem::discriminant(error);
            (CODES.iter().find(same).map_or("internal-error", |(name, _)| name), None)
        }
    }
}

/// And back.
pub(crate) fn guest_error(refused: &RefusedRequest) -> Error {
    match refused.guest.as_str() {
        "http-request-body-size" => Error::HttpRequestBodySize(refused.size),
        "http-response-body-size" => Error::HttpResponseBodySize(refused.size),
        name => {
            CODES.into_iter().find(|(code, _)| *code == name).map_or(Error::InternalError(None), |(_, error)| error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CODES, guest_code, guest_error, refused};
    use crate::egress::Refusal;
    use wasmtime_wasi_http::Error;

    #[test]
    fn a_guest_is_told_the_same_again() {
        for (name, error) in CODES {
            assert_eq!(guest_code(&error), (name, None));
        }
        for refusal in [
            Refusal::RequestTooLarge(7),
            Refusal::ResponseTooLarge(8),
            Refusal::Timeout("the answer"),
            Refusal::TooManyRequests(3),
            Refusal::Paused { retry_after_ms: 9 },
        ] {
            let told = refusal.for_guest();
            let refused = refused(refusal.clone());
            assert_eq!(format!("{:?}", guest_error(&refused)), format!("{told:?}"));
            let again = Refusal::Recorded(Box::new(refused));
            assert_eq!(again.to_string(), refusal.to_string());
            assert_eq!(again.verdict(), refusal.verdict());
            assert_eq!((again.code(), again.is_denial()), (refusal.code(), refusal.is_denial()));
            assert_eq!(again.retry_after_ms(), refusal.retry_after_ms());
        }
        assert!(matches!(guest_error(&refused(Refusal::ResponseTooLarge(8))), Error::HttpResponseBodySize(Some(8))));
    }
}
