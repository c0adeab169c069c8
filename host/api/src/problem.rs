//! Errors as people and programs see them: RFC 9457, one table from the core's kinds to statuses, no internals.
//!
//! A handler's error carries its problem as an extension of an empty response. [`render`] writes it out at the edge,
//! where the request's id is known; it does the same for refusals that come from the framework.

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use opssight_api_types::plugins::installs::Inspection;
use opssight_api_types::{FieldProblem, Problem};
use opssight_core::actions::ActionError;
use opssight_core::blobs::BlobError;
use opssight_core::connections::ConnectionError;
use opssight_core::error::{Kind, StoreError};
use opssight_core::hooks::HookError;
use opssight_core::identity::{IdentityError, KeyError, PeopleError, TooMany};
use opssight_core::metrics::MetricsError;
use opssight_core::plugins::catalogue::CatalogueError;
use opssight_core::plugins::installs::InstallError;
use std::error::Error;

/// What a refused request is told.
#[derive(Debug, Clone)]
pub(crate) struct Refusal(Box<Content>);

#[derive(Debug, Clone)]
struct Content {
    status: StatusCode,
    name: &'static str,
    detail: String,
    code: Option<String>,
    fields: Vec<FieldProblem>,
    inspection: Option<Box<Inspection>>,
    retry_after_secs: Option<u64>,
}

/// The one table: kind, status, name.
fn table(kind: Kind) -> (StatusCode, &'static str) {
    match kind {
        Kind::Invalid => (StatusCode::BAD_REQUEST, "invalid"),
        Kind::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
        Kind::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
        Kind::NotFound => (StatusCode::NOT_FOUND, "not-found"),
        Kind::Conflict => (StatusCode::CONFLICT, "conflict"),
        Kind::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too-many"),
        Kind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        Kind::Upstream => (StatusCode::BAD_GATEWAY, "upstream"),
        Kind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
    }
}

impl Refusal {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        let (status, name) = table(kind);
        let retry_after_secs = (kind == Kind::Unavailable).then_some(1);
        Self(Box::new(Content {
            status,
            name,
            detail: detail.into(),
            code: None,
            fields: Vec::new(),
            inspection: None,
            retry_after_secs,
        }))
    }

    /// A refusal that only HTTP knows: a wrong method, a body that is too large.
    pub(crate) fn http(status: StatusCode, name: &'static str, detail: impl Into<String>) -> Self {
        let mut refusal = Self::new(Kind::Invalid, detail);
        (refusal.0.status, refusal.0.name) = (status, name);
        refusal
    }

    pub(crate) fn not_found(what: &str, id: &str) -> Self {
        Self::new(Kind::NotFound, format!("there is no {what} `{}`", opssight_core::fact::clean(id)))
    }

    /// One field is wrong.
    pub(crate) fn field(at: impl Into<String>, problem: impl Into<String>) -> Self {
        let (at, problem) = (at.into(), problem.into());
        Self::new(Kind::Invalid, format!("{at}: {problem}")).with_field(at, problem)
    }

    pub(crate) fn with_field(mut self, at: impl Into<String>, problem: impl Into<String>) -> Self {
        self.0.fields.push(FieldProblem { at: at.into(), problem: problem.into() });
        self
    }

    pub(crate) fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    pub(crate) fn retry_after(mut self, secs: u64) -> Self {
        self.0.retry_after_secs = Some(secs.max(1));
        self
    }

    fn tried_too_often(detail: String, wait: &TooMany) -> Self {
        let secs = wait.retry_after.as_secs_f64().ceil() as u64;
        Self::new(Kind::TooMany, detail).with_code("tried-too-often").retry_after(secs)
    }

    /// An error of ours: its causes go to the log and not to the client.
    fn logged(kind: Kind, error: &(dyn Error + 'static)) -> Self {
        if matches!(kind, Kind::Internal | Kind::Unavailable) {
            tracing::error!(error = %chain(error), "could not answer");
        }
        Self::new(kind, format!("failed to {error}"))
    }
}

/// An error and its causes on one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

impl From<BlobError> for Refusal {
    fn from(error: BlobError) -> Self {
        Self::logged(error.kind(), &error)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::logged(Kind::Unavailable, &error)
    }
}

impl From<MetricsError> for Refusal {
    fn from(error: MetricsError) -> Self {
        let mut refusal = Self::logged(error.kind(), &error);
        // A remote store's own words may be in it.
        refusal.0.detail = opssight_core::fact::clean(&refusal.0.detail);
        refusal
    }
}

impl From<ConnectionError> for Refusal {
    fn from(error: ConnectionError) -> Self {
        let refusal = Self::logged(error.kind(), &error);
        match error {
            ConnectionError::Invalid(problems) => {
                problems.into_iter().fold(refusal, |refusal, problem| refusal.with_field(problem.at, problem.problem))
            }
            ConnectionError::Withheld(problems) => {
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                let refusal = Self::http(status, "invalid", refusal.0.detail).with_code("cannot-be-withheld");
                problems.into_iter().fold(refusal, |refusal, problem| refusal.with_field(problem.at, problem.problem))
            }
            ConnectionError::ConsentStale { .. } | ConnectionError::PluginChanged => refusal.with_code("consent-stale"),
            ConnectionError::Stale => {
                Self::http(StatusCode::PRECONDITION_FAILED, "precondition-failed", format!("failed to {error}"))
            }
            _ => refusal,
        }
    }
}

impl From<InstallError> for Refusal {
    fn from(error: InstallError) -> Self {
        let mut refusal = Self::logged(error.kind(), &error).with_code(error.code());
        match error {
            InstallError::ConsentNeeded(inspection) => {
                refusal.0.inspection = Some(Box::new((*inspection).into()));
                refusal
            }
            InstallError::Busy(_) => refusal.retry_after(1),
            _ => refusal,
        }
    }
}

impl From<CatalogueError> for Refusal {
    fn from(error: CatalogueError) -> Self {
        Self::logged(error.kind(), &error).with_code(error.code())
    }
}

impl From<ActionError> for Refusal {
    fn from(error: ActionError) -> Self {
        let refusal = Self::logged(error.kind(), &error);
        match error {
            ActionError::Input(problems) => {
                problems.into_iter().fold(refusal, |refusal, (at, problem)| refusal.with_field(at, problem))
            }
            // A plugin's failure is told in full: its message is made for people, and names whose fault it is.
            ActionError::Call(call) => {
                let told = Self::new(ActionError::Call(call.clone()).kind(), format!("failed to act: {call}"))
                    .with_code(&call.code);
                match call.retry_after_ms {
                    Some(wait) => told.retry_after(wait.div_ceil(1000)),
                    None => told,
                }
            }
            ActionError::Withheld { .. } => refusal.with_code("policy.withheld"),
            ActionError::Answer(item) => {
                let detail = format!("{}: {item}", refusal.0.detail);
                Self::new(Kind::Internal, detail).with_code("bad-item")
            }
            _ => refusal,
        }
    }
}

impl From<IdentityError> for Refusal {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::WrongSecret => Self::new(Kind::Unauthenticated, format!("failed to {error}")),
            IdentityError::WrongPassword => {
                Self::new(Kind::Unauthenticated, format!("failed to {error}")).with_code("wrong-password")
            }
            IdentityError::TooMany(ref wait) => Self::tried_too_often(format!("failed to {error}"), wait),
            IdentityError::NoSession(_) => Self::new(Kind::NotFound, format!("failed to {error}")),
            IdentityError::Store(store) => store.into(),
        }
    }
}

impl From<PeopleError> for Refusal {
    fn from(error: PeopleError) -> Self {
        let refusal = Self::logged(error.kind(), &error);
        match error {
            PeopleError::Invalid { at, problem } => Self::field(format!("/{at}"), problem),
            PeopleError::MoreThanYours(_) => refusal.with_code("not-allowed"),
            PeopleError::HasAccount(_) => refusal.with_code("has-account"),
            PeopleError::BadInvitation => refusal.with_code("bad-invitation"),
            PeopleError::TooMany(ref wait) => Self::tried_too_often(format!("failed to {error}"), wait),
            _ => refusal,
        }
    }
}

impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Self {
        let refusal = Self::logged(error.kind(), &error);
        match error {
            KeyError::Invalid { at, problem } => refusal.with_field(format!("/{at}"), problem),
            KeyError::NameTaken(_) => refusal.with_code("name-taken"),
            KeyError::MoreThanYours(_) => refusal.with_code("not-allowed"),
            _ => refusal,
        }
    }
}

impl From<HookError> for Refusal {
    fn from(error: HookError) -> Self {
        let refusal = match &error {
            // The core has no kind for size; HTTP has a status.
            HookError::TooLarge { .. } => {
                Self::http(StatusCode::PAYLOAD_TOO_LARGE, "too-large", format!("failed to {error}"))
            }
            _ => Self::logged(error.kind(), &error),
        };
        refusal.with_code(error.code())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.0.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Middleware: write refusals out as problems.
pub(crate) async fn render(request: Request, next: Next) -> Response {
    let request_id = request.extensions().get::<crate::trace::RequestId>().cloned();
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let refusal = match response.extensions_mut().remove::<Refusal>() {
        Some(refusal) => refusal,
        None if is_frameworks(&response) => of_framework(response.status(), &method, &path),
        None => return response,
    };
    let mut rendered = refusal.render(request_id.map(|id| id.0));
    if let Some(allow) = response.headers_mut().remove(header::ALLOW) {
        rendered.headers_mut().insert(header::ALLOW, allow);
    }
    rendered
}

/// The framework refuses in plain text; our own answers are JSON or pages.
fn is_frameworks(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let refuses = response.status().is_client_error() || response.status().is_server_error();
    refuses && kind.is_none_or(|kind| kind.starts_with("text/plain"))
}

fn of_framework(status: StatusCode, method: &Method, path: &str) -> Refusal {
    let path = opssight_core::fact::clean(path);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let detail = format!("{path} does not take {method}; see the header Allow");
        return Refusal::http(status, "method-not-allowed", detail);
    }
    let (name, what) = if status.is_client_error() { ("invalid", "read") } else { ("internal", "answer") };
    Refusal::http(status, name, format!("failed to {what} the request for {path}"))
}

impl Refusal {
    pub(crate) fn render(self, request_id: Option<String>) -> Response {
        let Content { status, name, detail, code, fields, inspection, retry_after_secs } = *self.0;
        let problem = Problem {
            kind: format!("https://opssight.dev/problems/{name}"),
            title: status.canonical_reason().unwrap_or(name).to_owned(),
            status: status.as_u16(),
            detail,
            code,
            fields,
            inspection,
            request_id,
        };
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"opssight\""));
        }
        if let Some(secs) = retry_after_secs {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}

/// What a panic answers: that there was one, and nothing of what it said.
pub(crate) fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let said = panic
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    tracing::error!(panic = said.as_deref().unwrap_or("(no message)"), "a handler panicked");
    Refusal::new(Kind::Internal, "something went wrong on our side; the log says more under this request id")
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_status_and_name() {
        use Kind::*;
        let kinds = [Invalid, Unauthenticated, Forbidden, NotFound, Conflict, TooMany, Unavailable, Upstream, Internal];
        let expect = [400, 401, 403, 404, 409, 429, 503, 502, 500];
        for (kind, status) in kinds.into_iter().zip(expect) {
            assert_eq!(table(kind).0.as_u16(), status, "{kind:?}");
        }
        let names: std::collections::BTreeSet<_> = kinds.into_iter().map(|kind| table(kind).1).collect();
        assert_eq!(names.len(), kinds.len());
    }

    #[tokio::test]
    async fn a_store_failure_tells_nothing_of_the_driver() {
        let error = StoreError::new("read the run", "disk image is malformed at /var/lib/opssight/db");
        let response = Refusal::from(error).render(Some("abc".to_owned()));
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let problem: Problem = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem.detail, "failed to read the run");
        assert_eq!(problem.kind, "https://opssight.dev/problems/unavailable");
        assert_eq!(problem.request_id.as_deref(), Some("abc"));
    }

    #[test]
    fn a_change_that_is_turned_away_says_when_to_ask_again() {
        let response = Refusal::from(InstallError::Busy("github".into())).render(None);
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }

    #[test]
    fn a_refused_signature_says_how_to_mend_it() {
        let error = HookError::NotGenuine(opssight_core::plugins::VerifyError::Mismatch);
        let refusal = Refusal::from(error);
        assert_eq!(refusal.0.status, 401);
        assert_eq!(refusal.0.code.as_deref(), Some("signature-mismatch"));
        assert!(refusal.0.detail.contains("webhook secret"), "{}", refusal.0.detail);
    }
}
