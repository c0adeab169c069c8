//! A running host, as `opssight plugin dev` needs it: with the session of the client's commands.

use anyhow::{Context, Error};
use async_trait::async_trait;
use chrono::DateTime;
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
        lines.map(|lines| lines.into_iter().map(shown).collect()).transpose()
    }
}

/// Times are compared, and texts of times sort otherwise: "10:00:00Z" is before "10:00:00.5Z".
fn shown(line: PluginLine) -> anyhow::Result<HostLine> {
    let PluginLine { at, level, connection, message, .. } = line;
    let at = DateTime::parse_from_rfc3339(&at).with_context(|| format!("read the time of a log line, \"{at}\""))?;
    Ok(HostLine { at: at.to_utc().into(), level, connection, message })
}

#[cfg(test)]
mod tests {
    use super::shown;
    use opssight_cli::PluginLine;

    #[test]
    fn times_are_in_the_order_of_time_and_not_of_text() {
        let at = |text: &str| {
            let line = format!(r#"{{ "at": "{text}", "level": "info", "message": "m" }}"#);
            shown(serde_json::from_str::<PluginLine>(&line).unwrap()).map(|line| line.at)
        };
        let times = ["2026-01-01T10:00:00Z", "2026-01-01T10:00:00.5Z", "2026-01-01T11:00:00.75+00:30"];
        let [whole, half, later] = times.map(|text| at(text).unwrap());
        assert!(whole < half && half < later);
        assert!(at("yesterday").unwrap_err().to_string().contains("yesterday"));
    }
}
