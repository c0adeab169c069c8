//! The tables that move, their columns, and their rows.

use crate::sql::query::Arg;
use sqlx::{ColumnIndex, Decode, Type};

/// All tables but `members`: those are processes, which do not move.
pub(super) const NAMES: [&str; 32] = [
    "house",
    "admins",
    "people",
    "invitations",
    "sign_in_attempts",
    "sessions",
    "api_keys",
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

/// Tables whose rows are numbered by the database, by their `seq`.
pub(super) const NUMBERED: [&str; 2] = ["events", "plugin_events"];

/// What a column holds, on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Int,
    Bytes,
}

impl Kind {
    /// As SQLite declares it.
    pub(super) fn declared(kind: &str) -> Self {
        match kind {
            "TEXT" => Self::Text,
            "BLOB" => Self::Bytes,
            _ => Self::Int,
        }
    }

    pub(super) fn array(self) -> &'static str {
        match self {
            Self::Text => "TEXT[]",
            Self::Int => "BIGINT[]",
            Self::Bytes => "BYTEA[]",
        }
    }
}

#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// Those of the primary key first, in its order.
    pub(super) columns: Vec<Column>,
    /// How many they are.
    pub(super) key: usize,
}

impl Table {
    pub(super) fn key(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().take(self.key)
    }

    /// The columns, or those of its key, with something in front of each.
    pub(super) fn list<'c>(columns: impl Iterator<Item = &'c Column>, before: &str) -> String {
        columns.map(|column| format!("{before}{}", column.name)).collect::<Vec<_>>().join(", ")
    }
}

/// A row, or the key of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row(Vec<Arg>);

impl Row {
    /// The first columns of what was selected.
    pub(super) fn read<'c, 'r, R>(columns: impl Iterator<Item = &'c Column>, row: &'r R) -> Result<Self, sqlx::Error>
    where
        R: sqlx::Row,
        usize: ColumnIndex<R>,
        Option<String>: Decode<'r, R::Database> + Type<R::Database>,
        Option<i64>: Decode<'r, R::Database> + Type<R::Database>,
        Option<Vec<u8>>: Decode<'r, R::Database> + Type<R::Database>,
    {
        let read = |(at, column): (usize, &Column)| {
            Ok(match column.kind {
                Kind::Text => Arg::Text(row.try_get(at)?),
                Kind::Int => Arg::Int(row.try_get(at)?),
                Kind::Bytes => Arg::Bytes(row.try_get(at)?),
            })
        };
        columns.enumerate().map(read).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn text(&self, at: usize) -> Option<&str> {
        match self.0.get(at) {
            Some(Arg::Text(value)) => value.as_deref(),
            _ => None,
        }
    }

    pub(super) fn int(&self, at: usize) -> Option<i64> {
        match self.0.get(at) {
            Some(Arg::Int(value)) => *value,
            _ => None,
        }
    }

    pub(super) fn bytes(&self, at: usize) -> Option<&[u8]> {
        match self.0.get(at) {
            Some(Arg::Bytes(value)) => value.as_deref(),
            _ => None,
        }
    }

    /// About so much memory.
    pub(super) fn size(&self) -> usize {
        let size = |value: &Arg| match value {
            Arg::Text(Some(text)) => text.len(),
            Arg::Bytes(Some(bytes)) => bytes.len(),
            _ => 0,
        };
        self.0.iter().map(|value| size_of::<Arg>() + size(value)).sum()
    }
}
