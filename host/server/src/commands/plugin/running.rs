//! A running host, as `opssight plugin dev` needs it: with the session of the client's commands.

use anyhow::Error;
use async_trait::async_trait;
use opssight_author::{Host, HostLine};
use opssight_cli::{Developer, GlobalArgs, PluginLine};

/// The host that the global flags name. Reached only when something is asked of it.
pub(super) struct Running(pub(super) GlobalArgs);

impl Running {
    fn reach(&self) -> anyhow::Result<Developer> {
        Developer::new(&self.0).map_err(Error::msg)
    }
}

#[async_trait]
impl Host for Running {
    async fn install(&self, package: Vec<u8>, digest: &str) -> anyhow::Result<String> {
        self.reach()?.install(package, digest).await.map_err(Error::msg)
    }

    async fn log(&self, plugin: &str) -> anyhow::Result<Option<Vec<HostLine>>> {
        let lines = self.reach()?.log(plugin).await.map_err(Error::msg)?;
        Ok(lines.map(|lines| lines.into_iter().map(shown).collect()))
    }
}

fn shown(line: PluginLine) -> HostLine {
    HostLine { at: line.at, level: line.level, connection: line.connection, message: line.message }
}
