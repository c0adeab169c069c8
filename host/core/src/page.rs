//! Pages of lists: newest first, by a time and an id, so that a page stays right while rows arrive.

use crate::time::Timestamp;

/// Where a page ended: the last row's sort time and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Sort time of the last row.
    pub at: Timestamp,
    /// Id of the last row.
    pub id: String,
}

/// A cursor that nobody here made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("read the cursor: it is not one that an earlier page gave")]
pub struct BadCursor;

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}~{}", self.at.0, self.id)
    }
}

impl std::str::FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        let (at, id) = text.split_once('~').ok_or(BadCursor)?;
        Ok(Self { at: Timestamp(at.parse().map_err(|_| BadCursor)?), id: id.to_owned() })
    }
}

/// Which page.
#[derive(Debug, Clone)]
pub struct PageOf {
    /// After this row; from the newest without it.
    pub after: Option<Cursor>,
    /// Rows, 1 to 200.
    pub limit: u32,
}

impl Default for PageOf {
    fn default() -> Self {
        Self { after: None, limit: 50 }
    }
}

/// One page.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page begins; none on the last.
    pub next: Option<Cursor>,
}
