//! Lists: following cursors, and printing rows in every format.

use crate::Session;
use crate::Time;
use crate::args::{OutputFormat, Paging, only_metrics_have_csv};
use crate::error::CliError;
use crate::tree::Tree;
use crate::ui::format;
use crate::ui::table::{Field, Table};
use opssight_api_types::Page;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The most that the API puts on a page.
const LARGEST_PAGE: u32 = 200;

/// A thing that lists show.
pub(crate) trait Row: DeserializeOwned {
    /// What several of them are called.
    const PLURAL: &'static str;
    const HEADER: &'static [&'static str];
    /// Columns that are never wrapped.
    const WHOLE: &'static [usize];

    /// What `-o name` prints.
    fn id(&self) -> &str;
    fn fields(&self, now: Time) -> Vec<Field>;
}

/// A query with a page.
#[derive(Serialize)]
pub(crate) struct Paged<'a, Q> {
    #[serde(flatten)]
    query: &'a Q,
    cursor: Option<String>,
    limit: Option<u32>,
}

/// Fetch as much of a list as was asked for, and print it. Formats with one row a line print while they fetch.
pub(crate) async fn print<T: Row>(
    session: &mut Session,
    path: &[&str],
    query: &impl Serialize,
    paging: &Paging,
) -> Result<(), CliError> {
    print_pages::<T, _>(session, Pages::new(path, query, paging)).await
}

/// Print a list that comes whole: its endpoint knows no pages.
pub(crate) async fn print_whole<T: Row>(
    session: &mut Session,
    path: &[&str],
    query: &impl Serialize,
) -> Result<(), CliError> {
    print_pages::<T, _>(session, Pages { path, query, page: None, wanted: None, cursor: None, over: false }).await
}

async fn print_pages<T: Row, Q: Serialize>(session: &mut Session, mut pages: Pages<'_, Q>) -> Result<(), CliError> {
    let mut trees = Vec::new();
    let mut rows = Vec::new();
    while let Some((items, page)) = pages.next::<T>(session).await? {
        match session.ui.format() {
            OutputFormat::Jsonl => items.iter().try_for_each(|item| session.ui.json_line(item))?,
            OutputFormat::Name => {
                page.iter().try_for_each(|row| session.ui.write_line(&format::line(row.id())))?;
            }
            OutputFormat::Json | OutputFormat::Yaml => trees.extend(items),
            OutputFormat::Table | OutputFormat::Csv => rows.extend(page),
        }
    }
    match session.ui.format() {
        OutputFormat::Table => print_table(session, &rows)?,
        OutputFormat::Json | OutputFormat::Yaml => {
            let page = Page { items: trees, next_cursor: pages.cursor.clone() };
            session.ui.document(&page, "", |_| Ok(()))?;
        }
        OutputFormat::Jsonl | OutputFormat::Name => {}
        OutputFormat::Csv => only_metrics_have_csv(OutputFormat::Csv)?,
    }
    if let Some(cursor) = &pages.cursor {
        session.ui.note(&format!("There are more {}: --all fetches them, --cursor {cursor} goes on.", T::PLURAL));
    }
    Ok(())
}

/// All rows of a list.
pub(crate) async fn all<T: Row>(session: &Session, path: &[&str], query: &impl Serialize) -> Result<Vec<T>, CliError> {
    let mut pages = Pages::new(path, query, &Paging { limit: LARGEST_PAGE, all: true, cursor: None });
    let mut rows = Vec::new();
    while let Some((_, page)) = pages.next::<T>(session).await? {
        rows.extend(page);
    }
    Ok(rows)
}

fn print_table<T: Row>(session: &mut Session, rows: &[T]) -> Result<(), CliError> {
    if rows.is_empty() {
        session.ui.note(&format!("No {}.", T::PLURAL));
        return Ok(());
    }
    let now = session.ui.now();
    let mut table = Table::new(T::HEADER).whole(T::WHOLE);
    for row in rows {
        table.row(row.fields(now));
    }
    session.ui.table(&table)
}

struct Pages<'a, Q> {
    path: &'a [&'a str],
    query: &'a Q,
    /// Rows on a page at most; none leaves it to the server.
    page: Option<u32>,
    /// Rows still wanted; none means all.
    wanted: Option<u32>,
    /// Where the next page starts; after the last fetched page: what is left.
    cursor: Option<String>,
    over: bool,
}

impl<'a, Q: Serialize> Pages<'a, Q> {
    fn new(path: &'a [&'a str], query: &'a Q, paging: &Paging) -> Self {
        let wanted = (!paging.all).then_some(paging.limit);
        Self { path, query, page: Some(LARGEST_PAGE), wanted, cursor: paging.cursor.clone(), over: false }
    }

    /// The next page, as it came and as values.
    async fn next<T: Row>(&mut self, session: &Session) -> Result<Option<(Vec<Tree>, Vec<T>)>, CliError> {
        if self.over {
            return Ok(None);
        }
        let limit = self.page.map(|page| self.wanted.unwrap_or(page).min(page));
        let query = Paged { query: self.query, cursor: self.cursor.clone(), limit };
        let mut page = session.client.get::<Page<T>>(self.path, &query).await?;
        let next = page.value.next_cursor;
        if next.is_some() && next == self.cursor {
            let what = "it pages in a circle".to_owned();
            return Err(CliError::StrangeAnswer { server: session.client.server().to_string(), what });
        }
        let count = u32::try_from(page.value.items.len()).unwrap_or(u32::MAX);
        self.wanted = self.wanted.map(|wanted| wanted.saturating_sub(count));
        self.over = next.is_none() || self.wanted == Some(0);
        self.cursor = next;
        let items = match page.tree.take("items") {
            Some(Tree::List(items)) => items,
            _ => Vec::new(),
        };
        Ok(Some((items, page.value.items)))
    }
}
