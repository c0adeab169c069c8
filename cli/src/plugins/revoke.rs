//! `opssight plugin revoke`, `pardon` and `revocations`.

use crate::Session;
use crate::Time;
use crate::error::CliError;
use crate::list::{self, Row};
use crate::ui::format;
use crate::ui::table::Field;
use clap::Args;
use opssight_api_types::plugins::changes::{NewRevocation, Revocation, RevocationTarget, Stopped};

/// What is revoked.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct Target {
    /// All versions of a plugin
    #[arg(value_name = "PLUGIN")]
    plugin: Option<String>,
    /// One package
    #[arg(long, value_name = "DIGEST")]
    digest: Option<String>,
    /// Everything that a key signed
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Calls under way are interrupted; deliveries are taken and wait. Nothing revoked is installed or run \
    again until `opssight plugin pardon`.\n\nExamples:\n  \
    opssight plugin revoke github --reason \"it sends to a strange host\"\n  \
    opssight plugin revoke --digest \"$DIGEST\" --reason \"tampered\"\n  \
    opssight plugin revoke --key ed25519:77aa --reason \"the key was stolen\""
)]
pub struct RevokeArgs {
    #[command(flatten)]
    target: Target,
    /// Why: shown wherever it is refused
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl From<Target> for RevocationTarget {
    fn from(target: Target) -> Self {
        Self { plugin: target.plugin, digest: target.digest, key: target.key }
    }
}

fn name(target: &RevocationTarget) -> String {
    let texts = [&target.plugin, &target.digest, &target.key];
    texts.into_iter().flatten().next().cloned().unwrap_or_default()
}

pub(super) async fn revoke(session: &mut Session, args: RevokeArgs) -> Result<(), CliError> {
    let new = NewRevocation { target: args.target.into(), reason: args.reason };
    let what = name(&new.target);
    let answer = session.client.post::<Stopped>(&["plugins", "revocations"], &new).await?;
    let message = format!("Revoked {what}: {} calls were interrupted.", answer.value.interrupted);
    session.ui.done(Some(&answer.tree), &what, &message)
}

pub(super) async fn pardon(session: &mut Session, target: Target) -> Result<(), CliError> {
    let target = RevocationTarget::from(target);
    session.client.delete_with(&["plugins", "revocations"], &target).await?;
    let what = name(&target);
    session.ui.done(None, &what, &format!("Lifted the revocation of {what}. Nothing runs again by itself."))
}

pub(super) async fn list(session: &mut Session) -> Result<(), CliError> {
    list::print_whole::<Shown>(session, &["plugins", "revocations"], &()).await
}

#[derive(serde::Deserialize)]
#[serde(from = "Revocation")]
struct Shown {
    name: String,
    revocation: Revocation,
}

impl From<Revocation> for Shown {
    fn from(revocation: Revocation) -> Self {
        Self { name: name(&revocation.target), revocation }
    }
}

impl Row for Shown {
    const PLURAL: &'static str = "revocations";
    const HEADER: &'static [&'static str] = &["REVOKED", "SINCE", "BY", "WHY"];
    const WHOLE: &'static [usize] = &[0, 1];

    fn id(&self) -> &str {
        &self.name
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        let Revocation { at, actor, reason, .. } = &self.revocation;
        vec![(&self.name).into(), format::ago(*at, now).into(), actor.into(), reason.into()]
    }
}
