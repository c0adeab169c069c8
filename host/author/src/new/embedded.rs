//! What the binary carries, so that a project can be started without this repository and without a network.

use rust_embed::RustEmbed;
use std::borrow::Cow;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../sdk/templates"]
struct Templates;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../wit/1.0"]
struct Contract;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../wit/items/src"]
struct Items;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../sdk/rust/src"]
struct RustSdk;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../sdk/typescript/src"]
struct TypeScriptSdk;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../sdk/typescript/bin"]
struct TypeScriptBuild;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../sdk/python/opssight_plugin"]
struct PythonSdk;

/// A path below the new project, and what is in the file.
pub(super) type File = (String, Cow<'static, [u8]>);

/// Files of the checkout that no build leaves behind in somebody's copy.
const MADE_BY_TOOLS: [&str; 3] = ["__pycache__/", "node_modules/", ".pyc"];

fn all<E: RustEmbed>(under: &str) -> Vec<File> {
    let names = E::iter().filter(|name| !MADE_BY_TOOLS.iter().any(|made| name.contains(made)));
    names.filter_map(|name| Some((format!("{under}{name}"), E::get(&name)?.data))).collect()
}

/// Every template, by its path below `sdk/templates`.
pub(super) fn templates() -> Vec<File> {
    all::<Templates>("")
}

/// `wit/1.0`, put there.
pub(super) fn contract(under: &str) -> Vec<File> {
    all::<Contract>(under)
}

pub(super) fn items(under: &str) -> Vec<File> {
    all::<Items>(under)
}

pub(super) fn rust_sdk(under: &str) -> Vec<File> {
    all::<RustSdk>(under)
}

pub(super) fn typescript_sdk(under: &str) -> Vec<File> {
    let mut files = all::<TypeScriptSdk>(&format!("{under}src/"));
    files.extend(all::<TypeScriptBuild>(&format!("{under}bin/")));
    files
}

pub(super) fn python_sdk(under: &str) -> Vec<File> {
    all::<PythonSdk>(under)
}
