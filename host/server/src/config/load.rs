//! Putting the layers together.

use super::{Config, Role, Roles};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What `opssight serve` can be told on the command line.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// Configuration file (TOML).
    #[arg(long, short = 'c', value_name = "FILE", env = "OPSSIGHT_CONFIG")]
    pub config: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Folder for the database and keys [default: opssight-data].
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// What this process does, where several share one database [default: all].
    #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
    pub roles: Vec<Role>,
    /// Folder of plugin packages [default: plugins inside of the data folder].
    #[arg(long, value_name = "DIR")]
    pub plugins: Option<PathBuf>,
    /// Address under which others reach this host.
    #[arg(long, value_name = "URL")]
    pub public_url: Option<url::Url>,
    /// For plugin authors: take packages that nobody signed. Only on an address that other machines cannot reach.
    #[arg(long)]
    pub dev: bool,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("read the configuration file {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is wrong; the text has line and column.
    #[error("understand the configuration file {}: {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A variable of the environment is wrong.
    #[error("understand the environment variable {name}: {problem}")]
    Variable {
        /// Which.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// The whole breaks a rule.
    #[error("accept the configuration: {}", .0.join("; "))]
    Rules(Vec<String>),
}

/// Defaults < file < environment < flags. The environment is handed in, so that tests need not change it.
pub fn load(flags: &Flags, environment: &[(String, String)]) -> Result<Config, ConfigError> {
    let mut table = match &flags.config {
        Some(path) => file(path)?,
        None => toml::Table::new(),
    };
    for (name, value) in environment {
        if let Some(path) = variable(name) {
            set(&mut table, &path, literal(value));
            // Tried at once, so that the error can name the variable.
            config(&table)
                .map_err(|error| ConfigError::Variable { name: name.clone(), problem: error.message().to_owned() })?;
        }
    }
    let mut config = config(&table).map_err(|error| ConfigError::Rules(vec![error.message().to_owned()]))?;
    if let Some(listen) = flags.listen {
        config.server.listen = listen;
    }
    if let Some(data) = &flags.data {
        config.server.data.clone_from(data);
    }
    if !flags.roles.is_empty() {
        config.server.roles = Roles(flags.roles.clone());
    }
    if let Some(url) = &flags.public_url {
        config.server.public_url = Some(url.clone());
    }
    if let Some(dir) = &flags.plugins {
        config.plugins.dir = Some(dir.clone());
    }
    config.plugins.dev |= flags.dev;
    let problems = config.problems();
    if problems.is_empty() { Ok(config) } else { Err(ConfigError::Rules(problems)) }
}

fn file(path: &Path) -> Result<toml::Table, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let wrong = |error: toml::de::Error| ConfigError::File { path: path.to_owned(), problem: error.to_string() };
    // Read as a whole configuration first: only then does the error have a line.
    toml::from_str::<Config>(&text).map_err(wrong)?;
    toml::from_str(&text).map_err(wrong)
}

fn config(table: &toml::Table) -> Result<Config, toml::de::Error> {
    toml::Value::Table(table.clone()).try_into()
}

/// `OPSSIGHT_SERVER__LISTEN` is `server.listen`, `OPSSIGHT_PLUGINS__UPDATE__FAULTS` is `plugins.update.faults`. Names
/// without the double underscore belong to the command line.
fn variable(name: &str) -> Option<Vec<String>> {
    let path: Vec<String> = name.strip_prefix("OPSSIGHT_")?.split("__").map(str::to_lowercase).collect();
    (path.len() > 1).then_some(path)
}

/// `5` is a number and `true` a truth value; what is no TOML literal is text.
fn literal(value: &str) -> toml::Value {
    let whole = toml::from_str::<toml::Table>(&format!("value = {value}"));
    whole.ok().and_then(|mut table| table.remove("value")).unwrap_or_else(|| toml::Value::String(value.to_owned()))
}

fn set(table: &mut toml::Table, path: &[String], value: toml::Value) {
    match path {
        [] => {}
        [key] => drop(table.insert(key.clone(), value)),
        [section, rest @ ..] => {
            let entry = table.entry(section.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let toml::Value::Table(section) = entry {
                set(section, rest, value);
            }
        }
    }
}
