//! Deployments, releases and repositories.

use super::docs::Row;
use super::{Batch, json};
use crate::sql::error::Error;
use crate::sql::query::Values;
use opssight_core::delivery::{Deployment, DeploymentDoc, Outcome, Release, ReleaseDoc, Repository, RepositoryDoc};
use opssight_core::id::{ConnectionId, DeploymentId};
use opssight_core::time::Timestamp;
use opssight_core::vocabulary as wire;
use serde_json::json;

pub(super) fn deployment_id(connection: &ConnectionId, seen: &wire::Deployment) -> String {
    DeploymentId::of(connection, &seen.id).0
}

/// The document knows how its id follows from what was seen.
pub(super) fn release_id(connection: &ConnectionId, seen: &wire::Release) -> String {
    let mut doc = ReleaseDoc::default();
    doc.learn(seen, Timestamp::default());
    doc.view(connection).id
}

/// A deployment's place in the ledger's order; none until it is over. One that was replaced before anything was
/// known of it says nothing about how well deploying works.
fn asked_at(deployment: &Deployment) -> Option<Timestamp> {
    match deployment.outcome {
        Outcome::Succeeded | Outcome::Failed => deployment.created_at.or(deployment.finished_at),
        Outcome::Pending | Outcome::Superseded => None,
    }
}

pub(super) struct DeploymentRow {
    deployment: Deployment,
    doc: String,
}

impl Row for DeploymentRow {
    const INSERT: &'static str = "INSERT INTO deployments (id, connection, service, environment, outcome, \
        is_rollback, asked_at, finished_at, sort_at, doc)";
    const UPDATE: &'static str = "ON CONFLICT (id) DO UPDATE SET service = excluded.service, \
        environment = excluded.environment, outcome = excluded.outcome, is_rollback = excluded.is_rollback, \
        asked_at = excluded.asked_at, finished_at = excluded.finished_at, sort_at = excluded.sort_at, \
        doc = excluded.doc";

    fn bind(self, id: String, connection: &str, row: &mut Values<'_>) {
        let deployment = self.deployment;
        row.push_bind(id).push_bind(connection.to_owned());
        row.push_bind(deployment.service.clone()).push_bind(deployment.environment.clone());
        row.push_bind(deployment.outcome.as_str()).push_bind(i64::from(deployment.is_rollback()));
        row.push_bind(asked_at(&deployment).map(|at| at.0)).push_bind(deployment.finished_at.map(|at| at.0));
        row.push_bind(deployment.sort_at().0).push_bind(self.doc);
    }
}

pub(super) struct ReleaseRow {
    release: Release,
    doc: String,
}

impl Row for ReleaseRow {
    const INSERT: &'static str = "INSERT INTO releases (id, connection, service, tag, deleted, sort_at, doc)";
    const UPDATE: &'static str = "ON CONFLICT (id) DO UPDATE SET service = excluded.service, tag = excluded.tag, \
        deleted = excluded.deleted, sort_at = excluded.sort_at, doc = excluded.doc";

    fn bind(self, id: String, connection: &str, row: &mut Values<'_>) {
        let release = self.release;
        row.push_bind(id).push_bind(connection.to_owned()).push_bind(release.service).push_bind(release.tag);
        row.push_bind(i64::from(release.deleted)).push_bind(release.at.0).push_bind(self.doc);
    }
}

pub(super) struct RepositoryRow {
    repository: Repository,
    doc: String,
}

impl Row for RepositoryRow {
    const INSERT: &'static str = "INSERT INTO repositories (connection, service, archived, removed, doc)";
    const UPDATE: &'static str = "ON CONFLICT (connection, service) DO UPDATE SET archived = excluded.archived, \
        removed = excluded.removed, doc = excluded.doc";

    /// Its id within the connection is the service.
    fn bind(self, id: String, connection: &str, row: &mut Values<'_>) {
        row.push_bind(connection.to_owned()).push_bind(id).push_bind(i64::from(self.repository.archived));
        row.push_bind(i64::from(self.repository.removed)).push_bind(self.doc);
    }
}

impl Batch<'_> {
    pub(super) fn learn_deployment(&mut self, id: &str, seen: &wire::Deployment, at: Timestamp) -> Result<bool, Error> {
        let learn = |doc: &mut DeploymentDoc| doc.learn(seen, at);
        let Some(doc) = self.deployments.learn(id, DeploymentDoc::default, learn) else { return Ok(false) };
        let deployment = doc.view(self.connection);
        let doc = json(doc)?;
        let data = json!({
            "service": deployment.service, "environment": deployment.environment, "commit": deployment.commit,
            "state": deployment.state, "outcome": deployment.outcome,
        });
        self.event(deployment.event_type(), id, &data);
        self.deployments.keep(id, DeploymentRow { deployment, doc });
        Ok(true)
    }

    pub(super) fn learn_release(&mut self, id: &str, seen: &wire::Release, at: Timestamp) -> Result<bool, Error> {
        let learn = |doc: &mut ReleaseDoc| doc.learn(seen, at);
        let Some(doc) = self.releases.learn(id, ReleaseDoc::default, learn) else { return Ok(false) };
        let release = doc.view(self.connection);
        let doc = json(doc)?;
        let data = json!({
            "service": release.service, "tag": release.tag, "prerelease": release.prerelease,
            "deleted": release.deleted,
        });
        // CDEvents has no word for a release.
        self.event("dev.opssight.release.updated.0.1.0", id, &data);
        self.releases.keep(id, ReleaseRow { release, doc });
        Ok(true)
    }

    pub(super) fn learn_repository(
        &mut self,
        service: &str,
        seen: &wire::Repository,
        at: Timestamp,
    ) -> Result<bool, Error> {
        let learn = |doc: &mut RepositoryDoc| doc.learn(seen, at);
        let Some(doc) = self.repositories.learn(service, RepositoryDoc::default, learn) else { return Ok(false) };
        let repository = doc.view();
        let doc = json(doc)?;
        let data = json!({
            "service": repository.service, "archived": repository.archived, "removed": repository.removed,
        });
        let kind = if repository.removed {
            "dev.cdevents.repository.deleted.0.3.0"
        } else {
            "dev.cdevents.repository.modified.0.3.0"
        };
        self.event(kind, service, &data);
        self.repositories.keep(service, RepositoryRow { repository, doc });
        Ok(true)
    }
}
