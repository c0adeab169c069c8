//! Statements that are written once and run on either store.
//!
//! `sqlx` types a statement by its database. Here a statement is text and arguments, and which database it is shows
//! when it runs; rows are read by the same type from both.

use super::conn::{Conn, Readers, Snapshot};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::{Query as SqlxQuery, QueryAs};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Error, FromRow, Postgres, Sqlite};
use std::borrow::Cow;
use std::marker::PhantomData;

/// Statements of more text come in every size: keeping them prepared would push out those that are used often.
const KEPT: usize = 8_000;
/// In text that is not numbered yet, where an argument goes.
const PLACE: char = '\0';

/// A row that can be read from both.
pub(crate) trait Row: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}
impl<T> Row for T where T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin {}

/// A value for a statement. Whether something is so is a number, in both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Arg {
    Text(Option<String>),
    Int(Option<i64>),
    Bytes(Option<Vec<u8>>),
}

macro_rules! arg {
    ($($from:ty => |$value:ident| $arg:expr;)*) => {
        $(impl From<$from> for Arg {
            fn from($value: $from) -> Self {
                $arg
            }
        })*
    };
}

arg! {
    &str => |value| Self::Text(Some(value.to_owned()));
    &String => |value| Self::Text(Some(value.clone()));
    String => |value| Self::Text(Some(value));
    Option<&str> => |value| Self::Text(value.map(str::to_owned));
    Option<String> => |value| Self::Text(value);
    &Option<String> => |value| Self::Text(value.clone());
    i64 => |value| Self::Int(Some(value));
    Option<i64> => |value| Self::Int(value);
    bool => |value| Self::Int(Some(i64::from(value)));
    &[u8] => |value| Self::Bytes(Some(value.to_vec()));
    Vec<u8> => |value| Self::Bytes(Some(value));
}

/// Text with its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    sql: Cow<'static, str>,
    args: Vec<Arg>,
}

impl Statement {
    fn arguments<A: Arguments>(args: Vec<Arg>) -> Result<A, Error>
    where
        Option<String>: for<'q> sqlx::Encode<'q, A::Database> + sqlx::Type<A::Database>,
        Option<i64>: for<'q> sqlx::Encode<'q, A::Database> + sqlx::Type<A::Database>,
        Option<Vec<u8>>: for<'q> sqlx::Encode<'q, A::Database> + sqlx::Type<A::Database>,
    {
        let mut arguments = A::default();
        for arg in args {
            match arg {
                Arg::Text(value) => arguments.add(value),
                Arg::Int(value) => arguments.add(value),
                Arg::Bytes(value) => arguments.add(value),
            }
            .map_err(Error::Encode)?;
        }
        Ok(arguments)
    }

    pub(super) fn sqlite(self) -> Result<SqlxQuery<'static, Sqlite, SqliteArguments>, Error> {
        let keep = self.sql.len() < KEPT;
        Ok(sqlx::query_with(AssertSqlSafe(self.sql), Self::arguments(self.args)?).persistent(keep))
    }

    pub(super) fn postgres(self) -> Result<SqlxQuery<'static, Postgres, PgArguments>, Error> {
        let keep = self.sql.len() < KEPT;
        Ok(sqlx::query_with(AssertSqlSafe(self.sql), Self::arguments(self.args)?).persistent(keep))
    }

    pub(super) fn sqlite_as<R: Row>(self) -> Result<QueryAs<'static, Sqlite, R, SqliteArguments>, Error> {
        let keep = self.sql.len() < KEPT;
        Ok(sqlx::query_as_with(AssertSqlSafe(self.sql), Self::arguments(self.args)?).persistent(keep))
    }

    pub(super) fn postgres_as<R: Row>(self) -> Result<QueryAs<'static, Postgres, R, PgArguments>, Error> {
        let keep = self.sql.len() < KEPT;
        Ok(sqlx::query_as_with(AssertSqlSafe(self.sql), Self::arguments(self.args)?).persistent(keep))
    }
}

/// Where a statement runs.
pub(crate) trait On: Send {
    fn rows<R: Row>(self, statement: Statement) -> impl Future<Output = Result<Vec<R>, Error>> + Send;
    fn run(self, statement: Statement) -> impl Future<Output = Result<u64, Error>> + Send;
}

impl On for &mut Conn {
    async fn rows<R: Row>(self, statement: Statement) -> Result<Vec<R>, Error> {
        match self {
            Conn::Sqlite(conn) => statement.sqlite_as()?.fetch_all(conn).await,
            Conn::Postgres(conn) => statement.postgres_as()?.fetch_all(&mut conn.conn).await,
        }
    }

    async fn run(self, statement: Statement) -> Result<u64, Error> {
        match self {
            Conn::Sqlite(conn) => Ok(statement.sqlite()?.execute(conn).await?.rows_affected()),
            Conn::Postgres(conn) => Ok(statement.postgres()?.execute(&mut conn.conn).await?.rows_affected()),
        }
    }
}

impl On for &Readers {
    async fn rows<R: Row>(self, statement: Statement) -> Result<Vec<R>, Error> {
        match self {
            Readers::Sqlite(pool) => statement.sqlite_as()?.fetch_all(pool).await,
            Readers::Postgres(pool) => statement.postgres_as()?.fetch_all(pool).await,
        }
    }

    async fn run(self, statement: Statement) -> Result<u64, Error> {
        match self {
            Readers::Sqlite(pool) => Ok(statement.sqlite()?.execute(pool).await?.rows_affected()),
            Readers::Postgres(pool) => Ok(statement.postgres()?.execute(pool).await?.rows_affected()),
        }
    }
}

impl On for &mut Snapshot {
    async fn rows<R: Row>(self, statement: Statement) -> Result<Vec<R>, Error> {
        match self {
            Snapshot::Sqlite(transaction) => statement.sqlite_as()?.fetch_all(&mut **transaction).await,
            Snapshot::Postgres(transaction) => statement.postgres_as()?.fetch_all(&mut **transaction).await,
        }
    }

    async fn run(self, statement: Statement) -> Result<u64, Error> {
        match self {
            Snapshot::Sqlite(transaction) => Ok(statement.sqlite()?.execute(&mut **transaction).await?.rows_affected()),
            Snapshot::Postgres(transaction) => {
                Ok(statement.postgres()?.execute(&mut **transaction).await?.rows_affected())
            }
        }
    }
}

/// What a statement answers with.
pub(crate) trait Answer {
    type Row: Row;
    type Item;
    fn item(row: Self::Row) -> Self::Item;
}

/// Rows as they are.
pub(crate) struct Rows<R>(PhantomData<fn() -> R>);

impl<R: Row> Answer for Rows<R> {
    type Row = R;
    type Item = R;
    fn item(row: R) -> R {
        row
    }
}

/// The only column.
pub(crate) struct Scalar<T>(PhantomData<fn() -> T>);

impl<T> Answer for Scalar<T>
where
    (T,): Row,
{
    type Row = (T,);
    type Item = T;
    fn item((value,): (T,)) -> T {
        value
    }
}

/// A statement on its way to be run.
pub(crate) struct Query<A> {
    statement: Statement,
    answer: PhantomData<fn() -> A>,
}

impl<A> Query<A> {
    fn new(sql: Cow<'static, str>) -> Self {
        Self { statement: Statement { sql, args: Vec::new() }, answer: PhantomData }
    }

    pub(crate) fn bind(mut self, value: impl Into<Arg>) -> Self {
        self.statement.args.push(value.into());
        self
    }
}

/// Changes something.
pub(crate) fn query(sql: &'static str) -> Query<()> {
    Query::new(Cow::Borrowed(sql))
}

/// Reads rows.
pub(crate) fn query_as<R: Row>(sql: &'static str) -> Query<Rows<R>> {
    Query::new(Cow::Borrowed(sql))
}

/// Reads one column.
pub(crate) fn query_scalar<T>(sql: &'static str) -> Query<Scalar<T>>
where
    (T,): Row,
{
    Query::new(Cow::Borrowed(sql))
}

impl Query<()> {
    /// How many rows are different now.
    pub(crate) async fn execute(self, on: impl On) -> Result<u64, Error> {
        on.run(self.statement).await
    }
}

impl<A: Answer> Query<A> {
    pub(crate) async fn fetch_all(self, on: impl On) -> Result<Vec<A::Item>, Error> {
        Ok(on.rows::<A::Row>(self.statement).await?.into_iter().map(A::item).collect())
    }

    pub(crate) async fn fetch_optional(self, on: impl On) -> Result<Option<A::Item>, Error> {
        Ok(on.rows::<A::Row>(self.statement).await?.into_iter().next().map(A::item))
    }

    pub(crate) async fn fetch_one(self, on: impl On) -> Result<A::Item, Error> {
        self.fetch_optional(on).await?.ok_or(Error::RowNotFound)
    }
}

/// A statement that is put together. What is pushed is ours; what comes from elsewhere is bound.
#[derive(Default, Clone)]
pub(crate) struct Builder {
    text: String,
    args: Vec<Arg>,
}

impl Builder {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), args: Vec::new() }
    }

    pub(crate) fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    pub(crate) fn push_bind(&mut self, value: impl Into<Arg>) -> &mut Self {
        self.text.push(PLACE);
        self.args.push(value.into());
        self
    }

    /// `VALUES (..), (..)`.
    pub(crate) fn push_values<T>(
        &mut self,
        rows: impl IntoIterator<Item = T>,
        fill: impl Fn(&mut Values<'_>, T),
    ) -> &mut Self {
        self.push("VALUES ");
        for (at, row) in rows.into_iter().enumerate() {
            self.push(if at == 0 { "(" } else { ", (" });
            fill(&mut Values { builder: self, is_first: true }, row);
            self.push(")");
        }
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Another statement behind it, as part of the same trip.
    fn join(&mut self, other: Builder) {
        self.text.push_str("; ");
        self.text.push_str(&other.text);
        self.args.extend(other.args);
    }

    /// With the places of its arguments numbered.
    pub(crate) fn sql(&self) -> String {
        let mut sql = String::with_capacity(self.text.len() + 2 * self.args.len());
        let mut number = 0;
        for part in self.text.split_inclusive(PLACE) {
            match part.strip_suffix(PLACE) {
                Some(text) => {
                    number += 1;
                    sql.push_str(text);
                    sql.push_str(&format!("${number}"));
                }
                None => sql.push_str(part),
            }
        }
        sql
    }

    fn statement(self) -> Statement {
        Statement { sql: Cow::Owned(self.sql()), args: self.args }
    }

    pub(crate) fn build(self) -> Query<()> {
        Query { statement: self.statement(), answer: PhantomData }
    }

    pub(crate) fn build_query_as<R: Row>(self) -> Query<Rows<R>> {
        Query { statement: self.statement(), answer: PhantomData }
    }
}

/// One row of [`Builder::push_values`].
pub(crate) struct Values<'b> {
    builder: &'b mut Builder,
    is_first: bool,
}

impl Values<'_> {
    pub(crate) fn push_bind(&mut self, value: impl Into<Arg>) -> &mut Self {
        if !std::mem::take(&mut self.is_first) {
            self.builder.push(", ");
        }
        self.builder.push_bind(value);
        self
    }
}

/// Statements that are one trip where the store takes several at once (SQLite), and follow each other elsewhere.
#[derive(Default)]
pub(crate) struct Trip(Vec<Builder>);

impl Trip {
    pub(crate) fn push(&mut self, statement: Builder) {
        self.0.push(statement);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn stops(self, conn: &Conn) -> Vec<Builder> {
        match conn {
            Conn::Postgres(_) => self.0,
            Conn::Sqlite(_) => {
                let mut stops: Vec<Builder> = Vec::new();
                for statement in self.0 {
                    match stops.last_mut() {
                        // SQLite takes 32,766 arguments, and short texts are kept prepared.
                        Some(last) if last.text.len() + statement.text.len() < KEPT => last.join(statement),
                        _ => stops.push(statement),
                    }
                }
                stops
            }
        }
    }

    pub(crate) async fn execute(self, conn: &mut Conn) -> Result<(), Error> {
        for stop in self.stops(conn) {
            stop.build().execute(&mut *conn).await?;
        }
        Ok(())
    }

    /// The rows of all of them.
    pub(crate) async fn fetch_all<R: Row>(self, conn: &mut Conn) -> Result<Vec<R>, Error> {
        let mut rows = Vec::new();
        for stop in self.stops(conn) {
            rows.extend(stop.build_query_as::<R>().fetch_all(&mut *conn).await?);
        }
        Ok(rows)
    }
}

/// A statement that the two stores spell differently.
pub(crate) struct Spelt {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

impl Spelt {
    pub(crate) fn for_conn(&self, conn: &Conn) -> &'static str {
        match conn {
            Conn::Sqlite(_) => self.sqlite,
            Conn::Postgres(_) => self.postgres,
        }
    }

    pub(crate) fn for_readers(&self, readers: &Readers) -> &'static str {
        match readers {
            Readers::Sqlite(_) => self.sqlite,
            Readers::Postgres(_) => self.postgres,
        }
    }
}
