//! Every route, and what wraps them.

use crate::app::{App, Doors};
use crate::assets::{self, Assets};
use crate::limits::{self, Limits};
use crate::problem::Refusal;
use crate::{
    actions, auth, connections, deliveries, delivery, etag, hooks, identity, keys, live, metrics, people, permissions,
    pipelines,
};
use crate::{plugins, problem, security, system, trace};
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, Request, State};
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
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
fn open(doors: Doors) -> OpenApiRouter<Api> {
    let routes = OpenApiRouter::new().merge(system::open_routes());
    let routes = if doors.api { routes.merge(identity::open_routes()).merge(people::open_routes()) } else { routes };
    if doors.hooks { routes.merge(hooks::routes()) } else { routes }
}

/// For those who have a session or a key, if they may: [`permissions`] says who.
fn guarded(doors: Doors) -> OpenApiRouter<Api> {
    let routes = OpenApiRouter::new().merge(system::routes());
    if !doors.api {
        return routes;
    }
    routes
        .merge(identity::routes())
        .merge(permissions::routes())
        .merge(keys::routes())
        .merge(people::routes())
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
    let all = Doors::default();
    open(all).merge(guarded(all)).into_openapi()
}

/// The whole of it.
pub(crate) fn router(app: Arc<App>, stopping: CancellationToken) -> Router {
    let api = Api {
        limits: Arc::new(Limits::new(&app.config, Arc::clone(&app.rates))),
        assets: Arc::new(Assets::embedded()),
        app: Arc::clone(&app),
        stopping,
    };
    let doors = app.config.doors;
    let (open, _) = open(doors).split_for_parts();
    let (guarded, _) = guarded(doors).split_for_parts();
    let require = from_fn_with_state(Arc::clone(&app), auth::require);
    let routes = Router::new()
        .merge(open)
        .merge(guarded.route_layer(from_fn(permissions::allow)).route_layer(require))
        .fallback(elsewhere)
        .with_state(api);
    wrapped(routes).layer(from_fn_with_state(app, trace::observe))
}

/// What no route answers: a page of the dashboard, or something that another process has to be asked for.
async fn elsewhere(State(api): State<Api>, request: Request) -> Response {
    let (doors, is_delivery) = (api.app.config.doors, request.uri().path().starts_with("/hooks/"));
    let (is_open, takes, role) = match is_delivery {
        true => (doors.hooks, "no deliveries", "ingest"),
        false => (doors.api, "no requests of people and programs", "api"),
    };
    if is_open {
        return assets::serve(State(api.assets), request).await;
    }
    let detail = format!("this process takes {takes}: send them to one with the role `{role}` (server.roles)");
    Refusal::http(StatusCode::MISDIRECTED_REQUEST, "misdirected", detail).into_response()
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
