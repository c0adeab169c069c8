//! From a SQLite file to a PostgreSQL database: all rows, in one transaction, read back and compared before it is
//! committed. Whatever goes wrong, the file is as it was and the database is empty.

use super::conn::{Conn, PgConn, Readers, Snapshot};
use super::error::Error;
use super::open::{OpenError, StoreOptions};
use super::query::{Arg, Builder, query_scalar};
use super::{Store, postgres};
use aws_lc_rs::digest::{SHA256, digest};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column, ConnectOptions, FromRow, Row as _, TypeInfo};
use std::path::Path;

/// Rows of one statement.
const AT_ONCE: i64 = 200;

/// All tables, those first that others refer to. `members` are processes, which do not move.
const TABLES: [&str; 28] = [
    "house",
    "admins",
    "sessions",
    "connections",
    "credentials",
    "feeds",
    "plugin_state",
    "deliveries",
    "delivery_bodies",
    "events",
    "subscribers",
    "relays",
    "runs",
    "jobs",
    "deployments",
    "changes",
    "commits",
    "change_commits",
    "releases",
    "repositories",
    "ledger_deployments",
    "ledger_changes",
    "plugin_installs",
    "plugin_publishers",
    "plugin_revocations",
    "plugin_events",
    "plugin_calls",
    "plugin_calls_kept",
];

/// Tables whose rows are numbered by the database.
const NUMBERED: [&str; 2] = ["events", "plugin_events"];

/// Why nothing was moved.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// The file or the database cannot be opened.
    #[error("move the store")]
    Open(#[from] OpenError),
    /// Something is there already.
    #[error("move the store: the database is not empty, there are rows in {0}; move into an empty database")]
    NotEmpty(String),
    /// It was read back, and is not the same.
    #[error("move the store: {table} is not the same after it was copied; nothing was kept")]
    Different {
        /// Which table.
        table: String,
    },
    /// A statement failed.
    #[error("move the store: {doing}")]
    Failed {
        /// What was being done.
        doing: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn failed<E: Into<Error>>(doing: &'static str, table: &str) -> impl FnOnce(E) -> MoveError {
    let doing = format!("{doing} {table}");
    move |error| MoveError::Failed { doing, source: Box::new(error.into()) }
}

/// A row, whatever is in it.
struct Raw(Vec<Arg>);

macro_rules! raw {
    ($row:ty) => {
        impl<'r> FromRow<'r, $row> for Raw {
            fn from_row(row: &'r $row) -> Result<Self, sqlx::Error> {
                let mut values = Vec::with_capacity(row.columns().len());
                for column in row.columns() {
                    let at = column.ordinal();
                    values.push(match column.type_info().name() {
                        "TEXT" => Arg::Text(row.try_get(at)?),
                        "BLOB" | "BYTEA" => Arg::Bytes(row.try_get(at)?),
                        _ => Arg::Int(row.try_get(at)?),
                    });
                }
                Ok(Raw(values))
            }
        }
    };
}

raw!(SqliteRow);
raw!(PgRow);

/// How many rows, and what they come to in whatever order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Copied {
    rows: u64,
    sum: u128,
}

impl Copied {
    fn add(&mut self, row: &Raw) {
        let digest = digest(&SHA256, format!("{:?}", row.0).as_bytes());
        let mut bytes = [0_u8; 16];
        bytes.iter_mut().zip(digest.as_ref()).for_each(|(byte, of)| *byte = *of);
        self.rows += 1;
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(bytes));
    }
}

/// Move everything from the file in a directory into an empty database. The host must be stopped. `told` is called as
/// it goes on: a table, its rows so far. How many rows were moved.
pub async fn move_to_postgres(
    dir: &Path,
    address: &str,
    options: StoreOptions,
    told: impl Fn(&str, u64) + Send + Sync,
) -> Result<u64, MoveError> {
    let from = Store::open(dir, options.clone()).await?;
    // Makes the tables, and finds out whether it can be used at all.
    Store::connect(address, options).await?.close().await;
    let moved = copy_all(&from, address, &told).await;
    from.close().await;
    moved
}

async fn copy_all(from: &Store, address: &str, told: &(impl Fn(&str, u64) + Send + Sync)) -> Result<u64, MoveError> {
    let mut source = match &from.readers {
        readers @ Readers::Sqlite(_) => readers.snapshot().await.map_err(failed("read", "the file"))?,
        Readers::Postgres(_) => return Err(MoveError::NotEmpty("the source".to_owned())),
    };
    let options = postgres::connect_options(address)?;
    let conn = options.connect().await.map_err(failed("connect to", "the database"))?;
    let mut to = Conn::Postgres(PgConn::new(conn));
    to.begin().await.map_err(failed("begin in", "the database"))?;
    let mut rows = 0;
    for table in TABLES {
        make_room(&mut to, table).await?;
        let columns: Vec<String> = query_scalar("SELECT name FROM pragma_table_info($1) ORDER BY cid")
            .bind(table)
            .fetch_all(&mut source)
            .await
            .map_err(failed("read the columns of", table))?;
        let columns = columns.join(", ");
        let copied = copy(&mut source, &mut to, (table, &columns), told).await?;
        if read_back(&mut to, (table, &columns)).await? != copied {
            return Err(MoveError::Different { table: table.to_owned() });
        }
        rows += copied.rows;
    }
    for table in NUMBERED {
        go_on_counting(&mut to, table).await?;
    }
    to.say("COMMIT").await.map_err(failed("commit to", "the database"))?;
    to.close().await.map_err(failed("close", "the database"))?;
    Ok(rows)
}

/// What the tables were made with goes; anything else was put there by somebody.
async fn make_room(to: &mut Conn, table: &str) -> Result<(), MoveError> {
    if matches!(table, "house" | "subscribers") {
        let gone = Builder::new(&format!("DELETE FROM {table}")).build().execute(to).await;
        return gone.map(|_| ()).map_err(failed("make room in", table));
    }
    let count = Builder::new(&format!("SELECT COUNT(*) FROM {table}"));
    let found: Vec<(i64,)> = count.build_query_as().fetch_all(to).await.map_err(failed("look into", table))?;
    match found.first() {
        Some((0,)) | None => Ok(()),
        Some(_) => Err(MoveError::NotEmpty(table.to_owned())),
    }
}

async fn copy(
    source: &mut Snapshot,
    to: &mut Conn,
    (table, columns): (&str, &str),
    told: &(impl Fn(&str, u64) + Send + Sync),
) -> Result<Copied, MoveError> {
    let mut copied = Copied::default();
    let mut after = i64::MIN;
    loop {
        let mut sql = Builder::new(&format!("SELECT {columns}, rowid FROM {table} WHERE rowid > "));
        sql.push_bind(after).push(" ORDER BY rowid LIMIT ").push_bind(AT_ONCE);
        let rows: Vec<Raw> = sql.build_query_as().fetch_all(&mut *source).await.map_err(failed("read", table))?;
        let mut page = Vec::with_capacity(rows.len());
        for mut row in rows {
            if let Some(Arg::Int(Some(id))) = row.0.pop() {
                after = id;
            }
            copied.add(&row);
            page.push(row);
        }
        if page.is_empty() {
            return Ok(copied);
        }
        let mut sql = Builder::new(&format!("INSERT INTO {table} ({columns}) "));
        sql.push_values(page, |values, row| {
            for value in row.0 {
                values.push_bind(value);
            }
        });
        sql.build().execute(&mut *to).await.map_err(failed("write", table))?;
        told(table, copied.rows);
    }
}

async fn read_back(to: &mut Conn, (table, columns): (&str, &str)) -> Result<Copied, MoveError> {
    let mut copied = Copied::default();
    let Conn::Postgres(conn) = to else { return Ok(copied) };
    let declare = format!("DECLARE moved CURSOR FOR SELECT {columns} FROM {table}");
    let run = |sql: String| sqlx::query(sqlx::AssertSqlSafe(sql));
    run(declare).execute(&mut conn.conn).await.map_err(failed("read back", table))?;
    loop {
        // Prepared anew, because each table has other columns.
        let rows: Vec<Raw> = sqlx::query_as("FETCH 200 FROM moved")
            .persistent(false)
            .fetch_all(&mut conn.conn)
            .await
            .map_err(failed("read back", table))?;
        if rows.is_empty() {
            break;
        }
        rows.iter().for_each(|row| copied.add(row));
    }
    run("CLOSE moved".to_owned()).execute(&mut conn.conn).await.map_err(failed("read back", table))?;
    Ok(copied)
}

/// Numbers go on after those that were given, also to rows that are gone.
async fn go_on_counting(to: &mut Conn, table: &str) -> Result<(), MoveError> {
    let last = match table {
        "events" => "GREATEST((SELECT MAX(seq) FROM events), (SELECT MAX(seq) FROM subscribers))",
        _ => "(SELECT MAX(seq) FROM plugin_events)",
    };
    let sql = format!(
        "SELECT setval(pg_get_serial_sequence('{table}', 'seq'), GREATEST(COALESCE({last}, 0), 1), COALESCE({last}, 0) > 0)"
    );
    let set: Result<Vec<(Option<i64>,)>, _> = Builder::new(&sql).build_query_as().fetch_all(to).await;
    set.map(|_| ()).map_err(failed("number", table))
}

#[cfg(test)]
mod tests {
    use super::TABLES;
    use crate::{LocalBus, Store, StoreOptions, SystemRandomness};
    use std::collections::BTreeSet;
    use std::sync::Arc;

    #[tokio::test]
    async fn no_table_is_left_behind() {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions::new([1; 32], Arc::new(SystemRandomness), Arc::new(LocalBus::new()));
        let store = Store::open(dir.path(), options).await.unwrap();
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE '_sqlx%'";
        let there: Vec<String> = super::query_scalar(sql).fetch_all(&store.readers).await.unwrap();
        let there: BTreeSet<&str> = there.iter().map(String::as_str).filter(|name| *name != "members").collect();
        assert_eq!(BTreeSet::from(TABLES), there);
    }
}
