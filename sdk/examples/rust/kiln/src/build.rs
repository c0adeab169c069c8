//! A build as Kiln tells of it becomes an item. Pure.

use opssight_plugin::items::{PipelineRun, RunResult, RunState};
use opssight_plugin::{Failure, Item, time};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Build {
    pub(crate) id: u64,
    project: String,
    pipeline: String,
    status: String,
    attempt: u32,
    branch: Option<String>,
    commit: Option<String>,
    author: Option<String>,
    url: Option<String>,
    created: Option<String>,
    started: Option<String>,
    finished: Option<String>,
}

impl Build {
    pub(crate) fn item(self) -> Result<Item, Failure> {
        let (state, result) = self.state()?;
        let at = |text: &Option<String>| text.as_deref().and_then(time::parse);
        let (created_at, started_at, finished_at) = (at(&self.created), at(&self.started), at(&self.finished));
        let moment = finished_at
            .or(started_at)
            .or(created_at)
            .ok_or_else(|| Failure::upstream("kiln.time", format!("build {} has no time", self.id)))?;
        let name = self.project.rsplit('/').next().unwrap_or_default();
        let title = format!("{name}/{} #{}", self.pipeline, self.id);
        let payload = PipelineRun {
            id: self.id.to_string(),
            attempt: self.attempt,
            service: self.project,
            pipeline: Some(self.pipeline),
            number: Some(self.id),
            url: self.url,
            state: Some(state),
            result,
            branch: self.branch,
            commit: self.commit,
            actor: self.author,
            created_at,
            started_at,
            finished_at,
            ..PipelineRun::default()
        };
        let item = Item::of(&payload, payload.id.clone(), moment, title);
        Ok(Item { url: payload.url, ..item })
    }

    fn state(&self) -> Result<(RunState, Option<RunResult>), Failure> {
        Ok(match self.status.as_str() {
            "queued" => (RunState::Queued, None),
            "running" => (RunState::Running, None),
            "passed" => (RunState::Finished, Some(RunResult::Success)),
            "failed" => (RunState::Finished, Some(RunResult::Failure)),
            "cancelled" => (RunState::Finished, Some(RunResult::Cancellation)),
            other => {
                let message = format!("build {} is \"{other}\", which Kiln does not document", self.id);
                return Err(Failure::upstream("kiln.status", message));
            }
        })
    }
}
