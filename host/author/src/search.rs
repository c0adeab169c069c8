//! `opssight plugin search`.

use crate::access::Access;
use crate::sheet::{Sheet, bytes, short};
use crate::talk::Talk;
use anyhow::Result;
use clap::Args;
use opssight_core::fact::clean;
use opssight_core::plugins::catalogue::Catalogue;
use opssight_distribution::Place;
use serde_json::json;

pub(crate) const EXAMPLES: &str = "Examples:\n  opssight plugin search --in oci://registry.example/acme\n  \
    opssight plugin search pipelines webhook --in oci://registry.example/acme --in mirror:/srv/mirror -o json";

/// What to look for, and where.
#[derive(Debug, Args)]
pub struct SearchArgs {
    /// Words that id, name, publisher, description or kinds must hold; none finds everything
    #[arg(value_name = "WORD")]
    words: Vec<String>,

    /// Places to look in, in this order: oci://HOST/PREFIX, dir:PATH or mirror:PATH
    #[arg(long = "in", value_name = "PLACE", required = true)]
    places: Vec<Place>,

    /// Plugins to show at most
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,

    #[command(flatten)]
    access: Access,
}

pub(crate) async fn run(args: &SearchArgs, talk: &mut Talk) -> Result<()> {
    let found = args.access.open_all(&args.places)?.search(&args.words.join(" "), args.limit).await?;
    for problem in &found.problems {
        talk.warn(&format!("warning: {}", clean(problem)));
    }
    if talk.is_for_programs() {
        return Ok(talk.say(&json!({ "items": found.entries, "problems": found.problems }).to_string())?);
    }
    if found.entries.is_empty() {
        talk.note("No plugins.");
        return Ok(());
    }
    let mut sheet =
        Sheet::with_header(&["ID", "VERSION", "PUBLISHER", "KEY", "KINDS", "SIZE", "DIGEST", "DESCRIPTION"]);
    for entry in &found.entries {
        let key = entry.key.as_ref().map_or_else(|| "-".to_owned(), |key| short(key.as_str()));
        sheet.row([
            entry.id.clone(),
            entry.version.to_string(),
            entry.publisher.clone(),
            key,
            entry.kinds.join(","),
            bytes(entry.size),
            short(&entry.digest),
            entry.description.clone(),
        ]);
    }
    sheet.print(talk)
}
