//! Row 73: files.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use crate::rows::packages::component;
use anyhow::ensure;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub(super) const CASES: &[Case] = &[
    case!(Files "73" "filesystem", "imports directories, files and sockets of WASI in every version" => "refuse the import; no file is touched", filesystem),
];

/// Every file with its length and the time of its last change.
fn files(folder: &Path, all: &mut BTreeMap<PathBuf, (u64, Option<SystemTime>)>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, all);
        } else if let Ok(about) = entry.metadata() {
            all.insert(path, (about.len(), about.modified().ok()));
        }
    }
}

async fn filesystem(arena: &Arena) -> Ran {
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    files(arena.data.path(), &mut before);
    let interfaces = [
        "wasi:filesystem/types",
        "wasi:filesystem/preopens",
        "wasi:sockets/tcp",
        "wasi:sockets/udp",
        "wasi:sockets/network",
        "wasi:sockets/ip-name-lookup",
        "wasi:sockets/tcp-create-socket",
        "wasi:blobstore/container",
    ];
    let mut refused = 0;
    for interface in interfaces {
        for version in ["0.2.0", "0.2.6", "0.2.12", "0.3.0"] {
            let package = component(arena, &format!(r#"(import "{interface}@{version}" (instance))"#));
            arena.refused(&package, &["import"]).await?;
            refused += 1;
        }
    }
    files(arena.data.path(), &mut after);
    ensure!(before == after, "a file of the host was touched");
    Ok(format!("{refused} refused: import"))
}
