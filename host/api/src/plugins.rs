//! Installed plugins, and their life: what is installed, changed and taken out of service here.

mod calls;
mod catalogue;
mod changes;
mod events;
mod inspect;
mod install;
mod package;
mod publishers;
mod revocations;
mod shadow;
mod show;
mod uninstall;
mod versions;

use crate::app::App;
use crate::problem::Refusal;
use crate::router::Api;
use axum::Json;
use opssight_api_types::plugins::Plugin;
use opssight_core::error::Kind;
use opssight_core::id::PluginId;
use opssight_core::plugins::installs::{Install, InstallError, Installs};
use std::future::Future;
use utoipa_axum::router::OpenApiRouter;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .merge(show::routes())
        .merge(inspect::routes())
        .merge(install::routes())
        .merge(changes::routes())
        .merge(shadow::routes())
        .merge(uninstall::routes())
        .merge(versions::routes())
        .merge(events::routes())
        .merge(revocations::routes())
        .merge(publishers::routes())
        .merge(catalogue::routes())
        .merge(calls::routes())
}

/// Do something at the desk to its end, also when whoever asked goes away in the middle of it.
async fn to_its_end<T, F>(app: &App, work: impl FnOnce(Installs) -> F) -> Result<T, Refusal>
where
    T: Send + 'static,
    F: Future<Output = Result<T, InstallError>> + Send + 'static,
{
    match tokio::spawn(work(app.installs.clone())).await {
        Ok(outcome) => Ok(outcome?),
        Err(error) => {
            tracing::error!(%error, "a change of a plugin ended in a panic");
            Err(Refusal::new(Kind::Internal, "something went wrong on our side; the log says more"))
        }
    }
}

/// Change a plugin, to the end; how it stands afterwards.
async fn changed<F>(app: &App, work: impl FnOnce(Installs) -> F) -> Result<Json<Plugin>, Refusal>
where
    F: Future<Output = Result<Install, InstallError>> + Send + 'static,
{
    let install = to_its_end(app, work).await?;
    let shown = show::plugin(app, &install.plugin, Some(&install));
    shown.map(Json).ok_or_else(|| Refusal::not_found("plugin", install.plugin.as_str()))
}

/// Why something is done, for the record: never empty.
fn reason(given: String) -> String {
    if given.trim().is_empty() { "no reason was given".to_owned() } else { given }
}

fn id(id: String) -> PluginId {
    PluginId(id)
}
