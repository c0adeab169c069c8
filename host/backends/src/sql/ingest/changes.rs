//! Changes and their reviews.

use super::docs::Row;
use super::{Batch, json};
use crate::sql::error::Error;
use crate::sql::query::Values;
use crate::sql::words;
use opssight_core::delivery::{Change, ChangeDoc};
use opssight_core::fact::clean;
use opssight_core::id::{ChangeId, ConnectionId};
use opssight_core::time::Timestamp;
use opssight_core::vocabulary as wire;
use serde_json::json;

/// The id of a change; its document keeps the service clean.
pub(super) fn id(connection: &ConnectionId, service: &str, number: u64) -> String {
    ChangeId::of(connection, &clean(service), number).0
}

pub(super) struct ChangeRow {
    change: Change,
    doc: String,
}

impl Row for ChangeRow {
    const INSERT: &'static str =
        "INSERT INTO changes (id, connection, service, number, state, begun_at, merged_at, sort_at, doc)";
    const UPDATE: &'static str = "ON CONFLICT (id) DO UPDATE SET state = excluded.state, \
        begun_at = excluded.begun_at, merged_at = excluded.merged_at, sort_at = excluded.sort_at, doc = excluded.doc";

    fn bind(self, id: String, connection: &str, row: &mut Values<'_>) {
        let change = self.change;
        row.push_bind(id).push_bind(connection.to_owned()).push_bind(change.service.clone());
        row.push_bind(i64::try_from(change.number).unwrap_or(i64::MAX));
        row.push_bind(words::change_state(change.state));
        row.push_bind(change.begun_at().map(|at| at.0)).push_bind(change.merged_at.map(|at| at.0));
        row.push_bind(change.sort_at().0).push_bind(self.doc);
    }
}

impl Batch<'_> {
    pub(super) fn learn_change(&mut self, id: &str, seen: &wire::Change, at: Timestamp) -> Result<bool, Error> {
        let written = self.written.remove(id);
        let learn = |doc: &mut ChangeDoc| {
            doc.learn(seen, at);
            if let Some(written) = written {
                doc.learn_commit(written);
            }
        };
        self.learn_into(id, || ChangeDoc::new(&seen.service, seen.number), learn)
    }

    pub(super) fn learn_review(&mut self, id: &str, seen: &wire::Review, at: Timestamp) -> Result<bool, Error> {
        let learn = |doc: &mut ChangeDoc| doc.learn_review(seen, at);
        self.learn_into(id, || ChangeDoc::new(&seen.service, seen.change), learn)
    }

    /// Changes that are spoken of only through their commits. How many are different now.
    pub(super) fn learn_commits(&mut self) -> Result<u32, Error> {
        let mut changed = 0;
        for (id, written) in std::mem::take(&mut self.written) {
            // Retention may have taken the change and not yet its commits.
            if self.changes.is_known(&id) {
                let learn = |doc: &mut ChangeDoc| doc.learn_commit(written);
                changed += u32::from(self.learn_into(&id, ChangeDoc::default, learn)?);
            }
        }
        Ok(changed)
    }

    fn learn_into(
        &mut self,
        id: &str,
        new: impl FnOnce() -> ChangeDoc,
        learn: impl FnOnce(&mut ChangeDoc),
    ) -> Result<bool, Error> {
        let Some(doc) = self.changes.learn(id, new, learn) else { return Ok(false) };
        let change = doc.view(self.connection);
        let doc = json(doc)?;
        let data = json!({
            "service": change.service, "number": change.number, "state": words::change_state(change.state),
            "draft": change.draft,
        });
        self.event(change.event_type(), id, &data);
        self.changes.keep(id, ChangeRow { change, doc });
        Ok(true)
    }
}
