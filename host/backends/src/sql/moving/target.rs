//! The PostgreSQL database that is filled, in one transaction: until its commit nobody else sees anything of it, and
//! without its commit nothing was ever there.
//!
//! What refers to other rows is not checked until the end, so that rows may come in any order.

use super::table::{Column, Kind, NAMES, NUMBERED, Row, Table};
use super::{MoveError, change_log, failed};
use crate::sql::members::GONE_AFTER;
use crate::sql::open::{OpenError, sql};
use crate::sql::postgres;
use sqlx::postgres::{PgArguments, PgConnectOptions};
use sqlx::{Arguments, AssertSqlSafe, Connection, PgConnection};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The turn of who fills the database. One number for the whole store.
const TURN: i64 = 0x6f70_7375;

/// How long an answer is waited for: to what is asked of some rows, of all rows, and to hanging up.
const ANSWER: Duration = Duration::from_secs(60);
const AT_LENGTH: Duration = Duration::from_secs(3_600);
const HANG_UP: Duration = Duration::from_secs(5);

pub(super) struct Target {
    conn: PgConnection,
    /// Where it is, without the password.
    pub(super) at: String,
    /// What to make again: the table, and the rest of the statement.
    constraints: Vec<(String, String)>,
}

impl Target {
    /// An empty database with its tables, which nobody else uses until the end.
    pub(super) async fn begin(to: &PgConnectOptions) -> Result<Self, MoveError> {
        let conn = postgres::connect(to).await?;
        let mut target = Self { conn, at: postgres::place(to), constraints: Vec::new() };
        target.say("BEGIN").await.map_err(failed("begin in", "the database"))?;
        for set in [
            // Counting everything takes as long as it takes.
            "SET LOCAL statement_timeout = 0",
            // Whoever moves is heard every second. If not, it is gone, and the database is free again.
            "SET LOCAL idle_in_transaction_session_timeout = '5min'",
            // Tables grow from nothing: a plan that was made for an empty one would read all of it for each key.
            "SET LOCAL plan_cache_mode = force_custom_plan",
        ] {
            target.say(set).await.map_err(failed("begin in", "the database"))?;
        }
        target.take().await?;
        for table in NAMES {
            target.make_room(table).await?;
        }
        target.loosen().await.map_err(failed("put off the constraints of", "the database"))?;
        Ok(target)
    }

    async fn say(&mut self, sql: impl Into<String>) -> Result<u64, sqlx::Error> {
        self.say_within(ANSWER, sql.into()).await
    }

    /// What goes through all rows.
    async fn say_at_length(&mut self, sql: impl Into<String>) -> Result<u64, sqlx::Error> {
        self.say_within(AT_LENGTH, sql.into()).await
    }

    async fn say_within(&mut self, limit: Duration, sql: String) -> Result<u64, sqlx::Error> {
        let said = sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(&mut self.conn);
        Ok(answered(limit, said).await?.rows_affected())
    }

    /// Hosts are refused at their start until the end, and those that run are found out.
    async fn take(&mut self) -> Result<(), MoveError> {
        let turn = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)").bind(TURN).fetch_one(&mut self.conn);
        if !answered(ANSWER, turn).await.map_err(failed("begin in", "the database"))? {
            return Err(OpenError::BeingFilled { at: self.at.clone() }.into());
        }
        let all = format!("LOCK TABLE {}, members IN EXCLUSIVE MODE", NAMES.join(", "));
        self.say(all).await.map_err(failed("lock the tables of", "the database"))?;
        let gone = format!("DELETE FROM members WHERE seen_at < now_us() - {GONE_AFTER}");
        self.say(gone).await.map_err(failed("look into", "members"))?;
        match self.count("members").await? {
            0 => Ok(()),
            members => Err(MoveError::InUse { members }),
        }
    }

    /// What the tables were made with goes; anything else was put there by somebody.
    async fn make_room(&mut self, table: &'static str) -> Result<(), MoveError> {
        if matches!(table, "house" | "subscribers") {
            let gone = self.say(format!("DELETE FROM {table}")).await;
            return gone.map(|_| ()).map_err(failed("make room in", table));
        }
        match self.count(table).await? {
            0 => Ok(()),
            _ => Err(MoveError::NotEmpty(table.to_owned())),
        }
    }

    async fn loosen(&mut self) -> Result<(), sqlx::Error> {
        let all = "SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid) FROM pg_constraint
                   WHERE contype = 'f' AND connamespace = current_schema()::regnamespace";
        let all: Vec<(String, String, String)> =
            answered(ANSWER, sqlx::query_as(all).fetch_all(&mut self.conn)).await?;
        for (table, name, definition) in all {
            self.say(format!("ALTER TABLE {table} DROP CONSTRAINT {name}")).await?;
            self.constraints.push((table, format!("ADD CONSTRAINT {name} {definition}")));
        }
        Ok(())
    }

    pub(super) async fn delete(&mut self, table: &Table, keys: &[Row]) -> Result<(), MoveError> {
        let delete = format!(
            "DELETE FROM {name} AS t USING {keys} WHERE {matching}",
            name = table.name,
            keys = keys_as_rows(table),
            matching = change_log::matching(table, "t", "k"),
        );
        let done = self.run(&delete, table.key(), keys).await;
        done.map_err(failed("write", table.name))
    }

    /// Rows that are there already are the same.
    pub(super) async fn insert(&mut self, table: &Table, rows: &[Row]) -> Result<(), MoveError> {
        can_be_kept(table, rows)?;
        let insert = format!(
            "INSERT INTO {name} ({columns}) SELECT * FROM {rows} ON CONFLICT ({key}) DO NOTHING",
            name = table.name,
            columns = Table::list(table.columns.iter(), ""),
            rows = unnest(table.columns.iter()),
            key = Table::list(table.key(), ""),
        );
        let done = self.run(&insert, table.columns.iter(), rows).await;
        done.map_err(failed("write", table.name))
    }

    async fn run<'c>(
        &mut self,
        sql: &str,
        columns: impl Iterator<Item = &'c Column>,
        rows: &[Row],
    ) -> Result<(), sqlx::Error> {
        let query = sqlx::query_with(AssertSqlSafe(sql.to_owned()), arrays(columns, rows)?);
        answered(ANSWER, query.execute(&mut self.conn)).await.map(|_| ())
    }

    /// Read rows back.
    pub(super) async fn compare(&mut self, table: &Table, rows: &[Row]) -> Result<(), MoveError> {
        let select = format!(
            "SELECT {columns} FROM {keys} JOIN {name} AS t ON {matching}",
            columns = Table::list(table.columns.iter(), "t."),
            keys = keys_as_rows(table),
            name = table.name,
            matching = change_log::matching(table, "t", "k"),
        );
        let arguments = arrays(table.key(), rows).map_err(failed("read back", table.name))?;
        let found = sqlx::query_with(AssertSqlSafe(select), arguments).fetch_all(&mut self.conn);
        let found = answered(ANSWER, found).await.map_err(failed("read back", table.name))?;
        let found: Result<BTreeSet<Row>, _> = found.iter().map(|row| Row::read(table.columns.iter(), row)).collect();
        let found = found.map_err(failed("read back", table.name))?;
        if found.len() == rows.len() && rows.iter().all(|row| found.contains(row)) {
            return Ok(());
        }
        Err(MoveError::Different { table: table.name.to_owned() })
    }

    pub(super) async fn count(&mut self, table: &'static str) -> Result<u64, MoveError> {
        let count = format!("SELECT COUNT(*) FROM {table}");
        let count = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut self.conn);
        let count: Result<i64, _> = answered(AT_LENGTH, count).await;
        count.map(i64::unsigned_abs).map_err(failed("count", table))
    }

    /// Look how the tables are filled, for those who plan statements.
    pub(super) async fn analyze(&mut self) -> Result<(), MoveError> {
        let analyze = format!("ANALYZE {}", NAMES.join(", "));
        self.say_at_length(analyze).await.map(|_| ()).map_err(failed("analyze", "the database"))
    }

    /// Be heard, and hear.
    pub(super) async fn stay(&mut self) -> Result<(), MoveError> {
        answered(ANSWER, self.conn.ping()).await.map_err(failed("stay connected to", "the database"))
    }

    /// Everything is here; `numbers` are the last that were given.
    pub(super) async fn complete(&mut self, numbers: &BTreeMap<String, i64>) -> Result<(), MoveError> {
        for (table, rest) in std::mem::take(&mut self.constraints) {
            let add = format!("ALTER TABLE {table} {rest}");
            self.say_at_length(add).await.map_err(failed("check what is referred to in", &table))?;
        }
        for table in NUMBERED {
            // Numbers go on after those that were given, also to rows that are gone.
            let last = numbers.get(table).copied().unwrap_or(0);
            let set = sqlx::query("SELECT setval(pg_get_serial_sequence($1, 'seq'), GREATEST($2, 1), $2 > 0)");
            let set = answered(ANSWER, set.bind(table).bind(last).execute(&mut self.conn)).await;
            set.map_err(failed("number", table))?;
        }
        Ok(())
    }

    /// From here on it is kept.
    pub(super) async fn commit(&mut self) -> Result<(), MoveError> {
        match self.say_at_length("COMMIT").await {
            Ok(_) => Ok(()),
            // It says no. What a server that is going down says is not about the commit.
            Err(error) if error.as_database_error().is_some_and(|said| !is_going_down(said)) => {
                Err(failed("commit to", "the database")(error))
            }
            Err(error) => Err(MoveError::Unknown(error)),
        }
    }

    pub(super) async fn close(self) {
        // Without a commit, nothing was ever there.
        let _closed = answered(HANG_UP, self.conn.close()).await;
    }
}

/// A database that does not answer must not keep the file's log from being written back.
async fn answered<T>(limit: Duration, asked: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let silent = || std::io::Error::new(std::io::ErrorKind::TimedOut, format!("it did not answer for {limit:?}"));
    tokio::time::timeout(limit, asked).await.unwrap_or_else(|_| Err(sqlx::Error::Io(silent())))
}

/// `admin_shutdown` and what is of its kind.
fn is_going_down(said: &dyn sqlx::error::DatabaseError) -> bool {
    said.code().is_some_and(|code| code.starts_with("57"))
}

/// Hosts do not start on a database that is being filled.
pub(in crate::sql) async fn refuse_while_filled(conn: &mut PgConnection, at: String) -> Result<(), OpenError> {
    match is_being_filled(conn).await.map_err(sql("look whether it is being filled"))? {
        true => Err(OpenError::BeingFilled { at }),
        false => Ok(()),
    }
}

/// Whether a move into it is going on.
pub(in crate::sql) async fn is_being_filled(conn: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // Outside of a transaction it is given back at once.
    let free = sqlx::query_scalar("SELECT pg_try_advisory_xact_lock_shared($1)").bind(TURN).fetch_one(conn);
    free.await.map(|free: bool| !free)
}

/// `UNNEST` of an array for each column.
fn unnest<'c>(columns: impl Iterator<Item = &'c Column>) -> String {
    let arrays = columns.enumerate().map(|(at, column)| format!("${}::{}", at + 1, column.kind.array()));
    format!("UNNEST({})", arrays.collect::<Vec<_>>().join(", "))
}

fn keys_as_rows(table: &Table) -> String {
    format!("{} AS k ({})", unnest(table.key()), change_log::keys("", table))
}

/// Rows column by column: statements stay the same however many rows they are for.
fn arrays<'c>(columns: impl Iterator<Item = &'c Column>, rows: &[Row]) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for (at, column) in columns.enumerate() {
        match column.kind {
            Kind::Text => arguments.add(rows.iter().map(|row| row.text(at)).collect::<Vec<_>>()),
            Kind::Int => arguments.add(rows.iter().map(|row| row.int(at)).collect::<Vec<_>>()),
            Kind::Bytes => arguments.add(rows.iter().map(|row| row.bytes(at)).collect::<Vec<_>>()),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// SQLite keeps texts that PostgreSQL does not.
fn can_be_kept(table: &Table, rows: &[Row]) -> Result<(), MoveError> {
    let bad = |row: &&Row| (0..table.columns.len()).any(|at| row.text(at).is_some_and(|text| text.contains('\0')));
    let Some(row) = rows.iter().find(bad) else { return Ok(()) };
    let of =
        |(at, column): (usize, &Column)| row.text(at).filter(|text| text.contains('\0')).map(|_| column.name.clone());
    let column = table.columns.iter().enumerate().find_map(of).unwrap_or_default();
    let key = table.key().enumerate().map(|(at, key)| match key.kind {
        Kind::Text => format!("{} {:?}", key.name, row.text(at).unwrap_or_default()),
        _ => format!("{} {}", key.name, row.int(at).unwrap_or_default()),
    });
    let row = key.collect::<Vec<_>>().join(", ");
    Err(MoveError::Nul { table: table.name.to_owned(), column, row })
}
