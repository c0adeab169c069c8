//! Acting on a run: rerun and cancel, by way of the actions that its plugin declares.

use crate::Session;
use crate::error::CliError;
use crate::ui::format;
use opssight_api_types::pipelines::{RunAction, RunDetail};

/// What a person wants, and the names under which a plugin may offer it.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    names: &'static [&'static str],
    /// Fits after "can not be".
    done: &'static str,
    /// Asked about whatever the plugin says of its danger.
    always_ask: bool,
}

pub(super) const RERUN: Wish = Wish { names: &["rerun", "rerun-run"], done: "rerun", always_ask: false };
pub(super) const RERUN_FAILED: Wish =
    Wish { names: &["rerun-failed", "rerun-failed-jobs"], done: "rerun for its failed jobs", always_ask: false };
pub(super) const CANCEL: Wish = Wish { names: &["cancel", "cancel-run"], done: "cancelled", always_ask: true };
pub(super) const FORCE_CANCEL: Wish =
    Wish { names: &["force-cancel", "force-cancel-run"], done: "cancelled by force", always_ask: true };

pub(super) async fn act(session: &mut Session, id: &str, wish: Wish) -> Result<(), CliError> {
    let detail = session.client.get::<RunDetail>(&["runs", id], &()).await?.value;
    let action = find(&detail.actions, wish).ok_or_else(|| impossible(&detail, wish))?;
    if wish.always_ask || action.danger == "danger" {
        session.ui.confirm(&question(&detail, action)).await?;
    }
    let body = serde_json::json!({ "input": {} });
    let answer = session.client.post_any(&["runs", &detail.run.id, "actions", &action.name], &body).await?;
    let message = format!("{}: asked for. `opssight runs watch {id}` follows it.", action.title);
    session.ui.done(answer.as_ref(), &detail.run.id, &message)
}

fn find(actions: &[RunAction], wish: Wish) -> Option<&RunAction> {
    let is = |action: &&RunAction, name: &str| action.name.replace('_', "-") == name;
    wish.names.iter().find_map(|name| actions.iter().find(|action| is(action, name)))
}

fn impossible(detail: &RunDetail, wish: Wish) -> CliError {
    let offered: Vec<_> = detail.actions.iter().map(|action| action.name.as_str()).collect();
    let offered = if offered.is_empty() { "nothing".to_owned() } else { offered.join(", ") };
    CliError::Failed(format!(
        "run {} can not be {} now; what can be done to it: {offered}",
        format::line(&detail.run.id),
        wish.done
    ))
}

fn question(detail: &RunDetail, action: &RunAction) -> String {
    let run = &detail.run;
    let state = super::state(run.state, run.result);
    format!("{}: {} {} ({})?", action.title, run.service, super::pipeline(run), state.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_found_under_the_names_that_plugins_use() {
        let offered = |names: &[&str]| -> Vec<RunAction> {
            let action = |name: &&str| RunAction {
                name: (*name).to_owned(),
                title: String::new(),
                description: String::new(),
                danger: "safe".to_owned(),
            };
            names.iter().map(action).collect()
        };
        let all = offered(&["rerun", "rerun-failed-jobs", "cancel", "force_cancel"]);
        let found = |wish| find(&all, wish).map(|action| action.name.as_str());
        assert_eq!(found(RERUN), Some("rerun"));
        assert_eq!(found(RERUN_FAILED), Some("rerun-failed-jobs"));
        assert_eq!(found(CANCEL), Some("cancel"));
        assert_eq!(found(FORCE_CANCEL), Some("force_cancel"));
        assert!(find(&offered(&["cancel"]), RERUN).is_none());
    }
}
