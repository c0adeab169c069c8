//! A file that is added to the templates or the SDKs must be embedded as well, and only a changed folder tells of it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for folder in [
        "sdk/templates",
        "sdk/rust/src",
        "sdk/typescript/src",
        "sdk/typescript/bin",
        "sdk/python/opssight_plugin",
        "wit/1.0",
        "wit/items/src",
    ] {
        println!("cargo::rerun-if-changed=../../{folder}");
    }
}
