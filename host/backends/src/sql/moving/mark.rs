//! A file that was moved says so, and is not served any more: whatever starts hosts by itself would start one on it, and
//! what that took in would be nowhere.

use super::{MoveError, change_log};
use crate::sql::open::{OpenError, sql};
use crate::sql::sqlite::{self, DirLock, Holder};
use crate::sql::upkeep::file_of;
use sqlx::{ConnectOptions, SqliteConnection};
use std::path::Path;

/// Note where everything goes.
pub(super) async fn set(conn: &mut SqliteConnection, to: &str) -> Result<(), sqlx::Error> {
    let set = sqlx::query("INSERT INTO house (name, value) VALUES ('moved-to', $1)").bind(to.as_bytes());
    set.execute(conn).await.map(|_| ())
}

/// It went nowhere. False: that was not noted.
pub(super) async fn clear(conn: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let gone = sqlx::query("DELETE FROM house WHERE name = 'moved-to'").execute(conn).await;
    gone.map(|gone| gone.rows_affected() > 0)
}

/// Where everything went, if it did.
pub(in crate::sql) async fn moved_to(conn: &mut SqliteConnection) -> Result<Option<String>, sqlx::Error> {
    let has_house = sqlx::query_scalar("SELECT COUNT(*) > 0 FROM sqlite_schema WHERE name = 'house'");
    if !has_house.fetch_one(&mut *conn).await? {
        return Ok(None);
    }
    let to = sqlx::query_scalar("SELECT value FROM house WHERE name = 'moved-to'").fetch_optional(conn);
    let to: Option<Vec<u8>> = to.await?;
    Ok(to.map(|to| String::from_utf8_lossy(&to).into_owned()))
}

/// A file whose rows are elsewhere is not opened.
pub(in crate::sql) async fn refuse_moved(conn: &mut SqliteConnection) -> Result<(), OpenError> {
    match moved_to(conn).await.map_err(sql("look whether it was moved"))? {
        Some(to) => Err(OpenError::Moved { to }),
        None => Ok(()),
    }
}

/// Let the file in a directory be served again, as it was when it was moved. False: it was not moved.
pub async fn undo_move(dir: &Path) -> Result<bool, MoveError> {
    let file = file_of(dir);
    if !file.exists() {
        return Err(MoveError::Missing(file));
    }
    let _alone = change_log::take_turn(dir).await?;
    let _host = DirLock::take(dir, Holder::Host)?;
    let mut conn = sqlite::connect_options(&file).connect().await.map_err(sql("open its file"))?;
    Ok(clear(&mut conn).await.map_err(sql("note that it is served again"))?)
}
