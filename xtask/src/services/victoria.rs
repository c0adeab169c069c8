//! VictoriaMetrics: a Prometheus-compatible store that also takes InfluxDB's line protocol.

use super::{free_port, is_well, wait};
use crate::process::say;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::process::{Child, Command, Stdio};

pub(super) struct Victoria {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Victoria {
    pub(super) fn start(workspace: &Workspace) -> Result<Self> {
        let program = tools::victoria(workspace)?;
        let folder = tempfile::tempdir().context("make a folder for VictoriaMetrics")?;
        let port = free_port()?;
        let log = fs::File::create(folder.path().join("log")).context("make VictoriaMetrics' log")?;
        let child = Command::new(program)
            .arg(format!("-httpListenAddr=127.0.0.1:{port}"))
            .arg(format!("-storageDataPath={}", folder.path().join("data").display()))
            // Days; tests write history.
            .args(["-retentionPeriod=400d", "-memory.allowedPercent=5"])
            // What was written is seen at once, and what was written twice is seen once.
            .args(["-search.latencyOffset=0s", "-dedup.minScrapeInterval=1ms"])
            // A measurement with one field is a metric of its name.
            .args(["-influxSkipSingleField", "-influxDBLabel="])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("start VictoriaMetrics")?;
        let mut victoria = Self { child, port, _folder: folder };
        wait("VictoriaMetrics", &mut victoria.child, || is_well(port, "/health"))?;
        say(&format!("    VictoriaMetrics answers at 127.0.0.1:{port}"));
        Ok(victoria)
    }

    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Victoria {
    fn drop(&mut self) {
        let _gone_already = kill_process(Pid::from_child(&self.child), Signal::INT);
        let _ended = self.child.wait();
    }
}
