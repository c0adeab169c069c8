//! Deployment files, as far as they can be judged without deploying.

use super::Remarks;
use crate::process;
use crate::tools;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail, ensure};
use std::fs;

const UNIT: &str = "deploy/systemd/opssight.service";
const DOCKERFILE: &str = "deploy/docker/Dockerfile";

pub(super) fn check(workspace: &Workspace) -> Result<Remarks> {
    let mut remarks = unit(workspace)?;
    let text = fs::read_to_string(workspace.root.join(DOCKERFILE)).context("read the Dockerfile")?;
    dockerfile(&text)?;
    remarks.push("the Dockerfile is linted here, not built: building it needs a container engine".to_owned());
    Ok(remarks)
}

/// systemd's own check, on a copy whose program exists: what is checked is the unit, not this machine.
fn unit(workspace: &Workspace) -> Result<Remarks> {
    let text = fs::read_to_string(workspace.root.join(UNIT)).context("read the unit")?;
    for hardening in ["DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet=\n"] {
        ensure!(text.contains(hardening), "{UNIT} lacks {}", hardening.trim());
    }
    if !tools::on_path("systemd-analyze") {
        return Ok(vec![format!("{UNIT} was not verified: systemd-analyze is not on this machine")]);
    }
    let folder = tempfile::tempdir().context("make a folder for the unit")?;
    let copy = folder.path().join("opssight.service");
    fs::write(&copy, text.replace("/usr/local/bin/opssight", "/bin/true")).context("copy the unit")?;
    let (status, said) = process::tee(workspace.command("systemd-analyze").args(["verify", "--man=no"]).arg(&copy))?;
    // It also complains of other units of this machine; what it says of ours names it.
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("opssight.service")).collect();
    if !ours.is_empty() {
        bail!("{}", ours.join("\n      "));
    }
    Ok(if status.success() {
        Vec::new()
    } else {
        vec!["systemd-analyze found faults only in units of this machine".into()]
    })
}

fn dockerfile(text: &str) -> Result<()> {
    let instructions: Vec<&str> =
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let of = |name: &str| instructions.iter().filter(|line| line.starts_with(name)).copied().collect::<Vec<_>>();
    ensure!(of("FROM ").len() >= 2, "the Dockerfile has one stage: the image would carry the compilers");
    ensure!(of("FROM ").iter().all(|from| !from.contains(":latest")), "an image is not pinned to a version");
    let user = of("USER ").last().copied().context("the Dockerfile has no USER: the host would run as root")?;
    ensure!(!user.contains("root") && user != "USER 0", "the image ends as root");
    ensure!(!of("HEALTHCHECK ").is_empty(), "the Dockerfile has no HEALTHCHECK");
    ensure!(
        of("ENTRYPOINT ").iter().all(|entry| entry.contains('[')),
        "ENTRYPOINT must be a list, or signals get lost"
    );
    ensure!(!of("ENTRYPOINT ").is_empty(), "the Dockerfile has no ENTRYPOINT");
    for copy in of("COPY ").iter().filter(|copy| !copy.contains("--from=")) {
        let source = copy.split_whitespace().nth(1).unwrap_or_default();
        ensure!(source == "." || !source.starts_with('/'), "{copy}: a source outside of the build context");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::dockerfile;

    #[test]
    fn a_dockerfile_that_runs_as_root_or_carries_compilers_is_refused() {
        let good =
            "FROM a:1 AS b\nFROM c:2\nCOPY --from=b /x /x\nUSER 65532\nHEALTHCHECK CMD [\"x\"]\nENTRYPOINT [\"x\"]";
        assert!(dockerfile(good).is_ok());
        for (from, to) in
            [("USER 65532\n", ""), ("65532", "root"), ("FROM c:2\n", ""), ("c:2", "c:latest"), ("[\"x\"]", "x")]
        {
            assert!(dockerfile(&good.replace(from, to)).is_err(), "{from} -> {to}");
        }
    }
}
