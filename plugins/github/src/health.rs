//! Does the connection work? Who it is, how much it sees, and whether the repositories that were named can be read.

use crate::client::{Client, is_refused, read};
use crate::config::Settings;
use crate::parse::value::{Text, User, login};
use opssight_plugin::http::Response;
use opssight_plugin::{Failure, Report};
use serde::Deserialize;

const REQUESTS: u32 = 7;
/// Named repositories that are tried; enough to find a list for the wrong account.
const TRIED: usize = 5;

#[derive(Deserialize)]
struct Installation {
    total_count: Option<u64>,
}

#[derive(Deserialize)]
struct Repository<'a> {
    #[serde(borrow)]
    full_name: Option<Text<'a>>,
}

pub(crate) fn check() -> Result<Report, Failure> {
    let settings = Settings::read()?;
    let client = Client::new(&settings.base_url, REQUESTS);
    let (who, answer) = identity(&client)?;
    for name in settings.repositories.iter().take(TRIED) {
        let path = format!("/repos/{name}");
        let response = client.get(&path)?;
        let repository: Repository<'_> = read(&path, &response)?;
        if repository.full_name.as_deref().is_some_and(|now| !now.eq_ignore_ascii_case(name)) {
            let now = repository.full_name.as_deref().unwrap_or_default();
            return Err(Failure::config(
                "github.renamed",
                format!("the repository {name} is now called {now}: change it in the connection's settings"),
            ));
        }
    }
    let scope = match settings.repositories.len() {
        0 => String::new(),
        1 => ", watching 1 repository".to_owned(),
        count => format!(", watching {count} repositories"),
    };
    let mut report = Report::new(format!("{who}{scope}")).attr("github.api", settings.base_url);
    for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-github-enterprise-version"] {
        if let Some(value) = answer.header(name) {
            report = report.attr(name.replacen("x-", "github.", 1), value);
        }
    }
    Ok(report)
}

/// An installation of an app has no user and a user has no installation: one of two questions has an answer.
fn identity(client: &Client) -> Result<(String, Response), Failure> {
    let path = "/installation/repositories?per_page=1";
    match client.get(path) {
        Ok(response) => {
            let installation: Installation = read(path, &response)?;
            let who = match installation.total_count {
                Some(1) => "signed in as a GitHub App that sees 1 repository".to_owned(),
                Some(count) => format!("signed in as a GitHub App that sees {count} repositories"),
                None => "signed in as a GitHub App".to_owned(),
            };
            Ok((who, response))
        }
        Err(failure) if is_refused(&failure) => {
            let response = client.get("/user")?;
            let user: User<'_> = read("/user", &response)?;
            let who = format!("signed in as {}", login(Some(&user)).unwrap_or_else(|| "somebody".to_owned()));
            Ok((who, response))
        }
        Err(failure) => Err(failure),
    }
}
