//! A host that does whatever tables allow while it is moved: at the end both have the same rows.
//!
//! Between any two steps of a move, rows of all tables come, change, change their keys, trade what has to be unique, and
//! go, with all that refers to them. Each seed is a play of its own and can be played again.

use super::{file, moved, now};
use crate::ports::open_at;
use crate::server::Database;
use opssight_backends::MoveStep;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio_util::sync::CancellationToken;

const SEEDS: u64 = 12;
/// Changes between two steps.
const CHANGES: u64 = 12;

struct Column {
    name: String,
    kind: String,
    is_needed: bool,
    is_key: bool,
}

struct Table {
    name: String,
    columns: Vec<Column>,
}

async fn tables(conn: &mut SqliteConnection) -> Vec<Table> {
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table'
                 AND name NOT LIKE 'sqlite%' AND name NOT LIKE '_sqlx%' AND name NOT IN ('members', 'move_log')";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(&mut *conn).await.unwrap();
    let mut tables = Vec::new();
    for name in names {
        let columns = "SELECT name, type, \"notnull\", pk FROM pragma_table_info($1) ORDER BY cid";
        let columns: Vec<(String, String, bool, i64)> =
            sqlx::query_as(columns).bind(&name).fetch_all(&mut *conn).await.unwrap();
        let columns =
            columns.into_iter().map(|(name, kind, is_needed, key)| Column { name, kind, is_needed, is_key: key > 0 });
        tables.push(Table { columns: columns.collect(), name });
    }
    tables
}

struct Play {
    conn: SqliteConnection,
    tables: Vec<Table>,
    random: u64,
}

impl Play {
    /// With rows in all tables, and more than a page of some.
    async fn begin(dir: &Path, seed: u64) -> Self {
        let mut conn = file(dir).await;
        let tables = tables(&mut conn).await;
        let mut play = Self { conn, tables, random: (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) };
        play.say(MANY.to_owned()).await;
        for _ in 0..40 {
            play.changes().await;
        }
        play
    }

    fn next(&mut self, below: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) % below
    }

    fn one_of(&mut self, values: &[&str]) -> String {
        values[self.next(values.len() as u64) as usize].to_owned()
    }

    /// Few different ones, so that rows meet.
    fn value(&mut self, column: &Column) -> String {
        if !column.is_needed && !column.is_key && self.next(4) == 0 {
            return "NULL".to_owned();
        }
        match column.kind.as_str() {
            "TEXT" => self.one_of(&["''", "'a'", "'b'", "'c'", "'d e'", "'\u{e4}\u{1f680}'", "'Z'", "'\"\\'"]),
            "BLOB" => self.one_of(&["x''", "x'00ff'", "x'61'"]),
            "BOOLEAN" => self.one_of(&["0", "1"]),
            _ => self.one_of(&["-9223372036854775808", "-1", "0", "1", "2", "7", "9223372036854775806"]),
        }
    }

    async fn say(&mut self, sql: String) {
        // Some of it is against the rules of a table, which then stays as it was.
        if sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(&mut self.conn).await.is_err() {
            let _if_it_was_one = sqlx::query("ROLLBACK").execute(&mut self.conn).await;
        }
    }

    async fn change(&mut self) {
        let tables = std::mem::take(&mut self.tables);
        let table = &tables[self.next(tables.len() as u64) as usize];
        let (what, offset) = (self.next(10), self.next(5));
        // What opens the store stays.
        let others = if table.name == "house" { "WHERE length(name) < 4" } else { "" };
        let row =
            format!("rowid = (SELECT rowid FROM {} {others} ORDER BY rowid DESC LIMIT 1 OFFSET {offset})", table.name);
        let sql = match what {
            0..4 => {
                let values: Vec<String> = table.columns.iter().map(|column| self.value(column)).collect();
                format!("INSERT OR IGNORE INTO {} VALUES ({})", table.name, values.join(", "))
            }
            4..7 => self.update(table, &row, |column| !column.is_key),
            7 => self.update(table, &row, |column| column.is_key),
            8 => self.trade(table).await,
            _ => format!("DELETE FROM {} WHERE {row}", table.name),
        };
        self.say(sql).await;
        self.tables = tables;
    }

    fn update(&mut self, table: &Table, row: &str, which: impl Fn(&Column) -> bool) -> String {
        let columns: Vec<&Column> = table.columns.iter().filter(|column| which(column)).collect();
        let set: Vec<String> =
            columns.iter().map(|column| format!("{} = {}", column.name, self.value(column))).collect();
        format!("UPDATE OR IGNORE {} SET {} WHERE {row}", table.name, set.join(", "))
    }

    /// Two rows trade what has to be unique in each, and so do two keys.
    async fn trade(&mut self, table: &Table) -> String {
        let (name, column) = match table.name.as_str() {
            "connections" => ("connections", "name"),
            "deliveries" => ("deliveries", "upstream_id"),
            _ => ("runs", "id"),
        };
        let first = format!("(SELECT rowid FROM {name} ORDER BY rowid LIMIT 1)");
        let last = format!("(SELECT rowid FROM {name} ORDER BY rowid DESC LIMIT 1)");
        let both = format!("SELECT {column} FROM {name} WHERE rowid IN ({first}, {last}) ORDER BY rowid");
        let both: Vec<String> = sqlx::query_scalar(AssertSqlSafe(both)).fetch_all(&mut self.conn).await.unwrap();
        let [one, other] = both.as_slice() else { return "SELECT 1".to_owned() };
        let (one, other) = (one.replace('\'', "''"), other.replace('\'', "''"));
        format!(
            "BEGIN IMMEDIATE; UPDATE {name} SET {column} = 'between' WHERE rowid = {first};
             UPDATE {name} SET {column} = '{one}' WHERE rowid = {last};
             UPDATE {name} SET {column} = '{other}' WHERE rowid = {first}; COMMIT"
        )
    }

    async fn changes(&mut self) {
        for _ in 0..CHANGES {
            self.change().await;
        }
    }
}

/// All rows as text, a table after the other.
async fn rows_of_file(dir: &Path, tables: &[Table]) -> Vec<BTreeSet<String>> {
    let mut conn = file(dir).await;
    let mut all = Vec::new();
    for table in tables {
        let as_text = |column: &Column| match column.kind.as_str() {
            "BLOB" => format!("COALESCE(lower(hex({})), '-')", column.name),
            _ => format!("COALESCE('=' || CAST({} AS TEXT), '-')", column.name),
        };
        let columns = table.columns.iter().map(as_text).collect::<Vec<_>>().join(" || '|' || ");
        // It says that it was moved, which the database does not.
        let rows = format!("SELECT {columns} FROM {} WHERE {columns} NOT LIKE '=moved-to%'", table.name);
        all.push(sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut conn).await.unwrap().into_iter().collect());
    }
    all
}

async fn rows_of_database(database: &Database, tables: &[Table]) -> Vec<BTreeSet<String>> {
    let mut conn = PgConnection::connect(&database.address).await.unwrap();
    let mut all = Vec::new();
    for table in tables {
        let as_text = |column: &Column| match column.kind.as_str() {
            "BLOB" => format!("COALESCE(encode({}, 'hex'), '-')", column.name),
            _ => format!("COALESCE('=' || {}::TEXT, '-')", column.name),
        };
        let columns = table.columns.iter().map(as_text).collect::<Vec<_>>().join(" || '|' || ");
        let rows = format!("SELECT {columns} FROM {}", table.name);
        all.push(sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&mut conn).await.unwrap().into_iter().collect());
    }
    all
}

/// More than one page of some tables.
const MANY: &str = "
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2300)
    INSERT INTO deliveries (id, connection, upstream_id, state, size, received_at, headers)
    SELECT 'dlv_' || n, 'c', 'many-' || n, 'pending', n, n, '[]' FROM n;
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 9)
    INSERT INTO delivery_bodies (delivery, body) SELECT 'dlv_' || n, zeroblob(1500000) FROM n";

async fn play(seed: u64) {
    // Where flushing costs nothing, if there is such a place.
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let (database, store) = (Database::create().await, open_at(dir.path()).await);
    let mut play = Play::begin(dir.path(), seed).await;
    let (host, tables) = (Mutex::new(Some(store)), tables(&mut play.conn).await);
    let (play, rounds) = (Mutex::new(play), AtomicU64::new(0));
    let tell = |step: MoveStep<'_>| {
        let (mut play, mut host) = (play.lock().unwrap(), host.lock().unwrap());
        let Some(store) = host.clone() else { return };
        now(async {
            play.changes().await;
            match step {
                MoveStep::Followed { .. } if rounds.fetch_add(1, Ordering::Relaxed) > seed % 4 => {
                    store.close().await;
                    *host = None;
                }
                // A host that starts again in the middle.
                MoveStep::Copied { .. } if play.next(20) == 0 => {
                    store.close().await;
                    *host = Some(open_at(dir.path()).await);
                }
                _ => {}
            }
        });
    };
    let done = moved(dir.path(), &database, tell).await.unwrap_or_else(|error| panic!("seed {seed}: {error:?}"));
    let rows = same(dir.path(), &database, &tables, seed).await;
    assert_eq!(done.rows, rows, "seed {seed}");
}

/// Both have the same rows; how many.
async fn same(dir: &Path, database: &Database, tables: &[Table], seed: u64) -> u64 {
    let (here, there) = (rows_of_file(dir, tables).await, rows_of_database(database, tables).await);
    for ((table, here), there) in tables.iter().zip(&here).zip(&there) {
        assert!(
            here == there,
            "seed {seed}: {} differs: {:?}",
            table.name,
            here.symmetric_difference(there).collect::<Vec<_>>()
        );
    }
    let furnished = there.iter().filter(|rows| !rows.is_empty()).count();
    assert!(furnished * 4 > tables.len() * 3, "seed {seed}: only {furnished} of {} tables have rows", tables.len());
    there.iter().map(|rows| rows.len() as u64).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_host_does_meanwhile_both_have_the_same_rows_at_the_end() {
    for seed in 0..SEEDS {
        play(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_never_rests_is_moved_as_well() {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let (database, store) = (Database::create().await, open_at(dir.path()).await);
    let mut play = Play::begin(dir.path(), SEEDS).await;
    let tables = tables(&mut play.conn).await;
    let (rest, rounds) = (CancellationToken::new(), AtomicU64::new(0));
    let rests = rest.clone();
    let busy = Mutex::new(Some(tokio::spawn(async move {
        while !rests.is_cancelled() {
            play.change().await;
        }
    })));
    let tell = |step: MoveStep<'_>| {
        if matches!(step, MoveStep::Followed { .. }) && rounds.fetch_add(1, Ordering::Relaxed) == 4 {
            rest.cancel();
            now(busy.lock().unwrap().take().unwrap()).unwrap();
            now(store.close());
        }
    };
    moved(dir.path(), &database, tell).await.unwrap();
    same(dir.path(), &database, &tables, SEEDS).await;
}
