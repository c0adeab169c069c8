//! Items: one observed thing each, a catalogue payload in the contract's frozen record.

use crate::Item;
use crate::items::Payload;

impl Item {
    /// An item that carries `payload`.
    ///
    /// `id` is the upstream identity, unique within the payload's kind: the same id again is an update. `at` is
    /// when the upstream says that this was true, milliseconds since the Unix epoch; the newest wins, field by field.
    pub fn of<P: Payload>(payload: &P, id: impl Into<String>, at: i64, title: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            kind: P::KIND.to_owned(),
            at,
            title: title.into(),
            url: None,
            attrs: Vec::new(),
            // Writing a struct of strings and numbers to memory cannot fail; an empty payload would be refused
            // by the host with the item's id, so that even a mistake here would be seen.
            payload: serde_json::to_vec(payload).unwrap_or_default(),
        }
    }

    /// Its page upstream.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }

    /// Its page upstream, where there is one.
    #[must_use]
    pub fn maybe_url(mut self, url: Option<impl Into<String>>) -> Self {
        self.url = url.map(Into::into);
        self
    }

    /// A further fact.
    #[must_use]
    pub fn attr(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.attrs.push((name.into(), value.into()));
        self
    }

    /// The payload again, typed; `None` when the item is of another kind or its payload does not fit.
    pub fn payload_as<P: Payload>(&self) -> Option<P> {
        if self.kind != P::KIND {
            return None;
        }
        serde_json::from_slice(&self.payload).ok()
    }
}
