//! An app on stub ports: small memories where a test looks, empty answers elsewhere. The real ones are tested together
//! in `host/server`.

mod desk;
mod evidence;
mod people;
mod series;
mod stubs;

use crate::app::{ApiConfig, App, Readiness};
use async_trait::async_trait;
use axum::body::Body;
use axum::http::{Request, Response};
use desk::Desk;
pub(crate) use desk::package;
use opssight_core::actions::Actions;
use opssight_core::connections::Connections;
use opssight_core::hooks::Hooks;
use opssight_core::identity::{Identity, Role, SecretHash, Session};
pub(crate) use opssight_core::plugins::digest_of as digest;
use opssight_core::plugins::installs::{Applied, Installs, Turns, Unstored};
use opssight_core::plugins::trust::TrustPolicy;
use opssight_core::time::Clock;
use std::sync::Arc;
pub(crate) use stubs::{SECRET, Stubs};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The app and what its stubs remember.
pub(crate) struct World {
    pub(crate) stubs: Arc<Stubs>,
    pub(crate) app: Arc<App>,
    pub(crate) router: axum::Router,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(ApiConfig::default())
    }

    pub(crate) fn with(config: ApiConfig) -> Self {
        let (stubs, desk) = (Arc::new(Stubs::default()), Arc::new(Desk::default()));
        let app = Arc::new(app(&stubs, &desk, config));
        Self { router: crate::router::router(Arc::clone(&app), CancellationToken::new()), stubs, app }
    }

    /// A token of a new session.
    pub(crate) async fn token(&self) -> String {
        self.app.identity.sign_in(SECRET, "a test").await.unwrap().0
    }

    /// The header of somebody with a role.
    pub(crate) fn session(&self, role: Role) -> String {
        let (secret, expires_at) = (format!("opstok_{}", role.name()), self.stubs.now().plus_secs(3_600));
        let (token, label, created_at) = (SecretHash::of(&secret), "a test".to_owned(), self.stubs.now());
        let session = Session { token, label, owner: None, role, created_at, expires_at };
        self.stubs.sessions.lock().unwrap().push(session);
        format!("Bearer {secret}")
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Anything with a session.
    pub(crate) async fn ask(&self, method: &str, path: &str, kind: &str, body: impl Into<Body>) -> Response<Body> {
        let token = self.token().await;
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        self.send(request.header("content-type", kind).body(body.into()).unwrap()).await
    }

    /// GET with a session.
    pub(crate) async fn get(&self, path: &str) -> Response<Body> {
        let token = self.token().await;
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

fn app(stubs: &Arc<Stubs>, desk: &Arc<Desk>, config: ApiConfig) -> App {
    let identity = Identity {
        store: stubs.clone(),
        keys: stubs.clone(),
        people: stubs.clone(),
        passwords: stubs.clone(),
        attempts: stubs.clone(),
        clock: stubs.clone(),
        random: stubs.clone(),
    };
    App {
        hooks: Hooks {
            inbox: stubs.clone(),
            connections: stubs.clone(),
            plugins: stubs.clone(),
            credentials: stubs.clone(),
            bus: stubs.clone(),
            clock: stubs.clone(),
        },
        inbox: stubs.clone(),
        bus: stubs.clone(),
        connections: Connections {
            store: stubs.clone(),
            plugins: stubs.clone(),
            credentials: stubs.clone(),
            bus: stubs.clone(),
            clock: stubs.clone(),
            random: stubs.clone(),
        },
        feeds: stubs.clone(),
        runs: stubs.clone(),
        delivery: stubs.clone(),
        events: stubs.clone(),
        actions: Actions {
            connections: stubs.clone(),
            plugins: stubs.clone(),
            runs: stubs.clone(),
            ingest: stubs.clone(),
            clock: stubs.clone(),
        },
        identity,
        plugins: stubs.clone(),
        installs: Installs {
            store: desk.clone(),
            packages: desk.clone(),
            runtime: desk.clone(),
            plugins: stubs.clone(),
            feeds: stubs.clone(),
            inbox: stubs.clone(),
            bus: stubs.clone(),
            clock: stubs.clone(),
            policy: TrustPolicy {
                publishers: [("listed".to_owned(), desk::key('c'))].into(),
                ..TrustPolicy::default()
            },
            enabled: true,
            turns: Turns::default(),
            unstored: Unstored::default(),
            applied: Applied::default(),
        },
        catalogue: Some(desk.clone()),
        evidence: stubs.clone(),
        rates: stubs.clone(),
        series: stubs.clone(),
        clock: stubs.clone(),
        random: stubs.clone(),
        config,
        readiness: stubs.clone(),
        metrics: metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle(),
        version: "0.0.0-test".to_owned(),
    }
}

#[async_trait]
impl Readiness for Stubs {
    async fn checks(&self) -> Vec<(String, Result<String, String>)> {
        let worker = if *self.failing.lock().unwrap() { Err("stands still".to_owned()) } else { Ok("idle".to_owned()) };
        vec![("store".to_owned(), Ok("12 ms".to_owned())), ("worker".to_owned(), worker)]
    }
}

/// A body as text.
pub(crate) async fn text(response: Response<Body>) -> String {
    let bytes = axum::body::to_bytes(response.into_body(), 10 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A body as JSON.
pub(crate) async fn json(response: Response<Body>) -> serde_json::Value {
    serde_json::from_str(&text(response).await).unwrap()
}

/// A problem: its status, twice the same, and itself.
pub(crate) async fn problem(response: Response<Body>) -> (u16, serde_json::Value) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{status}");
    let id = response.headers().get("x-request-id").map(|id| id.to_str().unwrap().to_owned());
    let problem = json(response).await;
    assert_eq!(problem["status"], status);
    if let Some(id) = id {
        assert_eq!(problem["request_id"], id.as_str());
    }
    (status, problem)
}
