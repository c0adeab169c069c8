//! The client half of `opssight doctor`: ask a running server whether all is well, and say how to mend what is not.

mod checks;

use crate::Session;
use crate::args::{OutputFormat, only_metrics_have_csv};
use crate::error::CliError;
use crate::ui::format;
use crate::ui::table::{Field, Table, Tone};
use checks::Verdict;
use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Ok,
    Warning,
    Failing,
    /// Could not be looked at, because of something above it.
    Skipped,
}

/// What was looked at and what was found.
#[derive(Debug, Serialize)]
struct Finding {
    check: String,
    status: Status,
    detail: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// What `-o json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    server: String,
    status: Status,
    checks: &'a [Finding],
}

pub(crate) async fn run(session: &mut Session) -> Result<(), CliError> {
    let Verdict { findings, signed_in } = checks::all(session).await;
    let status = worst(&findings);
    print(session, &findings, status)?;
    match (status, signed_in) {
        (Status::Failing, true) => Err(CliError::Failed(problems(&findings))),
        (Status::Failing, false) => Err(CliError::NotSignedIn { server: session.client.server().to_string() }),
        _ => Ok(()),
    }
}

fn worst(findings: &[Finding]) -> Status {
    let any = |status| findings.iter().any(|finding| finding.status == status);
    if any(Status::Failing) {
        Status::Failing
    } else if any(Status::Warning) {
        Status::Warning
    } else {
        Status::Ok
    }
}

fn problems(findings: &[Finding]) -> String {
    match findings.iter().filter(|finding| finding.status == Status::Failing).count() {
        1 => "1 check is failing".to_owned(),
        count => format!("{count} checks are failing"),
    }
}

fn print(session: &mut Session, findings: &[Finding], status: Status) -> Result<(), CliError> {
    match session.ui.format() {
        OutputFormat::Table => {}
        OutputFormat::Jsonl => return findings.iter().try_for_each(|finding| session.ui.json_line(finding)),
        // The names of what is wrong.
        OutputFormat::Name => {
            let wrong = findings.iter().filter(|f| matches!(f.status, Status::Warning | Status::Failing));
            return wrong.map(|f| format::line(&f.check)).try_for_each(|name| session.ui.write_line(&name));
        }
        OutputFormat::Json | OutputFormat::Yaml => {
            let report = Report { server: session.client.server().to_string(), status, checks: findings };
            return session.ui.document(&report, "", |_| Ok(()));
        }
        OutputFormat::Csv => return only_metrics_have_csv(OutputFormat::Csv),
    }
    let mut table = Table::new(&["CHECK", "STATUS", "DETAIL"]).whole(&[1]);
    for finding in findings {
        table.row(vec![(&finding.check).into(), status_field(finding.status), (&finding.detail).into()]);
        if let Some(fix) = &finding.fix {
            table.row(vec!["".into(), "".into(), format!("-> {fix}").into()]);
        }
    }
    session.ui.table(&table)
}

fn status_field(status: Status) -> Field {
    match status {
        Status::Ok => Field::toned("ok", Tone::Good),
        Status::Warning => Field::toned("warning", Tone::Active),
        Status::Failing => Field::toned("failing", Tone::Bad),
        Status::Skipped => Field::toned("skipped", Tone::Muted),
    }
}
