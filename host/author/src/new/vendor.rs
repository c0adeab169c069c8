//! The SDK as a copy in the new project: it builds today, offline, with the SDK that this binary was tested with.

use super::embedded::{self, File};
use crate::project::Language;
use anyhow::{Context, Result};
use std::borrow::Cow;
use toml_edit::{DocumentMut, Item, Table};

const WORKSPACE: &str = include_str!("../../../../Cargo.toml");
const LOCK: &str = include_str!("../../../../Cargo.lock");
const RUST_SDK: &str = include_str!("../../../../sdk/rust/Cargo.toml");
const ITEMS: &str = include_str!("../../../../wit/items/Cargo.toml");
const TYPESCRIPT_PACKAGE: &str = include_str!("../../../../sdk/typescript/package.json");
const TYPESCRIPT_README: &str = include_str!("../../../../sdk/typescript/README.md");
const PYTHON_README: &str = include_str!("../../../../sdk/python/README.md");

/// The files of the SDK of a language.
pub(super) fn sdk(language: Language) -> Result<Vec<File>> {
    match language {
        Language::Rust => rust(),
        Language::Typescript => {
            let mut files = embedded::typescript_sdk("vendor/opssight-plugin/");
            files.extend(embedded::contract("vendor/opssight-plugin/wit/"));
            files.push(text("vendor/opssight-plugin/package.json", TYPESCRIPT_PACKAGE));
            files.push(text("vendor/opssight-plugin/README.md", TYPESCRIPT_README));
            Ok(files)
        }
        Language::Python => {
            let mut files = embedded::python_sdk("vendor/opssight_plugin/");
            files.extend(embedded::contract("vendor/opssight_plugin/wit/"));
            files.push(text("vendor/README.md", PYTHON_README));
            Ok(files)
        }
    }
}

/// The crates stand to each other as they do in this repository, in a small workspace of their own.
fn rust() -> Result<Vec<File>> {
    let mut files = embedded::rust_sdk("vendor/sdk/rust/src/");
    files.extend(embedded::items("vendor/wit/items/src/"));
    files.extend(embedded::contract("vendor/wit/1.0/"));
    files.push(text("vendor/sdk/rust/Cargo.toml", RUST_SDK));
    files.push(text("vendor/wit/items/Cargo.toml", ITEMS));
    files.push(("vendor/Cargo.toml".to_owned(), Cow::Owned(workspace()?.into_bytes())));
    // The versions that this binary was built and tested with; cargo drops what the project does not use.
    files.push(text("Cargo.lock", LOCK));
    Ok(files)
}

fn text(path: &str, text: &'static str) -> File {
    (path.to_owned(), Cow::Borrowed(text.as_bytes()))
}

/// This repository's root manifest, cut down to what the two crates inherit.
fn workspace() -> Result<String> {
    let mut root: DocumentMut = WORKSPACE.parse().context("read the embedded Cargo.toml")?;
    let workspace = root.get_mut("workspace").and_then(Item::as_table_mut).context("find the embedded workspace")?;
    let mut wanted = vec!["opssight-items".to_owned()];
    for manifest in [RUST_SDK, ITEMS] {
        let manifest: DocumentMut = manifest.parse().context("read an embedded Cargo.toml")?;
        let dependencies = manifest.get("dependencies").and_then(Item::as_table).context("find its dependencies")?;
        wanted.extend(dependencies.iter().map(|(name, _)| name.to_owned()));
    }
    let dependencies = workspace.get_mut("dependencies").and_then(Item::as_table_mut).context("find its versions")?;
    dependencies.retain(|name, _| wanted.iter().any(|wanted| wanted == name));
    workspace.insert("members", toml_edit::value(toml_edit::Array::from_iter(["sdk/rust", "wit/items"])));
    workspace.remove("default-members");
    workspace.insert("lints", Item::Table(Table::new()));
    root.retain(|key, _| key == "workspace");
    Ok(root.to_string())
}
