//! How a host is told of a server: the settings that an operator would write.

use opssight_services::{Part, Record};

/// Lines for a shell.
pub(super) fn settings(record: &Record) -> anyhow::Result<String> {
    let (at, password) = (format!("127.0.0.1:{}", record.port), record.password()?);
    Ok(match record.part {
        Part::Postgres => export("STORE__URL", &format!("postgres://opssight:{password}@{at}/postgres")),
        Part::Redis => export("CACHE__URL", &format!("redis://:{password}@{at}/0")),
        Part::Metrics => export("METRICS__URL", &format!("http://{at}")),
        Part::Azure | Part::Google => String::new(),
        // For credentials of connections only: a master key would be gone with this server, which keeps nothing, and what
        // it seals in the store is kept.
        Part::Vault => {
            let address = export("SECRETS__VAULT__ADDRESS", &format!("http://{at}"));
            let paths = export("SECRETS__VAULT__PATHS", "[\"secret/data/opssight/\"]");
            format!("{address}{paths}export VAULT_TOKEN='{password}'\n")
        }
        Part::Kafka => {
            let url = export("BUS__URL", &format!("kafka://{at}"));
            // A host that was built without it refuses the setting.
            if cfg!(feature = "kafka") { url } else { format!("# this opssight was built without Kafka: {url}") }
        }
    })
}

fn export(name: &str, value: &str) -> String {
    format!("export OPSSIGHT_{name}='{value}'\n")
}
