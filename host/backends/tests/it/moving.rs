//! Moving from SQLite to PostgreSQL, beside a host or without one, and moves that come to no end.

mod random;

use crate::hooks::delivery;
use crate::items::{finished, run};
use crate::ports::{at, connection, effect, open_at, options};
use crate::server::Database;
use crate::upkeep::furnish;
use opssight_backends::{
    KeyRing, MoveError, MoveStep, Moved, Moving, OpenError, Place, Rotate, RotateError, Store, UpkeepError, backup,
    database_status, file_status, move_to_postgres, restore, rotate_secrets, undo_move,
};
use opssight_core::connections::ConnectionStore;
use opssight_core::delivery::DeliveryStore;
use opssight_core::events::EventLog;
use opssight_core::hooks::{Inbox, Leasing};
use opssight_core::identity::{IdentityStore, SecretHash};
use opssight_core::ingest::Ingest;
use opssight_core::plugins::{CredentialSource, Credentials, PluginState};
use opssight_core::vocabulary::RunResult;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, SqliteConnection};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

async fn moved(dir: &Path, to: &Database, told: impl Fn(MoveStep<'_>) + Send + Sync) -> Result<Moved, MoveError> {
    move_to_postgres(dir, &to.address, options(), &CancellationToken::new(), told).await
}

/// In the middle of a move, which tells how far it is without waiting for anything.
fn now<T>(done: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| Handle::current().block_on(done))
}

/// The file, beside whoever has it open.
async fn file(dir: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(dir.join("opssight.sqlite")).foreign_keys(true);
    options.busy_timeout(Duration::from_secs(10)).connect().await.unwrap()
}

async fn say(dir: &Path, sql: &str) {
    let mut conn = file(dir).await;
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
}

/// What a move keeps in the file.
async fn left(dir: &Path) -> i64 {
    let left = "SELECT COUNT(*) FROM sqlite_schema WHERE name GLOB 'move_log*'";
    sqlx::query_scalar(left).fetch_one(&mut file(dir).await).await.unwrap()
}

/// Nothing of a move is in it, and a host can begin there.
async fn is_empty(database: &Database) -> bool {
    let store = Store::connect(&database.address, options()).await.unwrap();
    let is_admin = store.is_admin(&SecretHash::of("admin")).await.unwrap();
    let connection = store.connection(&"c".into()).await.unwrap();
    let (_, last) = store.bounds().await.unwrap();
    store.close().await;
    !is_admin && connection.is_none() && last == 0
}

#[tokio::test]
async fn everything_moves_and_goes_on_where_it_was() {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::create().await);
    let before = furnish(dir.path()).await;
    let told = Mutex::new(Vec::new());
    let tell = |step: MoveStep<'_>| told.lock().unwrap().push(format!("{step:?}"));
    let done = moved(dir.path(), &database, tell).await.unwrap();
    assert!(done.rows > 900, "{done:?}");
    for step in ["Copied", "Compared"] {
        let step = format!("{step} {{ table: \"deliveries\", rows: 450, of: 450 }}");
        assert!(told.lock().unwrap().contains(&step), "{step}");
    }

    let store = Store::connect(&database.address, options()).await.unwrap();
    assert_eq!(store.read_model_dump().await.unwrap(), before);
    assert_eq!(store.credentials(&"c".into()).await.unwrap()["api"].inputs["token"], "s3cret-s3cret");
    assert_eq!(store.get(&"c".into(), "etag").await.unwrap(), Some(vec![0, 1, 255]));
    assert!(store.is_admin(&SecretHash::of("admin")).await.unwrap());
    assert!(store.accept(delivery("u1")).await.unwrap().duplicate);
    assert_eq!(store.lease(&Leasing::up_to(500, at(100), at(200))).await.unwrap().len(), 450);
    // Numbers go on after those that were given.
    let (_, last) = store.bounds().await.unwrap();
    store.apply(effect(vec![finished(run("2", 1, 0), 9, RunResult::Failure)])).await.unwrap();
    assert!(store.after(last, 10).await.unwrap().iter().all(|event| event.seq > last));
    assert_eq!(store.follow(100).await.unwrap() as usize, store.after(last, 10).await.unwrap().len());
    store.close().await;
}

#[tokio::test]
async fn a_file_that_was_moved_is_not_served_until_that_is_undone() {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::create().await);
    let before = furnish(dir.path()).await;
    assert!(!undo_move(dir.path()).await.unwrap());
    moved(dir.path(), &database, |_| {}).await.unwrap();
    let refused = Store::open(dir.path(), options()).await.unwrap_err();
    assert!(matches!(&refused, OpenError::Moved { to } if to.contains("opssight")), "{refused}");
    assert!(refused.to_string().contains("store.url") && !refused.to_string().contains("only-for-tests"), "{refused}");
    let status = file_status(dir.path()).await.unwrap();
    assert!(matches!(status.moving, Some(Moving::Done(_))), "{status:?}");
    let again = moved(dir.path(), &database, |_| {}).await.unwrap_err();
    assert!(matches!(again, MoveError::Open(OpenError::Moved { .. })), "{again}");
    let refused = backup(dir.path(), &dir.path().join("stale.sqlite")).await.unwrap_err();
    assert!(matches!(refused, UpkeepError::Open(OpenError::Moved { .. })), "{refused}");
    let place = Place::Dir(dir.path().to_owned());
    let refused = rotate_secrets(&place, &KeyRing::from([1; 32]), Rotate::default(), |_| {}).await.unwrap_err();
    assert!(matches!(refused, RotateError::Open(OpenError::Moved { .. })), "{refused}");

    assert!(undo_move(dir.path()).await.unwrap());
    let again = moved(dir.path(), &database, |_| {}).await.unwrap_err();
    assert!(matches!(&again, MoveError::NotEmpty(table) if table == "admins"), "{again}");
    assert_eq!(left(dir.path()).await, 0);
    assert_eq!(open_at(dir.path()).await.read_model_dump().await.unwrap(), before);
}

#[tokio::test]
async fn numbers_go_on_after_those_of_events_that_are_gone() {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::create().await);
    furnish(dir.path()).await;
    say(dir.path(), "INSERT INTO events (kind, connection, subject, at, data) SELECT kind, connection, subject, at, data FROM events").await;
    let last: i64 =
        sqlx::query_scalar("SELECT MAX(seq) FROM events").fetch_one(&mut file(dir.path()).await).await.unwrap();
    say(dir.path(), "DELETE FROM events").await;
    moved(dir.path(), &database, |_| {}).await.unwrap();
    let store = Store::connect(&database.address, options()).await.unwrap();
    store.apply(effect(vec![finished(run("2", 1, 0), 9, RunResult::Failure)])).await.unwrap();
    let first = store.after(0, 10).await.unwrap().first().unwrap().seq;
    assert_eq!(first, last + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_host_does_meanwhile_comes_along() {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::create().await);
    furnish(dir.path()).await;
    let host = Mutex::new(Some(open_at(dir.path()).await));
    let (steps, after) = (Mutex::new(0), Mutex::new(String::new()));
    let tell = |step: MoveStep<'_>| {
        let mut host = host.lock().unwrap();
        let Some(store) = host.clone() else { return };
        let mut steps = steps.lock().unwrap();
        *steps += 1;
        let id = format!("{steps}");
        now(async {
            store.accept(delivery(&format!("meanwhile-{id}"))).await.unwrap();
            store.apply(effect(vec![finished(run(&id, 1, 0), 9, RunResult::Failure)])).await.unwrap();
            store.insert(&connection(&format!("n{id}")), &Credentials::new(), &["runs".to_owned()]).await.unwrap();
            store.lease(&Leasing::up_to(3, at(100), at(200))).await.unwrap();
            if *steps % 3 == 0 {
                store.remove(&format!("n{}", *steps - 1).as_str().into()).await.unwrap();
            }
        });
        if matches!(step, MoveStep::Followed { changes } if changes > 20) {
            now(async {
                while store.follow(100).await.unwrap() > 0 {}
                *after.lock().unwrap() = store.read_model_dump().await.unwrap();
                store.close().await;
            });
            *host = None;
        }
    };
    moved(dir.path(), &database, tell).await.unwrap();
    let steps = steps.into_inner().unwrap();
    assert!(steps > 30, "{steps}");
    let store = Store::connect(&database.address, options()).await.unwrap();
    assert_eq!(store.read_model_dump().await.unwrap(), after.into_inner().unwrap());
    for step in 1..=steps {
        assert!(store.accept(delivery(&format!("meanwhile-{step}"))).await.unwrap().duplicate, "{step}");
        let is_removed = (step + 1) % 3 == 0 && step < steps;
        let found = store.connection(&format!("n{step}").as_str().into()).await.unwrap();
        assert_eq!(found.is_none(), is_removed, "{step}");
    }
}

#[tokio::test]
async fn a_text_that_postgres_does_not_take_is_named_and_the_database_stays_empty() {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::create().await);
    furnish(dir.path()).await;
    let store = open_at(dir.path()).await;
    // SQLite keeps this; PostgreSQL knows no such character.
    let mut bad = delivery("bad");
    bad.event = Some("a\0b".to_owned());
    let id = store.accept(bad).await.unwrap().id;
    store.close().await;
    let failed = moved(dir.path(), &database, |_| {}).await.unwrap_err().to_string();
    for part in ["the event of a row in deliveries", id.as_str(), "sqlite3"] {
        assert!(failed.contains(part), "{failed}");
    }
    assert_eq!(left(dir.path()).await, 0);
    assert!(is_empty(&database).await);
    // What it says to do is enough.
    let (_, statement) = failed.split_once("sqlite3 opssight.sqlite \"").unwrap();
    say(dir.path(), statement.trim_end_matches('"')).await;
    moved(dir.path(), &database, |_| {}).await.unwrap();
}

/// A move that is cut off at its step of this number, as if its process had been killed.
async fn cut_off(dir: &Path, database: &Database, at: u32) {
    let (reached, cut) = (CancellationToken::new(), Mutex::new(0));
    let tell = |_: MoveStep<'_>| {
        let mut steps = cut.lock().unwrap();
        *steps += 1;
        if *steps == at {
            reached.cancel();
        }
    };
    tokio::select! {
        biased;
        () = reached.cancelled() => {}
        done = moved(dir, database, tell) => panic!("it came to its end: {done:?}"),
    }
    // Its connection may still be ending.
    while database_status(&database.address).await.unwrap().moving.is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn a_move_that_was_killed_leaves_a_store_that_is_served_and_moved_again() {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::create().await);
    furnish(dir.path()).await;
    for at in [1, 5, 20, 25] {
        cut_off(dir.path(), &database, at).await;
        assert_ne!(left(dir.path()).await, 0, "killed too early");
    }
    // A start takes away what is left, and goes on.
    let store = open_at(dir.path()).await;
    assert_eq!(left(dir.path()).await, 0);
    store.apply(effect(vec![finished(run("2", 1, 0), 9, RunResult::Failure)])).await.unwrap();
    while store.follow(100).await.unwrap() > 0 {}
    let before = store.read_model_dump().await.unwrap();
    store.close().await;
    cut_off(dir.path(), &database, 7).await;
    assert!(is_empty(&database).await);
    moved(dir.path(), &database, |_| {}).await.unwrap();
    let store = Store::connect(&database.address, options()).await.unwrap();
    assert_eq!(store.read_model_dump().await.unwrap(), before);
}

#[tokio::test]
async fn a_host_that_runs_on_removes_what_a_move_left_and_its_file_does_not_grow() {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::create().await);
    furnish(dir.path()).await;
    let store = open_at(dir.path()).await;
    cut_off(dir.path(), &database, 5).await;
    store.accept(delivery("noted")).await.unwrap();
    let noted: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM move_log").fetch_one(&mut file(dir.path()).await).await.unwrap();
    assert!(noted > 0, "it was noted");
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while left(dir.path()).await > 0 {
        assert!(tokio::time::Instant::now() < deadline, "it stays");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    store.accept(delivery("later")).await.unwrap();
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_move_goes_on_nothing_else_gets_into_either_store() {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::create().await);
    furnish(dir.path()).await;
    let saved = dir.path().join("backup.sqlite");
    backup(dir.path(), &saved).await.unwrap();
    let host = Mutex::new(Some(open_at(dir.path()).await));
    let tell = |step: MoveStep<'_>| match step {
        MoveStep::Compared { table: "runs", .. } => now(async {
            let refused = Store::connect(&database.address, options()).await.unwrap_err();
            assert!(matches!(refused, OpenError::BeingFilled { .. }), "{refused}");
            let other = tempfile::tempdir().unwrap();
            furnish(other.path()).await;
            let refused = moved(other.path(), &database, |_| {}).await.unwrap_err();
            assert!(matches!(refused, MoveError::Open(OpenError::BeingFilled { .. })), "{refused}");
            let elsewhere = Database::create().await;
            let refused = moved(dir.path(), &elsewhere, |_| {}).await.unwrap_err();
            assert!(matches!(refused, MoveError::Going { .. }), "{refused}");
            assert_eq!(database_status(&database.address).await.unwrap().moving, Some(Moving::GoesOn));
            assert_eq!(file_status(dir.path()).await.unwrap().moving, Some(Moving::GoesOn));
            backup(dir.path(), &dir.path().join("meanwhile.sqlite")).await.unwrap();
            // A host that starts again meanwhile leaves the log of changes alone.
            let before = host.lock().unwrap().take().unwrap();
            before.close().await;
            let refused = restore(dir.path(), &saved, options()).await.unwrap_err();
            assert!(matches!(refused, UpkeepError::Open(OpenError::InUse { .. })), "{refused}");
            *host.lock().unwrap() = Some(open_at(dir.path()).await);
        }),
        MoveStep::Current { .. } => now(async {
            let store = host.lock().unwrap().take().unwrap();
            store.accept(delivery("last")).await.unwrap();
            store.close().await;
        }),
        // No host starts on the file any more.
        MoveStep::Stopped => now(async {
            let refused = Store::open(dir.path(), options()).await.unwrap_err();
            assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
        }),
        _ => {}
    };
    moved(dir.path(), &database, tell).await.unwrap();
    assert!(
        Store::connect(&database.address, options()).await.unwrap().accept(delivery("last")).await.unwrap().duplicate
    );
    // A backup from the middle of it notes nothing.
    let other = tempfile::tempdir().unwrap();
    restore(other.path(), &dir.path().join("meanwhile.sqlite"), options()).await.unwrap();
    assert_eq!(left(other.path()).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_move_waits_for_a_rotation_of_keys() {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::create().await);
    furnish(dir.path()).await;
    let turn = std::fs::File::create(dir.path().join("rotation.lock")).unwrap();
    turn.try_lock().unwrap();
    let is_over = AtomicBool::new(false);
    let rotation = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(file_status(dir.path()).await.unwrap().moving == Some(Moving::GoesOn), "it came to its end");
        is_over.store(true, Ordering::SeqCst);
        drop(turn);
    };
    let (done, ()) = tokio::join!(moved(dir.path(), &database, |_| {}), rotation);
    done.unwrap();
    assert!(is_over.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_move_that_is_interrupted_takes_its_log_along() {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::create().await);
    let before = furnish(dir.path()).await;
    let store = open_at(dir.path()).await;
    let stop = CancellationToken::new();
    let tell = |step: MoveStep<'_>| {
        if matches!(step, MoveStep::Current { .. }) {
            stop.cancel();
        }
    };
    let ended = move_to_postgres(dir.path(), &database.address, options(), &stop, tell).await.unwrap_err();
    assert!(matches!(ended, MoveError::Interrupted), "{ended}");
    assert_eq!(left(dir.path()).await, 0);
    assert_eq!(store.read_model_dump().await.unwrap(), before);
    assert!(is_empty(&database).await);
}

/// Something that goes wrong beside a move, as soon as it says this; what the move says in the end.
async fn goes_wrong(at: &str, harm: &str) -> String {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::create().await);
    let before = furnish(dir.path()).await;
    let (host, is_done) = (Mutex::new(Some(open_at(dir.path()).await)), Mutex::new(false));
    let tell = |step: MoveStep<'_>| {
        if format!("{step:?}").starts_with(at) {
            now(say(dir.path(), harm));
            *is_done.lock().unwrap() = true;
        }
        if let MoveStep::Current { .. } = step {
            now(host.lock().unwrap().take().unwrap().close());
        }
    };
    let failed = moved(dir.path(), &database, tell).await.unwrap_err();
    assert!(*is_done.lock().unwrap(), "{failed}");
    assert_eq!(left(dir.path()).await, 0);
    assert!(is_empty(&database).await);
    drop(host);
    say(dir.path(), "DELETE FROM runs WHERE id = 'x'; DELETE FROM _sqlx_migrations WHERE version = 9999").await;
    assert_eq!(open_at(dir.path()).await.read_model_dump().await.unwrap(), before);
    failed.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_was_not_noted_is_found_out() {
    let unseen = "DROP TRIGGER move_log_runs_insert;
                  INSERT INTO runs (id, connection, upstream_id, attempt, service, state, sort_at, search, doc)
                  VALUES ('x', 'c', 'x', 1, 's', 'queued', 1, '', '{}')";
    // Between copying its table and comparing it, and later.
    for at in ["Copied { table: \"changes\"", "Compared { table: \"changes\"", "Current"] {
        let failed = goes_wrong(at, unseen).await;
        assert!(failed.contains("runs is not the same"), "{failed}");
    }
    // No row more or less.
    let unseen = "DROP TRIGGER move_log_plugin_state_update; UPDATE plugin_state SET value = x'05'";
    let failed = goes_wrong("Copied { table: \"changes\"", unseen).await;
    assert!(failed.contains("plugin_state is not the same"), "{failed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_version_that_is_started_meanwhile_is_found_out() {
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'later', TRUE, x'', 0)";
    let failed = goes_wrong("Current", later).await;
    assert!(failed.contains("of another version"), "{failed}");
}

#[tokio::test]
async fn a_host_of_an_earlier_version_is_not_moved_beside() {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::create().await);
    furnish(dir.path()).await;
    let store = open_at(dir.path()).await;
    say(dir.path(), "DELETE FROM _sqlx_migrations WHERE version = 13").await;
    let refused = moved(dir.path(), &database, |_| {}).await.unwrap_err();
    assert!(matches!(refused, MoveError::OtherVersion), "{refused}");
    store.close().await;
}

#[tokio::test]
async fn a_database_that_hosts_work_on_is_refused() {
    let (dir, database) = (tempfile::tempdir().unwrap(), Database::create().await);
    furnish(dir.path()).await;
    let host = Store::connect(&database.address, options()).await.unwrap();
    let refused = moved(dir.path(), &database, |_| {}).await.unwrap_err();
    assert!(matches!(refused, MoveError::InUse { members: 1 }), "{refused}");
    host.close().await;
    // One that was killed long ago is no hindrance.
    let mut conn = PgConnection::connect(&database.address).await.unwrap();
    let gone = "INSERT INTO members (id, started_at, seen_at) VALUES ('mbr_gone', 0, 0)";
    sqlx::query(gone).execute(&mut conn).await.unwrap();
    moved(dir.path(), &database, |_| {}).await.unwrap();
    let missing = moved(&dir.path().join("nowhere"), &database, |_| {}).await.unwrap_err();
    assert!(matches!(missing, MoveError::Missing(_)), "{missing}");
}
