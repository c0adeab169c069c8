//! `opssight plugin install` and `opssight plugin update`.

use super::consent;
use super::package::{self, Package};
use crate::Session;
use crate::error::CliError;
use clap::Args;
use opssight_api_types::plugins::Plugin;
use opssight_api_types::plugins::installs::{Inspection, InstallQuery, Installed};
use std::time::Duration;

#[derive(Debug, Args)]
#[command(
    after_help = "It shows who signed the package and what it can do, and asks. Of an update it shows only what changes, \
    and asks only if it can do more. --yes agrees to whatever it is.\n\nExamples:\n  \
    opssight plugin install ./example.wasm\n  opssight plugin install gitlab@1.2.0\n  \
    opssight plugin install ./example.wasm --consent sha256:9f2b6a1c\n  \
    opssight plugin install ./example.wasm --shadow 200"
)]
pub struct InstallArgs {
    /// The file of a package, or what the catalogue calls it
    #[arg(value_name = "FILE|PLUGIN[@VERSION]")]
    package: String,

    #[command(flatten)]
    agreed: Agreed,

    /// Install it although its name looks like that of another plugin
    #[arg(long)]
    allow_similar_name: bool,
}

/// How much was decided beforehand.
#[derive(Debug, Clone, Args)]
pub struct Agreed {
    /// The digest of the package that you looked at, or its beginning, instead of a question
    #[arg(long, value_name = "DIGEST")]
    consent: Option<String>,

    /// Compare it with the active version for so many calls first
    #[arg(long, value_name = "CALLS", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    shadow: Option<u64>,
}

pub(super) async fn install(session: &mut Session, args: InstallArgs) -> Result<(), CliError> {
    let package = Package::named(&args.package)?;
    put(session, &package, args.agreed, args.allow_similar_name).await
}

pub(super) async fn update(session: &mut Session, plugin: &str, agreed: Agreed) -> Result<(), CliError> {
    let id = plugin.split('@').next().unwrap_or(plugin);
    // Something else than what is meant could be offered under a name that is not installed.
    session.client.get::<Plugin>(&["plugins", id], &()).await?;
    put(session, &Package::in_catalogue(plugin), agreed, false).await
}

async fn put(
    session: &mut Session,
    package: &Package,
    agreed: Agreed,
    allow_similar_name: bool,
) -> Result<(), CliError> {
    let shown = package::inspect(session, package).await?.value;
    if shown.is_active {
        let message = format!("{} {} runs already.", shown.plugin, shown.version);
        return session.ui.done(None, &shown.plugin, &message);
    }
    if let Some(refused) = &shown.refused
        && !(refused.code == "similar-name" && allow_similar_name)
    {
        return Err(CliError::Failed(format!("failed to {}", refused.message)));
    }
    session.ui.tell(&consent::describe(&shown));
    let query = InstallQuery {
        consent: consent_of(session, &shown, &agreed).await?,
        allow_similar_name: allow_similar_name.then_some(true),
        shadow_calls: agreed.shadow,
        shadow_differences: None,
    };
    let bar = session.ui.spinner(&format!("Compiling {} {}", shown.plugin, shown.version));
    bar.enable_steady_tick(Duration::from_millis(120));
    let installed = session.client.post_slowly::<Installed>(&["plugins"], &query, package.body()?).await;
    bar.finish_and_clear();
    let installed = installed?;
    let message = outcome(&installed.value);
    session.ui.done(Some(&installed.tree), &shown.plugin, &message)
}

/// What is agreed to: by a flag, by an answer, or nothing where nothing has to be.
async fn consent_of(session: &mut Session, shown: &Inspection, agreed: &Agreed) -> Result<Option<String>, CliError> {
    if let Some(consent) = &agreed.consent {
        return same_digest(consent, &shown.digest).map(Some);
    }
    let is_update = shown.update.is_some();
    let needed = shown.update.as_ref().is_none_or(|change| change.wider);
    // Nothing depends on a shadow. One that wants more waits for approval when the comparison ends well.
    if !needed || (is_update && agreed.shadow.is_some()) {
        return Ok(session.ui.has_yes().then(|| shown.digest.clone()));
    }
    let question = if is_update { "Agree to what is new, and update?" } else { "Agree, and install it?" };
    consent::ask(&mut session.ui, question, &shown.digest).await?;
    Ok(Some(shown.digest.clone()))
}

/// The whole digest that was meant by its beginning, long enough that nobody makes another one to fit.
pub(super) fn same_digest(given: &str, digest: &str) -> Result<String, CliError> {
    const SHORTEST: usize = "sha256:".len() + 12;
    if given == digest || (given.len() >= SHORTEST && digest.starts_with(given)) {
        return Ok(digest.to_owned());
    }
    let why = if digest.starts_with(given) { "give at least 12 of its digits" } else { "that is another package" };
    Err(CliError::Usage(format!("you agree to {given}, but the package is {digest}: {why}")))
}

fn outcome(installed: &Installed) -> String {
    let (id, version) = (&installed.inspection.plugin, &installed.inspection.version);
    match installed.approval.as_str() {
        "active" => format!("{id} {version} runs. Next: `opssight connections add --plugin {id} --name NAME`."),
        "waiting" => format!("{id} {version} waits: `opssight plugin approve {id}` agrees to what it wants more."),
        "shadow" => format!("{id} {version} is compared with the active version: `opssight plugin inspect {id}`."),
        _ => format!("{id} {version}: nothing changed."),
    }
}
