//! A run for people.

use super::{pipeline, state};
use crate::error::CliError;
use crate::ui::table::{Field, Table, Tone};
use crate::ui::{Ui, format};
use opssight_api_types::pipelines::{Job, RunDetail};

pub(super) fn print(ui: &mut Ui, detail: &RunDetail, steps: bool) -> Result<(), CliError> {
    let sheet = sheet(detail, ui);
    ui.table(&sheet)?;
    if !detail.jobs.is_empty() {
        ui.write_line("")?;
        ui.table(&jobs(detail, steps))?;
    }
    if detail.attempts.len() > 1 {
        ui.write_line("")?;
        ui.table(&attempts(detail))?;
    }
    Ok(())
}

fn sheet(detail: &RunDetail, ui: &Ui) -> Table {
    let (run, now) = (&detail.run, ui.now());
    let mut sheet = Table::sheet();
    sheet.entry("Run", &run.id);
    sheet.entry("State", state(run.state, run.result));
    if let Some(failure) = &detail.failure {
        sheet.entry("Failure", Field::toned(format!("{}: {}", failure.class, failure.summary), Tone::Bad));
    }
    sheet.entry("Service", &run.service);
    sheet.entry("Pipeline", pipeline(run));
    sheet.entry_if("Title", run.title.as_ref());
    sheet.entry_if("Branch", run.branch.as_ref());
    sheet.entry_if("Commit", run.commit.as_ref());
    sheet.entry_if("Trigger", run.trigger.as_ref());
    sheet.entry_if("Actor", run.actor.as_ref());
    if !run.changes.is_empty() {
        let changes: Vec<_> = run.changes.iter().map(|number| format!("#{number}")).collect();
        sheet.entry("Changes", changes.join(", "));
    }
    sheet.entry_if("Created", run.created_at.map(|at| format::ago(at, now)));
    sheet.entry_if("Finished", run.finished_at.map(|at| format::ago(at, now)));
    sheet.entry_if("Queue", run.queue_ms.map(format::duration));
    sheet.entry_if("Execution", run.execution_ms.map(format::duration));
    if !detail.critical_path.is_empty() {
        let path: Vec<_> = detail.critical_path.iter().map(|step| step.name.as_str()).collect();
        sheet.entry("Critical path", path.join(" > "));
    }
    sheet.entry_if("Page", run.url.as_ref());
    if !detail.actions.is_empty() {
        let actions: Vec<_> = detail.actions.iter().map(|action| action.name.as_str()).collect();
        sheet.entry("Can be done", actions.join(", "));
    }
    sheet
}

fn jobs(detail: &RunDetail, steps: bool) -> Table {
    let mut table = Table::new(&["JOB", "STATE", "QUEUE", "EXECUTION", "RUNNER", "NOTES"]).whole(&[1, 2, 3]);
    for job in &detail.jobs {
        table.row(vec![
            (&job.name).into(),
            state(job.state, job.result),
            format::duration_or_dash(job.queue_ms).into(),
            format::duration_or_dash(job.execution_ms).into(),
            format::text_or_dash(job.runner.as_deref()).into(),
            notes(detail, job).into(),
        ]);
        if steps {
            add_steps(&mut table, job);
        }
    }
    table
}

fn notes(detail: &RunDetail, job: &Job) -> String {
    let mut notes = Vec::new();
    if detail.critical_path.iter().any(|step| step.job == job.id) {
        notes.push("critical path");
    }
    if detail
        .failure
        .as_ref()
        .is_some_and(|failure| failure.job.as_ref().is_some_and(|at| *at == job.id || *at == job.name))
    {
        notes.push("failed first");
    }
    if job.flaky {
        notes.push("flaky");
    }
    notes.join(", ")
}

fn add_steps(table: &mut Table, job: &Job) {
    for step in &job.steps {
        let took = step.started_at.zip(step.finished_at).map(|(from, to)| (to - from).num_milliseconds());
        table.row(vec![
            format!("  {}. {}", step.number, step.name).into(),
            state(step.state, step.result),
            "".into(),
            format::duration_or_dash(took).into(),
            "".into(),
            "".into(),
        ]);
    }
}

fn attempts(detail: &RunDetail) -> Table {
    let mut table = Table::new(&["ATTEMPT", "ID", "STATE"]).whole(&[0, 1, 2]);
    for attempt in &detail.attempts {
        let this = if attempt.id == detail.run.id { " (this)" } else { "" };
        table.row(vec![
            format!("{}{this}", attempt.attempt).into(),
            (&attempt.id).into(),
            state(attempt.state, attempt.result),
        ]);
    }
    table
}
