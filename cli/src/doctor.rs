//! The client half of `opssight doctor`: ask a running server whether all is well, and say how to mend what is not. The
//! other half looks at this machine, and says what it finds in the same way.

mod checks;

use crate::Session;
use crate::args::{OutputFormat, only_metrics_have_csv};
use crate::client::Client;
use crate::error::CliError;
use crate::ui::table::{Field, Table, Tone};
use crate::ui::{Ui, format};
use checks::Verdict;
use serde::Serialize;

/// How something is that was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Well.
    Ok,
    /// It works, and should be looked after.
    Warning,
    /// It does not work.
    Failing,
    /// Could not be looked at, because of something above it.
    Skipped,
}

/// What was looked at and what was found.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: String,
    /// How it is.
    pub status: Status,
    /// What was found, and where.
    pub detail: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    fn new(check: &str, status: Status, detail: impl Into<String>) -> Self {
        Self { check: check.to_owned(), status, detail: detail.into(), fix: None }
    }

    /// It is well.
    pub fn ok(check: &str, detail: impl Into<String>) -> Self {
        Self::new(check, Status::Ok, detail)
    }

    /// It works, and should be looked after.
    pub fn warning(check: &str, detail: impl Into<String>) -> Self {
        Self::new(check, Status::Warning, detail)
    }

    /// It does not work.
    pub fn failing(check: &str, detail: impl Into<String>) -> Self {
        Self::new(check, Status::Failing, detail)
    }

    /// It was not looked at.
    pub fn skipped(check: &str, detail: impl Into<String>) -> Self {
        Self::new(check, Status::Skipped, detail)
    }

    /// With how to mend it.
    #[must_use]
    pub fn mend(mut self, fix: &str) -> Self {
        self.fix = Some(fix.to_owned());
        self
    }

    /// Whether it is well.
    pub fn is_ok(&self) -> bool {
        self.status == Status::Ok
    }
}

/// What `-o json` prints.
#[derive(Debug, Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    subject: Subject<'a>,
    status: Status,
    checks: &'a [Finding],
}

/// What was looked at.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
enum Subject<'a> {
    /// A server, by its address.
    Server(&'a str),
    /// This machine, by the host's data folder.
    Data(&'a str),
}

pub(crate) async fn run(session: &mut Session) -> Result<(), CliError> {
    let Verdict { findings, signed_in } = checks::all(session).await;
    let status = worst(&findings);
    let server = session.client.server().to_string();
    print(&mut session.ui, &Report { subject: Subject::Server(&server), status, checks: &findings })?;
    match (status, signed_in) {
        (Status::Failing, true) => Err(CliError::Failed(problems(&findings))),
        (Status::Failing, false) => Err(CliError::NotSignedIn { server }),
        _ => Ok(()),
    }
}

pub(crate) fn print_local(ui: &mut Ui, data: &str, findings: &[Finding]) -> Result<(), CliError> {
    let status = worst(findings);
    print(ui, &Report { subject: Subject::Data(data), status, checks: findings })?;
    if status == Status::Failing { Err(CliError::Failed(problems(findings))) } else { Ok(()) }
}

pub(crate) async fn readiness(server: &str) -> Option<Vec<Finding>> {
    let client = Client::nobody(server).ok()?;
    let health = checks::health(&client).await.ok()?;
    Some(checks::parts(health).collect())
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

fn print(ui: &mut Ui, report: &Report<'_>) -> Result<(), CliError> {
    let findings = report.checks;
    match ui.format() {
        OutputFormat::Table => {}
        OutputFormat::Jsonl => return findings.iter().try_for_each(|finding| ui.json_line(finding)),
        // The names of what is wrong.
        OutputFormat::Name => {
            let wrong = findings.iter().filter(|f| matches!(f.status, Status::Warning | Status::Failing));
            return wrong.map(|f| format::line(&f.check)).try_for_each(|name| ui.write_line(&name));
        }
        OutputFormat::Json | OutputFormat::Yaml => return ui.document(report, "", |_| Ok(())),
        OutputFormat::Csv => return only_metrics_have_csv(OutputFormat::Csv),
    }
    let mut table = Table::new(&["CHECK", "STATUS", "DETAIL"]).whole(&[1]);
    for finding in findings {
        table.row(vec![(&finding.check).into(), status_field(finding.status), (&finding.detail).into()]);
        if let Some(fix) = &finding.fix {
            table.row(vec!["".into(), "".into(), format!("-> {fix}").into()]);
        }
    }
    ui.table(&table)
}

fn status_field(status: Status) -> Field {
    match status {
        Status::Ok => Field::toned("ok", Tone::Good),
        Status::Warning => Field::toned("warning", Tone::Active),
        Status::Failing => Field::toned("failing", Tone::Bad),
        Status::Skipped => Field::toned("skipped", Tone::Muted),
    }
}
