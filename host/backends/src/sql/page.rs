//! Pages of lists, newest first: the rows after a `(time, id)`, and one more to know whether there is a next page.

use crate::sql::query::Builder;
use opssight_core::page::{Cursor, Page, PageOf};

/// Most rows of a page, whatever is asked.
const LARGEST: u32 = 200;

fn limit(page: &PageOf) -> usize {
    page.limit.clamp(1, LARGEST) as usize
}

/// The keyset condition, order and limit. `at` and `id` are column names of ours.
pub(super) fn push(query: &mut Builder, page: &PageOf, at: &'static str, id: &'static str) {
    if let Some(after) = &page.after {
        query.push(" AND (").push(at).push(", ").push(id).push(") < (");
        query.push_bind(after.at.0).push(", ").push_bind(after.id.clone()).push(")");
    }
    query.push(" ORDER BY ").push(at).push(" DESC, ").push(id).push(" DESC LIMIT ");
    query.push_bind(i64::try_from(limit(page)).unwrap_or(i64::MAX).saturating_add(1));
}

/// Cut the extra row off and turn it into a cursor.
pub(super) fn page<T>(mut rows: Vec<T>, page: &PageOf, cursor: impl Fn(&T) -> Cursor) -> Page<T> {
    let limit = limit(page);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = if more { rows.last().map(cursor) } else { None };
    Page { items: rows, next }
}
