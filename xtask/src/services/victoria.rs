//! VictoriaMetrics: a Prometheus-compatible store that also takes InfluxDB's line protocol.

use super::{START, free_port};
use crate::process::say;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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
        victoria.wait()?;
        say(&format!("    VictoriaMetrics answers at 127.0.0.1:{port}"));
        Ok(victoria)
    }

    fn wait(&mut self) -> Result<()> {
        let deadline = Instant::now() + START;
        while !self.answers() {
            if let Some(status) = self.child.try_wait().context("look at VictoriaMetrics")? {
                bail!("VictoriaMetrics ended before it answered ({status})");
            }
            if Instant::now() > deadline {
                bail!("VictoriaMetrics did not answer within {} s", START.as_secs());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<bool> {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(2)))?;
            stream.write_all(b"GET /health HTTP/1.0\r\n\r\n")?;
            let mut said = String::new();
            stream.read_to_string(&mut said)?;
            Ok(said.contains(" 200 "))
        };
        ask().unwrap_or(false)
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
