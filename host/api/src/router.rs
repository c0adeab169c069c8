//! Every route, and what wraps them.

use crate::app::App;
use crate::assets::{self, Assets};
use crate::limits::{self, Limits};
use crate::{
    actions, auth, connections, deliveries, delivery, etag, hooks, identity, live, metrics, pipelines, plugins,
};
use crate::{problem, security, system, trace};
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::{from_fn, from_fn_with_state};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use utoipa_axum::router::OpenApiRouter;

/// What handlers can ask for as `State`.
#[derive(Clone, FromRef)]
pub(crate) struct Api {
    pub(crate) app: Arc<App>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) assets: Arc<Assets>,
    pub(crate) stopping: CancellationToken,
}

/// For everybody.
fn open() -> OpenApiRouter<Api> {
    OpenApiRouter::new().merge(system::open_routes()).merge(identity::open_routes()).merge(hooks::routes())
}

/// For those who are signed in, about themselves.
fn own() -> OpenApiRouter<Api> {
    OpenApiRouter::new().merge(identity::routes())
}

/// For those who are signed in: to look at, and for admins to change.
fn guarded() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(system::routes())
        .merge(plugins::routes())
        .merge(connections::routes())
        .merge(deliveries::routes())
        .merge(pipelines::routes())
        .merge(delivery::routes())
        .merge(metrics::routes())
        .merge(actions::routes())
        .merge(live::routes())
}

/// What all routes say of themselves.
pub(crate) fn declared() -> utoipa::openapi::OpenApi {
    open().merge(own()).merge(guarded()).into_openapi()
}

/// The whole of it.
pub(crate) fn router(app: Arc<App>, stopping: CancellationToken) -> Router {
    let api = Api {
        limits: Arc::new(Limits::new(&app.config, Arc::clone(&app.rates))),
        assets: Arc::new(Assets::embedded()),
        app: Arc::clone(&app),
        stopping,
    };
    let (open, _) = open().split_for_parts();
    let (own, _) = own().split_for_parts();
    let (guarded, _) = guarded().split_for_parts();
    let require = from_fn_with_state(Arc::clone(&app), auth::require);
    let routes = Router::new()
        .merge(open)
        .merge(own.route_layer(require.clone()))
        .merge(guarded.route_layer(from_fn(auth::changes_need_admin)).route_layer(require))
        .fallback(assets::serve)
        .with_state(api);
    wrapped(routes).layer(from_fn_with_state(app, trace::observe))
}

/// What holds for every answer. The last layer is the outermost.
fn wrapped(routes: Router) -> Router {
    let packable = DefaultPredicate::new().and(NotForContentType::const_new("font/"));
    routes
        .layer(DefaultBodyLimit::max(limits::JSON_BODY))
        .layer(from_fn(etag::tag))
        .layer(CompressionLayer::new().compress_when(packable))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn(problem::render))
        .layer(from_fn(security::headers))
}

#[cfg(test)]
mod tests;
