//! `opssight can`.

use crate::Session;
use crate::error::CliError;
use crate::ui::table::{Field, Table, Tone};
use clap::Args;
use opssight_api_types::permissions::{Judged, Permission, PermissionQuery};

#[derive(Debug, Args)]
#[command(
    after_help = "With a verb and what it is about it answers yes or no, with the reason; no is exit code 5.\n\n\
    Examples:\n  opssight can\n  opssight can operator\n  opssight can replay deliveries\n  \
    opssight can viewer change plugins\n  opssight can \"key ci of the shop\" run actions"
)]
pub struct CanArgs {
    /// Who (`me`, a role, or `key` and its name), and what is done to what: `viewer change plugins`
    #[arg(value_name = "WHO VERB WHAT", num_args = 0..=3)]
    words: Vec<String>,
}

pub(crate) async fn can(session: &mut Session, args: CanArgs) -> Result<(), CliError> {
    let (who, asked) = match args.words.as_slice() {
        [] => (None, None),
        [who] => (Some(who), None),
        [verb, what] => (None, Some((verb, what))),
        [who, verb, what, ..] => (Some(who), Some((verb, what))),
    };
    let query = PermissionQuery { who: who.cloned() };
    let judged = session.client.get::<Judged>(&["permissions"], &query).await?;
    let all = &judged.value.permissions;
    let Some((verb, what)) = asked else {
        return session.ui.document(&judged.tree, &judged.value.who, |ui| {
            let mut table = Table::new(&["MAY", "WHAT", "BECAUSE"]).whole(&[0, 1]);
            for one in all {
                table.row(vec![may(one), format!("{} {}", one.verb, one.what).into(), (&one.because).into()]);
            }
            ui.table(&table)
        });
    };
    let Some(one) = all.iter().find(|one| one.verb == *verb && one.what == *what) else {
        let known: Vec<_> = all.iter().map(|one| format!("`{} {}`", one.verb, one.what)).collect();
        let known = known.join(", ");
        return Err(CliError::Usage(format!("nobody has heard of `{verb} {what}`; there is {known}")));
    };
    let (answer, because) = (if one.allowed { "yes" } else { "no" }, &one.because);
    session.ui.document(one, answer, |ui| ui.write_line(&format!("{answer}: {because}")))?;
    if one.allowed { Ok(()) } else { Err(CliError::EndedBadly(format!("{} may not {verb} {what}", judged.value.who))) }
}

fn may(one: &Permission) -> Field {
    if one.allowed { Field::toned("yes", Tone::Good) } else { Field::toned("no", Tone::Muted) }
}
