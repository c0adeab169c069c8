//! `opssight plugin`: what a server has installed.

mod args;
mod calls;
mod changes;
mod consent;
mod history;
mod install;
mod package;
mod revoke;
mod show;
mod trust;

pub use args::PluginsCommand;
pub use calls::ReplayArgs;
pub(crate) use consent::given;

use crate::Session;
use crate::error::CliError;
use crate::list;
use opssight_api_types::plugins::Plugin;

pub(crate) async fn run(session: &mut Session, command: PluginsCommand) -> Result<(), CliError> {
    use PluginsCommand as C;
    match command {
        C::List => list::print_whole::<Plugin>(session, &["plugins"], &()).await,
        C::Inspect { id } => show::inspect(session, &id).await,
        C::Install(args) => install::install(session, args).await,
        C::Update { plugin, agreed } => install::update(session, &plugin, agreed).await,
        C::Approve { plugin, consent } => changes::approve(session, &plugin, consent.as_deref()).await,
        C::Reject { plugin } => changes::reject(session, &plugin).await,
        C::Enable { plugin } => changes::switch(session, &plugin, true).await,
        C::Disable { plugin } => changes::switch(session, &plugin, false).await,
        C::Rollback { plugin, to, reason } => changes::roll_back(session, &plugin, to.as_deref(), reason).await,
        C::Shadow { plugin, version, calls, differences } => {
            changes::shadow(session, &plugin, &version, calls, differences).await
        }
        C::Promote { plugin } => changes::promote(session, &plugin).await,
        C::Drop { plugin, reason } => changes::drop_shadow(session, &plugin, reason).await,
        C::Uninstall { plugin, data } => changes::uninstall(session, &plugin, data).await,
        C::Revoke(args) => revoke::revoke(session, args).await,
        C::Pardon(target) => revoke::pardon(session, target).await,
        C::Revocations => revoke::list(session).await,
        C::Versions { plugin } => history::versions(session, &plugin).await,
        C::Events { plugin, paging } => history::events(session, &plugin, &paging).await,
        C::Calls { plugin, connection, outcome, paging } => {
            calls::calls(session, &plugin, connection, outcome, &paging).await
        }
        C::Call { id } => calls::call(session, &id).await,
        C::Log { plugin } => calls::log(session, &plugin).await,
        C::Replay(_) => {
            Err(CliError::Usage("replaying a call takes the plugin runtime, which this program lacks".to_owned()))
        }
        C::Trust(command) => trust::run(session, command).await,
    }
}
