//! Connections to the relational store: one that writes, some that read.

use sqlx::{Connection, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction};
use std::collections::BTreeSet;

/// The connection that a command runs on.
pub(crate) enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PgConn),
}

/// PostgreSQL, where other processes write at the same time.
pub(crate) struct PgConn {
    pub(super) conn: PgConnection,
    /// Whether this transaction has the turn of those who read, decide and write.
    is_alone: bool,
    /// What it has told the others already.
    told: BTreeSet<(&'static str, String)>,
}

impl PgConn {
    pub(super) fn new(conn: PgConnection) -> Self {
        Self { conn, is_alone: false, told: BTreeSet::new() }
    }

    fn forget(&mut self) {
        self.is_alone = false;
        self.told.clear();
    }
}

/// The turn of those who read, decide and write. One number for the whole store.
const TURN: i64 = 0x6f70_7373;

impl Conn {
    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        match self {
            // The right to write is taken at once: taking it later may fail.
            Conn::Sqlite(conn) => sqlx::query("BEGIN IMMEDIATE").execute(conn).await.map(|_| ()),
            Conn::Postgres(conn) => {
                conn.forget();
                sqlx::query("BEGIN").execute(&mut conn.conn).await.map(|_| ())
            }
        }
    }

    pub(super) async fn say(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Conn::Sqlite(conn) => sqlx::query(sql).execute(conn).await.map(|_| ()),
            Conn::Postgres(conn) => sqlx::query(sql).execute(&mut conn.conn).await.map(|_| ()),
        }
    }

    /// What is decided from here on is decided by what no other process changes until the commit. SQLite has one writer
    /// anyway. Events are numbered under it, so that they become visible in the order of their numbers.
    pub(crate) async fn alone(&mut self) -> Result<(), sqlx::Error> {
        let Conn::Postgres(conn) = self else { return Ok(()) };
        if !conn.is_alone {
            sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(TURN).execute(&mut conn.conn).await?;
            conn.is_alone = true;
        }
        Ok(())
    }

    /// Tell the other processes when this is committed, if there can be others.
    pub(super) async fn tell(&mut self, channel: &'static str, what: &str) -> Result<(), sqlx::Error> {
        let Conn::Postgres(conn) = self else { return Ok(()) };
        if conn.told.insert((channel, what.to_owned())) {
            let tell = sqlx::query("SELECT pg_notify($1, $2)").bind(channel).bind(what);
            tell.execute(&mut conn.conn).await?;
        }
        Ok(())
    }

    /// What was done since a savepoint is undone, and with it what is remembered of the transaction.
    pub(super) fn is_undone(&mut self) {
        if let Conn::Postgres(conn) = self {
            conn.forget();
        }
    }

    pub(super) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Conn::Sqlite(conn) => conn.close().await,
            Conn::Postgres(conn) => conn.conn.close().await,
        }
    }
}

/// Connections that read.
pub(crate) enum Readers {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A transaction that reads: everything in it is of the same moment.
pub(crate) enum Snapshot {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Readers {
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, sqlx::Error> {
        match self {
            Readers::Sqlite(pool) => pool.begin().await.map(Snapshot::Sqlite),
            Readers::Postgres(pool) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                pool.begin_with(begin).await.map(Snapshot::Postgres)
            }
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Readers::Sqlite(pool) => pool.close().await,
            Readers::Postgres(pool) => pool.close().await,
        }
    }
}
