//! The data folder and the plugin folder.

use super::{Finding, space};
use crate::config::Config;
use rustix::fs::{Access, access};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub(super) fn look(config: &Config) -> Vec<Finding> {
    let data = &config.server.data;
    let mut found = vec![data_folder(data)];
    found.extend(space::look(standing(data)));
    let compiled = data.join("aot");
    if compiled.exists() {
        found.push(writable("plugins cache", &compiled, "compiled plugins are kept"));
    }
    if let Some(plugins) = &config.plugins.dir
        && let Err(error) = std::fs::read_dir(plugins)
    {
        let detail = format!("failed to read the plugin folder {}: {error}", plugins.display());
        found.push(Finding::failing("plugins folder", detail).mend("correct plugins.dir, or make it"));
    }
    found
}

/// The folder itself, or the one that it would be made in.
fn standing(path: &Path) -> &Path {
    let named = path.ancestors().find(|path| path.exists());
    named.filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn data_folder(data: &Path) -> Finding {
    const CHECK: &str = "data folder";
    let metadata = match std::fs::metadata(data) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let parent = standing(data);
            let made = writable(CHECK, parent, &format!("{} is not there yet; a first start makes it", data.display()));
            return made;
        }
        Err(error) => {
            return Finding::failing(CHECK, format!("failed to use the data folder {}: {error}", data.display()));
        }
    };
    if !metadata.is_dir() {
        return Finding::failing(CHECK, format!("{} is no folder", data.display())).mend("correct server.data");
    }
    let us = rustix::process::geteuid();
    if metadata.uid() != us.as_raw() {
        let detail = format!("{} belongs to user {}, and this is user {}", data.display(), metadata.uid(), us.as_raw());
        let fix = "run this as the user of the host, or give it to that one (`chown -R`)";
        // Root can use it all the same, and leaves files there that the host then cannot.
        return if us.is_root() { Finding::warning(CHECK, detail) } else { Finding::failing(CHECK, detail) }.mend(fix);
    }
    let found = writable(CHECK, data, &data.display().to_string());
    if found.is_ok() && metadata.mode() & 0o077 != 0 {
        let detail =
            format!("{}: others of this machine may look into it (mode {:o})", data.display(), mode(&metadata));
        return Finding::warning(CHECK, detail).mend(&format!("`chmod 700 {}`", data.display()));
    }
    found
}

pub(super) fn mode(metadata: &std::fs::Metadata) -> u32 {
    metadata.mode() & 0o7777
}

/// Whether one could write there; nothing is written to find out.
fn writable(check: &str, folder: &Path, well: &str) -> Finding {
    match access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::ok(check, well),
        Err(error) => {
            let why = std::io::Error::from(error);
            let detail = format!("failed to write into {}: {why}", folder.display());
            Finding::failing(check, detail).mend("see its rights, and whether its disk is mounted for reading only")
        }
    }
}
