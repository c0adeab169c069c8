//! `opssight connections withhold` and `opssight connections grant`.

use crate::Session;
use crate::client::Received;
use crate::error::CliError;
use opssight_api_types::connections::{Connection, ConnectionPatch};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Withhold,
    Grant,
}

pub(super) async fn change(
    session: &mut Session,
    id_or_name: &str,
    ability: &str,
    change: Change,
) -> Result<(), CliError> {
    let Received { value: connection, tag, .. } = super::find(session, id_or_name).await?;
    let mut grants = connection.grants;
    let changed = match change {
        Change::Withhold => grants.withheld.insert(ability.to_owned()),
        Change::Grant => grants.withheld.remove(ability),
    };
    let name = &connection.name;
    if !changed {
        let already = match change {
            Change::Withhold => format!("{name} withholds `{ability}` already."),
            Change::Grant => format!("{name} does not withhold `{ability}`."),
        };
        return session.ui.done(None, &connection.id, &already);
    }
    let patch = ConnectionPatch { grants: Some(grants), ..ConnectionPatch::default() };
    // Grants are replaced as a whole: what somebody else withheld in between must not be given back by that.
    let path = ["connections", &connection.id];
    let answer = session.client.patch::<Connection>(&path, tag.as_ref(), &patch).await?;
    let message = match change {
        Change::Withhold => format!("{name} withholds `{ability}` from its next call on."),
        Change::Grant => format!("{name} gives `{ability}` again."),
    };
    session.ui.done(Some(&answer.tree), &connection.id, &message)
}
