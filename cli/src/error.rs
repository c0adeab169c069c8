//! Everything that can go wrong in a command: what it says, what to do next, and the exit code.

use crate::ui::format;
use opssight_api_types::Problem;
use serde::Serialize;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The command line cannot be carried out as it stands.
    #[error("{0}")]
    Usage(String),

    /// The question was answered with no.
    #[error("not confirmed, nothing was done")]
    Declined,

    #[error("interrupted")]
    Interrupted,

    #[error("not signed in to {server}")]
    NotSignedIn { server: String },

    /// The server said what is wrong.
    #[error("{}", .problem.detail)]
    Problem { problem: Box<Problem>, next: Option<String> },

    /// The server could not be talked to.
    #[error("failed to reach {server}: {cause}")]
    Unreachable { server: String, cause: String },

    /// Something answered, but not as the API does.
    #[error("{server} did not answer like an OpsSight server: {what}")]
    StrangeAnswer { server: String, what: String },

    #[error("failed to {doing} {}: {source}", .path.display())]
    File { doing: &'static str, path: PathBuf, source: std::io::Error },

    #[error("failed to read {what}: {source}")]
    Input { what: &'static str, source: std::io::Error },

    #[error("failed to write the output: {0}")]
    Output(std::io::Error),

    #[error("failed to render the output: {0}")]
    Render(String),

    #[error("failed to set up the HTTP client: {0}")]
    Setup(String),

    /// What was watched or checked ended badly.
    #[error("{0}")]
    EndedBadly(String),

    /// What was watched is not over.
    #[error("{0}")]
    StillPending(String),

    /// A part of the work failed; each failure has been reported.
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            // Whoever read our output has seen enough: `opssight runs list | head`.
            Self::Output(source) if source.kind() == std::io::ErrorKind::BrokenPipe => 0,
            Self::Usage(_) | Self::Declined => 2,
            Self::NotSignedIn { .. } => 4,
            Self::Problem { problem, .. } if problem.status == 401 => 4,
            Self::EndedBadly(_) => 5,
            Self::StillPending(_) => 8,
            Self::Interrupted => 130,
            _ => 1,
        }
    }

    /// The status, when the server answered with a problem.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Problem { problem, .. } => Some(problem.status),
            _ => None,
        }
    }

    /// Whether the same request may work a little later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Unreachable { .. }) || matches!(self.status(), Some(429 | 502 | 503 | 504))
    }

    fn code(&self) -> &str {
        match self {
            Self::Usage(_) => "usage",
            Self::Declined => "declined",
            Self::Interrupted => "interrupted",
            Self::NotSignedIn { .. } => "not-signed-in",
            Self::Problem { problem, .. } => match &problem.code {
                Some(code) => code,
                None => problem.kind.rsplit('/').next().unwrap_or("problem"),
            },
            Self::Unreachable { .. } => "unreachable",
            Self::StrangeAnswer { .. } => "strange-answer",
            Self::EndedBadly(_) => "ended-badly",
            Self::StillPending(_) => "still-pending",
            _ => "failed",
        }
    }

    /// What the person can do about it.
    pub(crate) fn next_step(&self) -> Option<String> {
        match self {
            Self::NotSignedIn { .. } => Some("run `opssight login`, or set OPSSIGHT_TOKEN".to_owned()),
            Self::Problem { next: Some(next), .. } => Some(next.clone()),
            Self::Problem { problem, .. } => next_step_for(problem.status).map(str::to_owned),
            Self::Unreachable { .. } => Some(
                "check that `opssight serve` is running there; --server or OPSSIGHT_SERVER name another address"
                    .to_owned(),
            ),
            Self::StrangeAnswer { .. } => {
                Some("check the address given with --server or OPSSIGHT_SERVER, and run `opssight doctor`".to_owned())
            }
            _ => None,
        }
    }

    /// The report for people.
    pub(crate) fn to_text(&self) -> String {
        let mut text = format!("error: {}\n", format::block(&self.to_string()).trim_end());
        if let Self::Problem { problem, .. } = self {
            for field in &problem.fields {
                let (at, problem) = (format::line(&field.at), format::line(&field.problem));
                text.push_str(&format!("  {at}: {problem}\n"));
            }
            if let Some(id) = &problem.request_id {
                text.push_str(&format!("  request id: {}\n", format::line(id)));
            }
        }
        if let Some(next) = self.next_step() {
            text.push_str(&format!("next: {}\n", format::line(&next)));
        }
        text
    }

    /// The report for programs: one line of JSON.
    pub(crate) fn to_json(&self) -> String {
        let problem = match self {
            Self::Problem { problem, .. } => Some(problem),
            _ => None,
        };
        let envelope = Envelope {
            code: self.code(),
            message: self.to_string(),
            fields: problem.map(|p| p.fields.as_slice()).unwrap_or_default(),
            request_id: problem.and_then(|p| p.request_id.as_deref()),
            next: self.next_step(),
        };
        format::json_safe(&serde_json::to_string(&envelope).unwrap_or_default())
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    code: &'a str,
    message: String,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    fields: &'a [opssight_api_types::FieldProblem],
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

fn next_step_for(status: u16) -> Option<&'static str> {
    match status {
        401 => Some("run `opssight login`"),
        403 => Some("ask an administrator for the role that this needs; `opssight whoami` shows yours"),
        409 => Some("look at its present state and try again"),
        429 => Some("wait a little and try again"),
        500 => Some("look for the request id in the server's log"),
        502..=504 => Some("try again shortly; `opssight doctor` shows which part is failing"),
        _ => None,
    }
}
