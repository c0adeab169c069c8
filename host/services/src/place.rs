//! Where a server keeps what is its own.

use anyhow::{Context, Result};
use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How long a server's data is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasting {
    /// As long as it runs: nothing need be on the disk.
    ThisRun,
    /// Also for the next one, where the server can.
    Always,
}

/// A folder, a port and a password of a server's own.
#[derive(Debug, Clone)]
pub struct Place {
    /// What is in it is the server's.
    pub folder: PathBuf,
    /// On this machine only.
    pub port: u16,
    /// Of every server that asks for one.
    pub password: String,
    /// How long what it keeps is needed.
    pub lasting: Lasting,
    /// In a group of its own it outlives whoever started it, and Ctrl-C of a terminal does not reach it.
    pub alone: bool,
}

impl Place {
    /// For a server that ends with whoever starts it.
    pub fn for_this_run(folder: &Path) -> Result<Self> {
        make(folder)?;
        let password = "only-for-tests".to_owned();
        Ok(Self { folder: folder.to_owned(), port: free_port()?, password, lasting: Lasting::ThisRun, alone: false })
    }

    /// For a server that is started again and again: port and password are those of the first time, so that what was
    /// set by them stays right. Another program may have taken the port meanwhile; then it is another one from now on.
    pub fn kept(folder: &Path, alone: bool) -> Result<Self> {
        make(folder)?;
        let (port, password) = (folder.join("port"), folder.join("password"));
        let before = fs::read_to_string(&port).ok().and_then(|text| text.trim().parse().ok());
        let port_now = match before.filter(|port| is_free(*port)) {
            Some(port) => port,
            None => {
                let fresh = free_port()?;
                write_private(&port, &fresh.to_string())?;
                fresh
            }
        };
        if !password.exists() {
            write_private(&password, &random()?)?;
        }
        let password = fs::read_to_string(&password).with_context(|| format!("read {}", password.display()))?;
        Ok(Self { folder: folder.to_owned(), port: port_now, password, lasting: Lasting::Always, alone })
    }

    /// A folder below it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }
}

/// Others may go through it, because PostgreSQL runs as a user of its own, and see nothing in it.
fn make(folder: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(folder)
        .with_context(|| format!("make the folder {}", folder.display()))
}

/// A file that only its owner reads.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    let doing = || format!("write {}", path.display());
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    std::io::Write::write_all(&mut file.with_context(doing)?, text.as_bytes()).with_context(doing)
}

fn random() -> Result<String> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).context("read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A port that nobody listens on.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.port())
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_and_password_of_a_kept_place_stay_and_others_cannot_read_the_password() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let first = Place::kept(&folder.path().join("redis"), false).unwrap();
        let again = Place::kept(&folder.path().join("redis"), false).unwrap();
        assert_eq!((first.port, &first.password), (again.port, &again.password));
        assert_eq!(first.password.len(), 32);
        let other = Place::kept(&folder.path().join("postgres"), false).unwrap();
        assert_ne!(first.password, other.password);
        let mode = fs::metadata(first.folder.join("password")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // Whoever has the port now keeps it.
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first.port)).unwrap();
        assert_ne!(Place::kept(&folder.path().join("redis"), false).unwrap().port, first.port);
    }
}
