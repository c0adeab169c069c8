//! `opssight plugin inspect` of a package that is not installed: a file, or one in a place.

use crate::access::Access;
use crate::packages;
use crate::sheet::{Sheet, bytes};
use crate::talk::Talk;
use anyhow::Result;
use clap::Args;
use opssight_core::plugins::Wants;
use opssight_distribution::Package;
use serde_json::json;
use std::path::Path;

/// What to look at.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A file, or an address such as oci://registry.example/acme/mine@1.0.0
    #[arg(value_name = "PACKAGE")]
    pub package: String,

    #[command(flatten)]
    pub access: Access,
}

/// Whether a text means a package rather than an installed plugin: ids have neither dots nor slashes nor colons.
pub fn is_package(text: &str) -> bool {
    text.contains(['/', '.', ':', '\\']) || Path::new(text).is_file()
}

pub(crate) async fn run(args: &InspectArgs, talk: &mut Talk) -> Result<()> {
    let package = packages::find(&args.package, &args.access).await?;
    let wants = Wants::of(&package.manifest, &package.surface.imports);
    // What a host has against it is part of what there is to see.
    let (remarks, refused) = match opssight_runtime::examine(&package.bytes) {
        Ok(contents) => (contents.remarks, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    if talk.is_for_programs() {
        let whole = json!({
            "manifest": package.manifest,
            "signature": package.signature,
            "digest": package.digest.as_str(),
            "size": package.bytes.len(),
            "kinds": package.surface.kinds(),
            "imports": package.surface.imports,
            "abilities": wants.abilities,
            "budgets": wants.budgets,
            "cannot": wants.cannot(),
            "remarks": remarks,
            "refused": refused,
        });
        return Ok(talk.say(&whole.to_string())?);
    }
    sheet(&package, &wants, remarks, refused).print(talk)
}

fn sheet(package: &Package, wants: &Wants, remarks: Vec<String>, refused: Option<String>) -> Sheet {
    let manifest = &package.manifest;
    let mut sheet = Sheet::default();
    sheet.entry("Plugin", format!("{} ({}) {}", manifest.name, manifest.id, manifest.version));
    sheet.entry("Is", &manifest.description);
    sheet.entry("Publisher", &manifest.publisher);
    let signed = package.signature.as_ref().map(|signature| signature.key.to_string());
    sheet.entry("Signed with", signed.unwrap_or_else(|| "nothing: it is not signed".to_owned()));
    sheet.entry("Licence", &manifest.licence);
    sheet.entries("Home page", manifest.homepage.clone());
    sheet.entry("Package", format!("{} ({})", package.digest, bytes(package.bytes.len() as u64)));
    sheet.entry("Kinds", package.surface.kinds().join(", "));
    sheet.entries("Can", wants.abilities.iter().map(|ability| ability.says.clone()));
    sheet.entry("Cannot", wants.cannot());
    sheet.entries("Budgets", wants.budgets.iter().map(|(name, value)| format!("{name} = {value}")));
    sheet.entries("Imports", package.surface.imports.iter().cloned());
    sheet.entries("Remark", remarks);
    sheet.entries("Refused", refused.map(|why| format!("a host would not install it: {why}")));
    sheet
}
