//! Deployments and their statuses.

use super::walk::{self, Errand};
use super::{Pull, Step};
use crate::client::{Fetched, is_refused, read};
use crate::parse::deployments::{Deployment, Status};
use crate::parse::value::List;
use opssight_plugin::items::Deployment as Facts;
use opssight_plugin::{Failure, state};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Visit {
    service: String,
    page: String,
    first: String,
    etag: Option<String>,
    newest: i64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Statuses {
    service: String,
    id: u64,
    path: String,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Seen {
    etag: Option<String>,
    /// Deployments that were updated before this have been told.
    since: Option<i64>,
}

impl walk::Visit for Visit {
    type Errand = Statuses;

    fn begin(service: String, pull: &Pull) -> Result<Self, Failure> {
        let first = format!("/repos/{service}/deployments?per_page={}", pull.per_page);
        Ok(Self { service, page: first.clone(), first, etag: None, newest: 0 })
    }

    fn page(&mut self, pull: &mut Pull) -> Result<(Vec<Statuses>, Step), Failure> {
        let seen: Seen = state::get(&self.key())?.unwrap_or_default();
        let is_first = self.page == self.first;
        let known = if is_first { seen.etag.as_deref() } else { None };
        let Fetched::Changed(response) = pull.client.get_if_changed(&self.page, known)? else {
            return Ok((Vec::new(), Step::Done));
        };
        let page: List<Deployment<'_>> = read(&self.page, &response)?;
        let since = seen.since.unwrap_or_else(|| pull.horizon_ms());
        let mut statuses = Vec::new();
        let mut news = false;
        for deployment in &page.0 {
            let updated = deployment.updated_at.max(deployment.created_at).0;
            self.newest = self.newest.max(updated.unwrap_or_default());
            if updated.is_some_and(|at| at < since) {
                continue;
            }
            news = true;
            let item = deployment.item("deployment", &self.service, None, &pull.context);
            pull.push(item);
            if let Some(id) = deployment.id {
                let path = format!("/repos/{}/deployments/{id}/statuses?per_page={}", self.service, pull.per_page);
                statuses.push(Statuses { service: self.service.clone(), id, path });
            }
        }
        if is_first {
            self.etag = response.header("etag").map(str::to_owned);
        }
        // Newest first by creation: a page without news ends the list.
        if let Some(next) = pull.client.next(&response)
            && news
        {
            self.page = next;
            return Ok((statuses, Step::More));
        }
        state::set(&self.key(), &Seen { etag: self.etag.clone(), since: Some(self.newest.max(since)) })?;
        Ok((statuses, Step::Done))
    }
}

impl Visit {
    fn key(&self) -> String {
        format!("deployments/{}", self.service)
    }
}

impl Errand for Statuses {
    fn run(&self, pull: &mut Pull) -> Result<Option<Self>, Failure> {
        let response = match pull.client.get(&self.path) {
            Ok(response) => response,
            Err(failure) if is_refused(&failure) => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let page: List<Status<'_>> = read(&self.path, &response)?;
        for status in &page.0 {
            let facts = Facts { id: self.id.to_string(), service: self.service.clone(), ..Facts::default() };
            let item = status.item(facts, &pull.context);
            pull.items.push(item);
        }
        let next = pull.client.next(&response);
        Ok(next.map(|path| Self { service: self.service.clone(), id: self.id, path }))
    }
}
