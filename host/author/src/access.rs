//! Flags that name places, and how to sign in to registries.

use crate::Usage;
use anyhow::{Context, Result};
use clap::Args;
use opssight_distribution::{Open, Place, Places, RegistryCredentials};
use std::io::Read;
use std::path::PathBuf;

/// A password is not longer than this.
const LONGEST: u64 = 64 << 10;

/// How to sign in to a registry.
#[derive(Debug, Clone, Default, Args)]
pub struct Access {
    /// User of the registry
    #[arg(long, value_name = "NAME", requires = "password_stdin")]
    username: Option<String>,

    /// Read the user's password, or an access token, from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,

    /// Folder of docker's configuration, whose `config.json` holds what `docker login` kept [default: ~/.docker]
    #[arg(long, env = "DOCKER_CONFIG", value_name = "DIR")]
    docker_config: Option<PathBuf>,
}

impl Access {
    /// A place that is ready to be used.
    pub(crate) fn open(&self, place: &Place) -> Result<Open> {
        Ok(Open::new(place, &self.credentials(std::slice::from_ref(place))?)?)
    }

    /// Several places, to be asked in this order.
    pub(crate) fn open_all(&self, places: &[Place]) -> Result<Places> {
        if places.is_empty() {
            return Err(Usage("name a place with --in: oci://HOST/PREFIX, dir:PATH or mirror:PATH".to_owned()).into());
        }
        let credentials = self.credentials(places)?;
        let open: Result<Vec<Open>, _> = places.iter().map(|place| Open::new(place, &credentials)).collect();
        Ok(Places::new(open?))
    }

    fn credentials(&self, places: &[Place]) -> Result<RegistryCredentials> {
        let hosts = places.iter().filter_map(|place| match place {
            Place::Registry { host, .. } => Some(host.as_str()),
            Place::Directory(_) | Place::Mirror(_) => None,
        });
        let mut hosts: Vec<&str> = hosts.collect();
        hosts.dedup();
        if hosts.is_empty() {
            return Ok(RegistryCredentials::default());
        }
        match (&self.username, hosts.as_slice()) {
            (None, _) => self.docker(),
            (Some(username), [host]) => Ok(self.docker()?.with(host, username, &password()?)),
            // One password is for one host.
            (Some(_), _) => Err(Usage(
                "--username is for one registry, and there are several: use docker's configuration".to_owned(),
            )
            .into()),
        }
    }

    fn docker(&self) -> Result<RegistryCredentials> {
        let folder = match &self.docker_config {
            Some(folder) => folder.clone(),
            None => match etcetera::home_dir() {
                Ok(home) => home.join(".docker"),
                Err(_) => return Ok(RegistryCredentials::default()),
            },
        };
        let path = folder.join("config.json");
        match std::fs::read_to_string(&path) {
            Ok(text) => RegistryCredentials::from_docker(&text).with_context(|| format!("use {}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(RegistryCredentials::default()),
            Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
        }
    }
}

fn password() -> Result<String> {
    let mut text = String::new();
    std::io::stdin().take(LONGEST).read_to_string(&mut text).context("read the password from standard input")?;
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Usage("standard input holds no password".to_owned()).into());
    }
    Ok(password.to_owned())
}
