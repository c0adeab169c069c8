//! Enums of the vocabulary as the words that columns hold.

use opssight_core::vocabulary::{ChangeState, RunResult, RunState};

pub(crate) fn run_state(state: RunState) -> &'static str {
    match state {
        RunState::Queued => "queued",
        RunState::Waiting => "waiting",
        RunState::Running => "running",
        RunState::Finished => "finished",
    }
}

pub(crate) fn change_state(state: ChangeState) -> &'static str {
    match state {
        ChangeState::Open => "open",
        ChangeState::Closed => "closed",
        ChangeState::Merged => "merged",
    }
}

pub(crate) fn parse_run_state(word: &str) -> Option<RunState> {
    [RunState::Queued, RunState::Waiting, RunState::Running, RunState::Finished]
        .into_iter()
        .find(|state| run_state(*state) == word)
}

pub(crate) fn parse_run_result(word: &str) -> Option<RunResult> {
    use RunResult::{ActionRequired, Cancellation, Error, Failure, Neutral, Skip, Success, Timeout};
    [Success, Failure, Error, Timeout, Cancellation, Skip, Neutral, ActionRequired]
        .into_iter()
        .find(|result| result.as_str() == word)
}
