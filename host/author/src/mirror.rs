//! `opssight plugin mirror`.

use crate::access::Access;
use crate::packages;
use crate::talk::Talk;
use anyhow::Result;
use clap::Args;
use opssight_distribution::{Open, Place, Published, Reference, Wanted};
use serde_json::json;

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight plugin mirror --from oci://registry.example/acme --to mirror:/srv/mirror\n  \
    opssight plugin mirror github@^1 --from oci://registry.example/acme --to mirror:/media/stick";

/// Plugins of a place that are copied at most.
const MOST: usize = 2_000;

/// What to copy, from where and to where.
#[derive(Debug, Args)]
pub struct MirrorArgs {
    /// Plugins: ID, ID@VERSION, ID@^1.2 or ID@sha256:DIGEST; none means the newest of each
    #[arg(value_name = "PLUGIN")]
    plugins: Vec<Reference>,

    /// The place to copy from
    #[arg(long, value_name = "PLACE")]
    from: Place,

    /// The place to copy to
    #[arg(long, value_name = "PLACE")]
    to: Place,

    /// Copy every version of them
    #[arg(long)]
    all_versions: bool,

    #[command(flatten)]
    access: Access,
}

pub(crate) async fn run(args: &MirrorArgs, talk: &mut Talk) -> Result<()> {
    let (from, to) = (args.access.open(&args.from)?, args.access.open(&args.to)?);
    let mut items = Vec::new();
    for reference in wanted(args, &from, talk).await? {
        for copied in from.copy(&to, &[reference]).await? {
            let is_new = copied.published == Published::New;
            if talk.is_for_programs() {
                items.push(packages::value(&copied.package, [("published", json!(is_new))]));
            } else {
                let how = if is_new { "copied" } else { "there already" };
                talk.say(&format!("{} {} {how}", copied.package.title(), copied.package.digest))?;
            }
        }
    }
    if talk.is_for_programs() {
        talk.say(&json!({ "items": items }).to_string())?;
    }
    Ok(())
}

async fn wanted(args: &MirrorArgs, from: &Open, talk: &mut Talk) -> Result<Vec<Reference>> {
    let mut references = args.plugins.clone();
    if references.is_empty() {
        let found = from.search("", MOST).await?;
        for problem in &found.problems {
            talk.warn(&format!("warning: {problem}"));
        }
        references.extend(found.entries.into_iter().map(|entry| Reference { id: entry.id, wanted: Wanted::Newest }));
    }
    if !args.all_versions {
        return Ok(references);
    }
    let mut all = Vec::new();
    for reference in references {
        let versions = from.versions(&reference.id).await?;
        all.extend(
            versions
                .into_iter()
                .map(|version| Reference { id: reference.id.clone(), wanted: Wanted::Version(version) }),
        );
    }
    Ok(all)
}
