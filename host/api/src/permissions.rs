//! What each operation needs, in one table, and the one place that asks. An operation that is not in it nobody may use.

use crate::app::App;
use crate::auth::Caller;
use crate::extract::Query;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use opssight_api_types::permissions::{Judged, Permission, PermissionQuery};
use opssight_core::error::Kind;
use opssight_core::identity::Permission as P;
use opssight_core::identity::{Decision, Known, Role, Standing, decide};
use std::sync::Arc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What whoever is known may use, whatever their role: it is about themselves.
const OWN: [(&str, &str); 6] = [
    ("GET", "/api/v1/me"),
    ("PUT", "/api/v1/me/password"),
    ("GET", "/api/v1/sessions"),
    ("DELETE", "/api/v1/sessions/current"),
    ("DELETE", "/api/v1/sessions/{id}"),
    ("GET", "/api/v1/permissions"),
];

/// Everything else but what is open to all.
const NEEDS: [(&str, &str, P); 67] = [
    ("GET", "/metrics", P::ReadHost),
    ("GET", "/openapi.json", P::ReadHost),
    ("GET", "/api/v1/live", P::ReadPipelines),
    ("GET", "/api/v1/overview", P::ReadPipelines),
    ("GET", "/api/v1/pipelines", P::ReadPipelines),
    ("GET", "/api/v1/flaky-jobs", P::ReadPipelines),
    ("GET", "/api/v1/runs", P::ReadPipelines),
    ("GET", "/api/v1/runs/{id}", P::ReadPipelines),
    ("POST", "/api/v1/runs/{id}/actions/{name}", P::RunActions),
    ("POST", "/api/v1/actions", P::RunActions),
    ("GET", "/api/v1/changes", P::ReadPipelines),
    ("GET", "/api/v1/changes/{id}", P::ReadPipelines),
    ("GET", "/api/v1/deployments", P::ReadPipelines),
    ("GET", "/api/v1/deployments/{id}", P::ReadPipelines),
    ("GET", "/api/v1/delivery/evidence", P::ReadPipelines),
    ("GET", "/api/v1/delivery/metrics", P::ReadPipelines),
    ("GET", "/api/v1/metrics/labels", P::ReadMetrics),
    ("GET", "/api/v1/metrics/query", P::ReadMetrics),
    ("GET", "/api/v1/metrics/query_range", P::ReadMetrics),
    ("GET", "/api/v1/metrics/series", P::ReadMetrics),
    ("GET", "/api/v1/deliveries", P::ReadDeliveries),
    ("GET", "/api/v1/deliveries/{id}", P::ReadDeliveries),
    ("POST", "/api/v1/deliveries/{id}/replay", P::ReplayDeliveries),
    ("GET", "/api/v1/connections", P::ReadConnections),
    ("GET", "/api/v1/connections/{id}", P::ReadConnections),
    ("POST", "/api/v1/connections/{id}/check", P::SyncConnections),
    ("POST", "/api/v1/connections/{id}/sync", P::SyncConnections),
    ("POST", "/api/v1/connections", P::ChangeConnections),
    ("PATCH", "/api/v1/connections/{id}", P::ChangeConnections),
    ("DELETE", "/api/v1/connections/{id}", P::ChangeConnections),
    ("GET", "/api/v1/catalogue", P::ReadPlugins),
    ("GET", "/api/v1/catalogue/{id}", P::ReadPlugins),
    ("GET", "/api/v1/plugins", P::ReadPlugins),
    ("GET", "/api/v1/plugins/{id}", P::ReadPlugins),
    ("GET", "/api/v1/plugins/{id}/calls", P::ReadPlugins),
    ("GET", "/api/v1/plugins/{id}/calls/{call}", P::ReadPlugins),
    ("GET", "/api/v1/plugins/{id}/events", P::ReadPlugins),
    ("GET", "/api/v1/plugins/{id}/log", P::ReadPlugins),
    ("GET", "/api/v1/plugins/{id}/versions", P::ReadPlugins),
    ("GET", "/api/v1/plugins/publishers", P::ReadPlugins),
    ("GET", "/api/v1/plugins/revocations", P::ReadPlugins),
    ("GET", "/api/v1/plugins/{id}/package/{digest}", P::DownloadPlugins),
    ("POST", "/api/v1/plugins", P::ChangePlugins),
    ("POST", "/api/v1/plugins/inspect", P::ChangePlugins),
    ("DELETE", "/api/v1/plugins/{id}", P::ChangePlugins),
    ("POST", "/api/v1/plugins/{id}/approve", P::ChangePlugins),
    ("POST", "/api/v1/plugins/{id}/reject", P::ChangePlugins),
    ("POST", "/api/v1/plugins/{id}/enable", P::ChangePlugins),
    ("POST", "/api/v1/plugins/{id}/disable", P::ChangePlugins),
    ("POST", "/api/v1/plugins/{id}/shadow", P::ChangePlugins),
    ("POST", "/api/v1/plugins/{id}/promote", P::ChangePlugins),
    ("POST", "/api/v1/plugins/{id}/drop", P::ChangePlugins),
    ("POST", "/api/v1/plugins/{id}/rollback", P::ChangePlugins),
    ("POST", "/api/v1/plugins/{id}/revoke", P::ChangeTrust),
    ("PUT", "/api/v1/plugins/publishers/{name}", P::ChangeTrust),
    ("DELETE", "/api/v1/plugins/publishers/{name}", P::ChangeTrust),
    ("POST", "/api/v1/plugins/revocations", P::ChangeTrust),
    ("DELETE", "/api/v1/plugins/revocations", P::ChangeTrust),
    ("GET", "/api/v1/people", P::ReadPeople),
    ("PATCH", "/api/v1/people/{id}", P::ChangePeople),
    ("DELETE", "/api/v1/people/{id}", P::ChangePeople),
    ("GET", "/api/v1/invitations", P::ChangePeople),
    ("POST", "/api/v1/invitations", P::ChangePeople),
    ("DELETE", "/api/v1/invitations/{id}", P::ChangePeople),
    ("GET", "/api/v1/keys", P::ReadKeys),
    ("POST", "/api/v1/keys", P::ChangeKeys),
    ("DELETE", "/api/v1/keys/{id}", P::ChangeKeys),
];

/// Middleware, behind [`crate::auth::require`]: let through whoever may.
pub(crate) async fn allow(request: Request, next: Next) -> Response {
    match judge(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn judge(request: &Request) -> Result<(), Refusal> {
    let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let method = match request.method().as_str() {
        "HEAD" => "GET",
        method => method,
    };
    if OWN.contains(&(method, path)) {
        return Ok(());
    }
    let Some((.., permission)) = NEEDS.iter().find(|(of, at, _)| (*of, *at) == (method, path)) else {
        let others = NEEDS.iter().map(|(of, at, _)| (*of, *at)).chain(OWN).filter(|(_, at)| *at == path);
        let others: Vec<&str> = others.map(|(of, _)| of).collect();
        if !others.is_empty() {
            let detail = format!("{path} does not take {method}; it takes {}", others.join(", "));
            return Err(Refusal::http(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail));
        }
        tracing::error!(method, path, "an operation is not in the table of permissions");
        return Err(Refusal::new(Kind::Forbidden, "nobody may use this").with_code("not-allowed"));
    };
    let caller = request.extensions().get::<Caller>();
    caller.ok_or_else(crate::auth::signed_out)?.may(*permission)
}

impl Caller {
    /// Refuse them if they may not.
    pub(crate) fn may(&self, permission: P) -> Result<(), Refusal> {
        let standing = self.known.standing();
        let decision = decide(standing, permission);
        if decision.is_allowed() {
            return Ok(());
        }
        let because = decision.because(standing.role);
        Err(Refusal::new(Kind::Forbidden, format!("you may not {permission}: {because}")).with_code("not-allowed"))
    }
}

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list_permissions))
}

/// What somebody may do, and why.
#[utoipa::path(
    get, path = "/api/v1/permissions", tag = "identity", params(PermissionQuery),
    responses((status = 200, body = Judged), (status = 404, description = "There is nobody of that name."))
)]
async fn list_permissions(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<PermissionQuery>,
) -> Result<Json<Judged>, Refusal> {
    let (who, standing) = match query.who.as_deref() {
        None | Some("me") => (caller.name.clone(), caller.known.standing()),
        Some(who) => find(&app, &caller, who).await?,
    };
    let judged = |permission: P| {
        let (verb, what) = permission.words();
        let decision: Decision = decide(standing, permission);
        Permission {
            verb: verb.to_owned(),
            what: what.to_owned(),
            allowed: decision.is_allowed(),
            because: decision.because(standing.role),
        }
    };
    Ok(Json(Judged { who, role: standing.role.name().to_owned(), permissions: P::all().map(judged).collect() }))
}

/// Somebody by name: a role, or `key` and the name of one.
async fn find(app: &App, caller: &Caller, who: &str) -> Result<(String, Standing), Refusal> {
    if let Some(role) = Role::parse(who) {
        return Ok((who.to_owned(), Standing { role, has_signed_in: true }));
    }
    if let Some(name) = who.strip_prefix("key ") {
        caller.may(P::ReadKeys)?;
        let key = app.identity.api_keys().await?.into_iter().find(|key| key.name == name);
        let known = Known::Key(key.ok_or_else(|| Refusal::not_found("key", name))?);
        return Ok((known.name(), known.standing()));
    }
    let roles = Role::ALL.map(Role::name).join(", ");
    Err(Refusal::field("who", format!("must be `me`, a role ({roles}), or `key` and its name")))
}

#[cfg(test)]
mod tests {
    use super::{NEEDS, OWN};
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_is_in_the_table_once_or_open_to_all() {
        let in_table = NEEDS.iter().map(|(method, path, _)| (*method, *path)).chain(OWN);
        let table: BTreeSet<(&str, &str)> = in_table.clone().collect();
        assert_eq!(in_table.count(), table.len(), "an operation is in it twice");
        let api = crate::openapi::openapi();
        let mut declared = BTreeSet::new();
        for (path, item) in &api.paths.paths {
            for (method, operation) in [
                ("GET", &item.get),
                ("POST", &item.post),
                ("PUT", &item.put),
                ("PATCH", &item.patch),
                ("DELETE", &item.delete),
            ] {
                let Some(operation) = operation else { continue };
                let security = serde_json::to_string(&operation.security).unwrap();
                if security.contains("token") {
                    declared.insert((method, path.as_str()));
                }
            }
        }
        let (missing, unknown) = (declared.difference(&table), table.difference(&declared));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<&(&str, &str)>::new(), "operations without a row");
        assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&(&str, &str)>::new(), "rows without an operation");
    }
}
