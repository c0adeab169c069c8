//! Makes sure that there is a web app to embed: without one, a page that says how to build it.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

fn main() -> std::io::Result<()> {
    let out = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/out");
    println!("cargo:rerun-if-changed={}", out.display());
    println!("cargo:rerun-if-changed=build.rs");
    std::fs::create_dir_all(&out)?;
    // Never over a page that is there.
    match OpenOptions::new().write(true).create_new(true).open(out.join("index.html")) {
        Ok(mut page) => page.write_all(include_bytes!("placeholder.html")),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
