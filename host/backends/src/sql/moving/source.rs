//! The SQLite file that is moved, read beside the host that writes it.
//!
//! Reading is done in short transactions: one that lasted as long as the copy would keep SQLite from writing its log
//! back, which would grow until the disk is full.

use super::table::{Column, Kind, NAMES, Row, Table};
use super::{MoveError, change_log, failed, mark};
use crate::sql::open::sql;
use crate::sql::sqlite;
use crate::sql::upkeep::file_of;
use futures::{Stream, TryStreamExt};
use sqlx::sqlite::{SqliteRow, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row as _, SqliteConnection};
use std::collections::BTreeMap;
use std::path::Path;

/// Rows that are taken at once, and about so many bytes: bodies can be large.
pub(super) const AT_ONCE: usize = 1_000;
const BYTES_AT_ONCE: usize = 4 << 20;

pub(super) struct Source {
    conn: SqliteConnection,
}

/// What has changed since it was last looked at.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// The last entry of the log.
    pub(super) last: i64,
    /// In which tables.
    pub(super) tables: Vec<String>,
}

/// A part of a table, by the places of its rows in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) rows: u64,
}

impl Extent {
    /// What is behind some of its rows, if anything is.
    pub(super) fn behind(self, batch: &Batch) -> Option<Self> {
        let first = batch.last.checked_add(1)?;
        let is_left = !batch.rows.is_empty() && first <= self.last;
        is_left.then_some(Self { first, ..self })
    }
}

/// Some rows, and where the last of them stands in the file.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) rows: Vec<Row>,
    pub(super) last: i64,
}

impl Source {
    pub(super) async fn open(dir: &Path) -> Result<Self, MoveError> {
        let options = sqlite::connect_options(&file_of(dir))
            // A log of changes that a power cut takes away belongs to a move that it took away as well.
            .synchronous(SqliteSynchronous::Normal)
            .pragma("wal_autocheckpoint", "0");
        let conn = options.connect().await.map_err(sql("open its file"))?;
        Ok(Self { conn })
    }

    pub(super) async fn close(self) {
        // Whatever was to be kept is committed.
        let _closed = self.conn.close().await;
    }

    pub(super) async fn tables(&mut self) -> Result<Vec<Table>, MoveError> {
        let mut tables = Vec::with_capacity(NAMES.len());
        for name in NAMES {
            let columns = "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY pk = 0, pk, cid";
            let columns: Vec<(String, String, i64)> = sqlx::query_as(columns)
                .bind(name)
                .fetch_all(&mut self.conn)
                .await
                .map_err(failed("read the columns of", name))?;
            let key = columns.iter().filter(|(_, _, key)| *key > 0).count();
            let columns = columns.into_iter().map(|(name, kind, _)| Column { name, kind: Kind::declared(&kind) });
            tables.push(Table { name, columns: columns.collect(), key });
        }
        Ok(tables)
    }

    /// From here on changes are noted.
    pub(super) async fn start_log(&mut self, tables: &[Table]) -> Result<(), MoveError> {
        change_log::start(&mut self.conn, tables).await.map_err(failed("begin to note", "what changes"))
    }

    /// What is read from here on is of one moment.
    pub(super) async fn begin(&mut self) -> Result<(), MoveError> {
        self.say("BEGIN").await
    }

    /// The same, and nobody else writes until the end.
    pub(super) async fn begin_alone(&mut self) -> Result<(), MoveError> {
        // What is written now says that the store is elsewhere.
        self.say("PRAGMA synchronous = FULL").await?;
        change_log::begin(&mut self.conn).await.map_err(failed("keep others from writing to", "the file"))
    }

    /// The end of that moment. What was seen of the log is not needed any more.
    pub(super) async fn end(&mut self, changed: &Changed) -> Result<(), MoveError> {
        self.say("COMMIT").await?;
        if changed.last > 0 {
            change_log::forget(&mut self.conn, changed.last).await.map_err(failed("take from", "what changed"))?;
        }
        Ok(())
    }

    /// The end of a move that was given up.
    pub(super) async fn end_log(&mut self) -> Result<(), MoveError> {
        change_log::end(&mut self.conn).await.map_err(failed("remove", "the log of changes"))
    }

    async fn say(&mut self, sql: &'static str) -> Result<(), MoveError> {
        sqlx::query(sql).execute(&mut self.conn).await.map(|_| ()).map_err(failed("read", "the file"))
    }

    pub(super) async fn changed(&mut self) -> Result<Changed, MoveError> {
        let found = sqlx::query_as("SELECT tab, MAX(seq) FROM move_log GROUP BY tab").fetch_all(&mut self.conn);
        let found: Vec<(String, i64)> = found.await.map_err(failed("read", "what changed"))?;
        let last = found.iter().map(|(_, last)| *last).max().unwrap_or(0);
        Ok(Changed { last, tables: found.into_iter().map(|(table, _)| table).collect() })
    }

    /// The keys of rows that have changed, also of those that are gone.
    pub(super) async fn changed_keys(&mut self, table: &Table) -> Result<Vec<Row>, MoveError> {
        let keys = format!("SELECT DISTINCT {} FROM move_log WHERE tab = $1", change_log::keys("", table));
        let rows = sqlx::query(AssertSqlSafe(keys)).bind(table.name).fetch_all(&mut self.conn);
        let rows = rows.await.map_err(failed("read what changed in", table.name))?;
        let keys: Result<_, _> = rows.iter().map(|row| Row::read(table.key(), row)).collect();
        keys.map_err(failed("read what changed in", table.name))
    }

    /// Those that are there.
    pub(super) fn changed_rows(&mut self, table: &Table) -> impl Stream<Item = Result<SqliteRow, sqlx::Error>> + Unpin {
        // In this order, so that a row is looked up for each key, however many rows there are.
        let rows = format!(
            "SELECT {columns}, t.rowid
             FROM (SELECT DISTINCT {keys} FROM move_log WHERE tab = $1) AS l CROSS JOIN {name} AS t
             WHERE {matching}",
            columns = Table::list(table.columns.iter(), "t."),
            keys = change_log::keys("", table),
            name = table.name,
            matching = change_log::matching(table, "t", "l"),
        );
        sqlx::query(AssertSqlSafe(rows)).bind(table.name).fetch(&mut self.conn)
    }

    /// Where the rows of a table are now; none if there are none. Whatever comes later is noted.
    pub(super) async fn extent(&mut self, table: &Table) -> Result<Option<Extent>, MoveError> {
        let extent = format!(
            "SELECT (SELECT MIN(rowid) FROM {name}), (SELECT MAX(rowid) FROM {name}), (SELECT COUNT(*) FROM {name})",
            name = table.name,
        );
        let extent = sqlx::query_as(AssertSqlSafe(extent)).fetch_one(&mut self.conn).await;
        let (first, last, rows): (Option<i64>, Option<i64>, i64) = extent.map_err(failed("count", table.name))?;
        Ok(first.zip(last).map(|(first, last)| Extent { first, last, rows: rows.unsigned_abs() }))
    }

    /// The first rows of a part of a table.
    pub(super) async fn page(&mut self, table: &Table, part: &Extent) -> Result<Batch, MoveError> {
        let page = format!(
            "SELECT {columns}, t.rowid FROM {name} AS t WHERE t.rowid BETWEEN $1 AND $2 ORDER BY t.rowid",
            columns = Table::list(table.columns.iter(), "t."),
            name = table.name,
        );
        let mut rows = sqlx::query(AssertSqlSafe(page)).bind(part.first).bind(part.last).fetch(&mut self.conn);
        batch(&mut rows, table).await
    }

    pub(super) async fn count(&mut self, table: &Table) -> Result<u64, MoveError> {
        Ok(self.extent(table).await?.map_or(0, |extent| extent.rows))
    }

    /// The steps that its tables have taken.
    pub(super) async fn steps(&mut self) -> Result<Vec<i64>, MoveError> {
        let steps = sqlx::query_scalar("SELECT version FROM _sqlx_migrations ORDER BY version");
        steps.fetch_all(&mut self.conn).await.map_err(failed("read the steps of", "its tables"))
    }

    /// The last number that was given in each table whose rows are numbered, also if that row is gone.
    pub(super) async fn numbers(&mut self) -> Result<BTreeMap<String, i64>, MoveError> {
        let numbers = sqlx::query_as("SELECT name, seq FROM sqlite_sequence").fetch_all(&mut self.conn);
        let numbers: Vec<(String, i64)> = numbers.await.map_err(failed("read the numbers of", "rows"))?;
        Ok(numbers.into_iter().collect())
    }

    /// Everything is elsewhere in a moment; the end of [`Source::begin_alone`].
    pub(super) async fn moves(&mut self, to: &str) -> Result<(), MoveError> {
        let noted = async {
            change_log::drop_all(&mut self.conn).await?;
            mark::set(&mut self.conn, to).await?;
            sqlx::query("COMMIT").execute(&mut self.conn).await
        };
        noted.await.map(|_| ()).map_err(failed("note that it is moved in", "the file"))
    }

    /// It is not.
    pub(super) async fn stays(&mut self) -> Result<(), sqlx::Error> {
        mark::clear(&mut self.conn).await.map(|_| ())
    }
}

/// The next of them, if there are any.
pub(super) async fn batch(
    rows: &mut (impl Stream<Item = Result<SqliteRow, sqlx::Error>> + Unpin),
    table: &Table,
) -> Result<Batch, MoveError> {
    let mut batch = Batch::default();
    let mut size = 0;
    while batch.rows.len() < AT_ONCE && size < BYTES_AT_ONCE {
        let Some(found) = rows.try_next().await.map_err(failed("read", table.name))? else { break };
        let row = Row::read(table.columns.iter(), &found).map_err(failed("read", table.name))?;
        batch.last = found.try_get(table.columns.len()).map_err(failed("read", table.name))?;
        size += row.size();
        batch.rows.push(row);
    }
    Ok(batch)
}
