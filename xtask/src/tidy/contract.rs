//! The plugin contract keeps its rules, and what was released of it stands.

use super::Remarks;
use crate::contract;
use crate::workspace::Workspace;
use anyhow::Result;

pub(super) fn check(workspace: &Workspace) -> Result<Remarks> {
    let new = contract::unreleased(workspace)?;
    Ok(new.into_iter().map(|name| format!("wit/1.0: {name} is not released yet (`cargo xtask contract`)")).collect())
}
