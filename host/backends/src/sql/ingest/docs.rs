//! Documents of one kind while a call's items are taken in.

use super::chunks;
use crate::sql::error::Error;
use crate::sql::query::{Builder, Trip, Values};
use serde::de::DeserializeOwned;

use std::collections::BTreeMap;

pub(super) struct Docs<D, R> {
    what: &'static str,
    slots: BTreeMap<String, Slot<D, R>>,
}

struct Slot<D, R> {
    loaded: bool,
    doc: Option<D>,
    /// What is to be written, if it is different now.
    row: Option<R>,
}

impl<D, R> Docs<D, R>
where
    D: DeserializeOwned + PartialEq + Clone,
{
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, slots: BTreeMap::new() }
    }

    pub(super) fn want(&mut self, id: String) -> String {
        self.slots.entry(id.clone()).or_insert(Slot { loaded: false, doc: None, row: None });
        id
    }

    /// The ids that are wanted and were never asked for, as JSON; now they are.
    pub(super) fn missing(&mut self) -> Result<Option<String>, Error> {
        let mut ids = Vec::new();
        for (id, slot) in &mut self.slots {
            if !slot.loaded {
                slot.loaded = true;
                ids.push(id);
            }
        }
        if ids.is_empty() { Ok(None) } else { Ok(Some(super::json(&ids)?)) }
    }

    pub(super) fn put(&mut self, id: &str, doc: &str) -> Result<(), Error> {
        if let Some(slot) = self.slots.get_mut(id) {
            slot.doc = Some(serde_json::from_str(doc).map_err(Error::stored(self.what))?);
        }
        Ok(())
    }

    pub(super) fn is_known(&self, id: &str) -> bool {
        self.slots.get(id).is_some_and(|slot| slot.doc.is_some())
    }

    /// Let a document learn, or a new one. The document, if it is different now.
    pub(super) fn learn(&mut self, id: &str, new: impl FnOnce() -> D, learn: impl FnOnce(&mut D)) -> Option<&D> {
        let slot = self.slots.get_mut(id)?;
        let doc = match &slot.doc {
            None => {
                let mut doc = new();
                learn(&mut doc);
                doc
            }
            Some(known) => {
                let mut doc = known.clone();
                learn(&mut doc);
                if doc == *known {
                    return None;
                }
                doc
            }
        };
        Some(slot.doc.insert(doc))
    }

    /// What is to be written of a document.
    pub(super) fn keep(&mut self, id: &str, row: R) {
        if let Some(slot) = self.slots.get_mut(id) {
            slot.row = Some(row);
        }
    }

    pub(super) fn rows(self) -> Vec<(String, R)> {
        self.slots.into_iter().filter_map(|(id, slot)| Some((id, slot.row?))).collect()
    }
}

/// A row of a table of the read model, without its id and connection.
pub(super) trait Row {
    /// Up to `VALUES`.
    const INSERT: &'static str;
    /// From `ON CONFLICT`.
    const UPDATE: &'static str;
    /// Its values, in the order of `INSERT`.
    fn bind(self, id: String, connection: &str, row: &mut Values<'_>);
}

pub(super) fn push_rows<R: Row>(trip: &mut Trip, connection: &str, rows: Vec<(String, R)>) {
    for some in chunks(rows) {
        let mut sql = Builder::new(R::INSERT);
        sql.push(" ").push_values(some, |values, (id, row)| row.bind(id, connection, values));
        sql.push(" ").push(R::UPDATE);
        trip.push(sql);
    }
}
