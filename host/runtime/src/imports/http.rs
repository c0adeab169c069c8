//! `wasi:http/outgoing-handler`: every request leaves through the gate in [`crate::egress`].

use crate::config::UpstreamConfig;
use crate::context::CallContext;
use crate::egress::{self, Outgoing, Refusal};
use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use std::sync::Arc;
use std::time::Duration;
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Made for each store, so that a request always knows for which call it is.
pub(crate) struct HttpHooks {
    call: Arc<CallContext>,
}

impl HttpHooks {
    pub(crate) fn new(call: Arc<CallContext>) -> Self {
        Self { call }
    }
}

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for HttpHooks {
    fn is_forbidden_header(&mut self, name: &HeaderName) -> bool {
        DEFAULT_FORBIDDEN_HEADERS.contains(name)
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _done: Io,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Io), Error>> + Send> {
        let call = Arc::clone(&self.call);
        Box::new(async move {
            let answer = send(&call, request, options.unwrap_or_default()).await;
            let refusal = answer.as_ref().err().cloned();
            call.note_request(refusal);
            let response = answer.map_err(|refusal| refusal.for_guest())?;
            let Some(held) = call.hold(response.body().len()) else {
                let refusal = Refusal::ResponseTooLarge(call.budget.response_bytes);
                call.note_request(Some(refusal.clone()));
                return Err(refusal.for_guest());
            };
            let body = |bytes: Bytes| {
                // Let go of when the guest lets go of the body, read or not.
                let body = Full::new(bytes).map_frame(move |frame| {
                    let _while_it_lives = &held;
                    frame
                });
                body.map_err(|never| match never {}).boxed_unsync()
            };
            Ok((response.map(body), Box::new(async { Ok(()) }) as Io))
        })
    }
}

async fn send(
    call: &CallContext,
    request: Request<WasiBody>,
    options: RequestOptions,
) -> Result<Response<Bytes>, Refusal> {
    let (head, body) = request.into_parts();
    // The whole body first, before anything is decided: guests end their body after they have handed over the
    // request, and one that is refused or answered too early reports a broken connection instead of our answer.
    let body = collect(call, body).await?;
    let outgoing = Outgoing { method: head.method, uri: head.uri, headers: head.headers, body };
    egress::send(call, outgoing, timeouts(&call.services.upstream, &options)).await
}

async fn collect(call: &CallContext, body: WasiBody) -> Result<Bytes, Refusal> {
    let limit = call.budget.request_bytes;
    let body = Limited::new(body, limit).collect();
    match tokio::time::timeout(call.meter.remaining(), body).await {
        Err(_) => Err(Refusal::Timeout("the request's own body")),
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::RequestTooLarge(limit)),
        Ok(Err(_)) => Err(Refusal::Broken("the plugin gave up its own request body".to_owned())),
    }
}

/// What the guest wants, never longer than what the host allows.
fn timeouts(config: &UpstreamConfig, options: &RequestOptions) -> egress::Timeouts {
    let clamp = |wanted: Option<Duration>, most: Duration| wanted.map_or(most, |wanted| wanted.min(most));
    let host = egress::Timeouts::of(config);
    egress::Timeouts {
        head: clamp(
            options.first_byte_timeout.map(|first| first.saturating_add(options.connect_timeout.unwrap_or_default())),
            host.head,
        ),
        between: clamp(options.between_bytes_timeout, host.between),
        total: host.total,
    }
}
