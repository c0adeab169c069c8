//! A server that answers from fixtures and remembers what it was asked.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, Response, StatusCode, header};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use tokio::sync::broadcast;

pub(crate) struct Api {
    pub(crate) url: String,
    state: Arc<Shared>,
    folder: tempfile::TempDir,
    server: tokio::task::JoinHandle<()>,
}

struct Shared {
    answers: Mutex<HashMap<String, Vec<(u16, String)>>>,
    asked: Mutex<Vec<Asked>>,
    live: broadcast::Sender<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// "GET /api/v1/runs"
    pub(crate) what: String,
    pub(crate) query: String,
    pub(crate) body: String,
    pub(crate) headers: axum::http::HeaderMap,
}

/// The state of everything that is shown.
pub(crate) const TAG: &str = "W/\"7.abc\"";

const FIXTURES: &[(&str, &str)] = &[
    ("GET /readyz", include_str!("fixtures/readyz.json")),
    ("GET /api/v1/me", r#"{"name":"admin","role":"admin","expires_at":"2026-12-10T12:00:00Z"}"#),
    ("GET /api/v1/permissions", include_str!("fixtures/permissions.json")),
    ("GET /api/v1/keys", include_str!("fixtures/keys.json")),
    ("GET /api/v1/people", include_str!("fixtures/people.json")),
    ("GET /api/v1/invitations", include_str!("fixtures/invitations.json")),
    ("GET /api/v1/sessions", include_str!("fixtures/sessions.json")),
    ("GET /api/v1/version", concat!(r#"{"version":""#, env!("CARGO_PKG_VERSION"), r#"","contract":"0.1.0"}"#)),
    ("GET /api/v1/runs", include_str!("fixtures/runs.json")),
    ("GET /api/v1/runs/run_2", include_str!("fixtures/run.json")),
    ("GET /api/v1/pipelines", include_str!("fixtures/pipelines.json")),
    ("GET /api/v1/flaky-jobs", include_str!("fixtures/flaky_jobs.json")),
    ("GET /api/v1/connections", include_str!("fixtures/connections.json")),
    ("GET /api/v1/connections/con_1", include_str!("fixtures/connection.json")),
    ("GET /api/v1/deliveries", include_str!("fixtures/deliveries.json")),
    ("GET /api/v1/deliveries/del_2", include_str!("fixtures/delivery.json")),
    ("GET /api/v1/delivery/metrics", include_str!("fixtures/metrics.json")),
    ("GET /api/v1/delivery/evidence", include_str!("fixtures/evidence.json")),
    ("GET /api/v1/deployments", include_str!("fixtures/deployments.json")),
    ("GET /api/v1/changes", include_str!("fixtures/changes.json")),
    ("GET /api/v1/plugins", include_str!("fixtures/plugins.json")),
    ("GET /api/v1/plugins/github", include_str!("fixtures/plugin.json")),
];

impl Api {
    pub(crate) async fn start() -> Self {
        let state =
            Arc::new(Shared { answers: Mutex::default(), asked: Mutex::default(), live: broadcast::channel(64).0 });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(answer).with_state(Arc::clone(&state));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let api = Self { url, state, folder: tempfile::tempdir().unwrap(), server };
        for (what, body) in FIXTURES {
            api.says(what, 200, body);
        }
        api
    }

    pub(crate) fn credentials(&self) -> PathBuf {
        self.folder.path().join("opssight").join("credentials.json")
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// From now on answer this.
    pub(crate) fn says(&self, what: &str, status: u16, body: &str) {
        self.then(what, &[(status, body)]);
    }

    /// Answer these in turn; the last one stays.
    pub(crate) fn then(&self, what: &str, answers: &[(u16, &str)]) {
        let answers = answers.iter().rev().map(|(status, body)| (*status, (*body).to_owned())).collect();
        self.state.answers.lock().unwrap().insert(what.to_owned(), answers);
    }

    pub(crate) fn fails(&self, what: &str, status: u16, detail: &str) {
        let problem = serde_json::json!({
            "type": "https://opssight.dev/problems/some-kind", "title": "A kind", "status": status,
            "detail": detail, "request_id": "req_1",
        });
        self.says(what, status, &problem.to_string());
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }

    /// How often something was asked.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.asked().iter().filter(|asked| asked.what == what).count()
    }

    /// Send this to everybody on the live stream.
    pub(crate) fn send(&self, text: &str) {
        let _ = self.state.live.send(text.to_owned());
    }

    /// How many listen to the live stream now.
    pub(crate) fn listeners(&self) -> usize {
        self.state.live.receiver_count()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(state): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let what = format!("{} {}", parts.method, parts.uri.path());
    let signed_in = parts.headers.get(header::AUTHORIZATION).is_some_and(|value| value == "Bearer good-token");
    state.asked.lock().unwrap().push(Asked {
        what: what.clone(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: String::from_utf8(body.to_vec()).unwrap(),
        headers: parts.headers,
    });
    let is_open = ["GET /readyz", "POST /api/v1/sessions", "POST /api/v1/invitations/join"].contains(&what.as_str());
    if !signed_in && !is_open {
        return respond(401, problem(401, "sign in first"));
    }
    if what == "GET /api/v1/live" {
        return live(state.live.subscribe());
    }
    let mut answers = state.answers.lock().unwrap();
    let mut response = match answers.get_mut(&what) {
        Some(queue) if queue.len() > 1 => queue.pop().map(|(status, body)| respond(status, body)).unwrap(),
        Some(queue) => queue.last().map(|(status, body)| respond(*status, body.clone())).unwrap(),
        None => respond(404, problem(404, "there is no such thing")),
    };
    if parts.method == "GET" && response.status() == 200 {
        response.headers_mut().insert(header::ETAG, header::HeaderValue::from_static(TAG));
    }
    response
}

fn problem(status: u16, detail: &str) -> String {
    let kind = "https://opssight.dev/problems/test";
    serde_json::json!({ "type": kind, "title": "Test", "status": status, "detail": detail }).to_string()
}

fn respond(status: u16, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    if status == 429 {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("0"));
    }
    if status == 307 {
        response
            .headers_mut()
            .insert(header::LOCATION, header::HeaderValue::from_static("http://127.0.0.1:1/elsewhere"));
    }
    response
}

/// Everything that is sent from now on; the text "END" closes the stream.
fn live(receiver: broadcast::Receiver<String>) -> Response<Body> {
    let stream = futures::stream::unfold((receiver, true), async |(mut receiver, first)| {
        if first {
            return Some((Ok::<_, std::io::Error>(Bytes::from_static(b": hello\n\n")), (receiver, false)));
        }
        match receiver.recv().await {
            Ok(text) if text == "END" => None,
            Ok(text) => Some((Ok(Bytes::from(text)), (receiver, false))),
            Err(_) => None,
        }
    });
    let mut response = Response::new(Body::from_stream(stream));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/event-stream"));
    response
}
