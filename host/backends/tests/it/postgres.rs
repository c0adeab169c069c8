//! What only PostgreSQL promises here: many processes on one store, its addresses and their errors, and that it has the
//! same tables as SQLite.

use crate::hooks::delivery;
use crate::items::review;
use crate::ports::{at, connection, effect, open_at, options};
use crate::server::{Database, server};
use opssight_backends::{LocalBus, OpenError, Store, StoreOptions};
use opssight_core::connections::ConnectionStore;
use opssight_core::events::{Bus, Relays, Start, Topic};
use opssight_core::hooks::{Inbox, Leasing};
use opssight_core::ingest::Ingest;
use opssight_core::plugins::Credentials;
use opssight_core::vocabulary::ReviewState;
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

async fn join(database: &Database) -> Arc<Store> {
    Store::connect(&database.address, options()).await.unwrap()
}

fn ask(room: u32) -> Leasing {
    Leasing { now: at(100), until: at(200), room, reserve: room, share: room, running: HashMap::new() }
}

#[tokio::test]
async fn two_processes_share_what_waits_and_none_is_leased_twice() {
    let database = Database::create().await;
    let (one, other) = (join(&database).await, join(&database).await);
    for n in 0..40 {
        one.accept(delivery(&format!("u{n}"))).await.unwrap();
    }
    let mut leased = BTreeSet::new();
    while leased.len() < 40 {
        let (ask_one, ask_other) = (ask(8), ask(8));
        let (ours, theirs) = tokio::join!(one.lease(&ask_one), other.lease(&ask_other));
        for delivery in ours.unwrap().into_iter().chain(theirs.unwrap()) {
            assert_eq!(delivery.attempts, 1);
            assert!(leased.insert(delivery.id.0.clone()), "{} was leased twice", delivery.id.0);
        }
    }
}

#[tokio::test]
async fn a_process_that_stops_frees_what_it_held_and_nothing_else() {
    let database = Database::create().await;
    let (one, other) = (join(&database).await, join(&database).await);
    for n in 0..4 {
        one.accept(delivery(&format!("u{n}"))).await.unwrap();
    }
    assert_eq!(one.lease(&ask(2)).await.unwrap().len(), 2);
    assert_eq!(other.lease(&ask(2)).await.unwrap().len(), 2);
    assert_eq!(other.release_all().await.unwrap(), 0, "both are there");
    one.close().await;
    assert_eq!(other.lease(&ask(9)).await.unwrap().len(), 2, "those of the one that stopped");
}

#[tokio::test]
async fn a_process_that_was_killed_is_missed() {
    let database = Database::create().await;
    let (one, other) = (join(&database).await, join(&database).await);
    one.accept(delivery("u1")).await.unwrap();
    assert_eq!(one.lease(&ask(1)).await.unwrap().len(), 1);
    // As if it had last been heard of long ago; it goes on saying that it is there, so that both are cut off.
    drop(one);
    let mut conn = PgConnection::connect(&database.address).await.unwrap();
    let held = "UPDATE members SET seen_at = seen_at - 20000000 WHERE id IN (SELECT owner FROM deliveries)";
    assert_eq!(sqlx::query(held).execute(&mut conn).await.unwrap().rows_affected(), 1);
    for _ in 0..100 {
        if other.lease(&ask(1)).await.unwrap().len() == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nobody took over");
}

#[tokio::test]
async fn d2_the_same_delivery_at_two_processes_at_once_is_kept_once() {
    let database = Database::create().await;
    let (one, other) = (join(&database).await, join(&database).await);
    for n in 0..50 {
        let delivery = delivery(&format!("u{n}"));
        let (ours, theirs) = tokio::join!(one.accept(delivery.clone()), other.accept(delivery));
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        assert_eq!(ours.id, theirs.id);
        assert!(ours.duplicate != theirs.duplicate, "one of the two is the first");
    }
}

#[tokio::test]
async fn two_processes_that_learn_the_same_thing_at_once_forget_none_of_it() {
    let database = Database::create().await;
    let (one, other) = (join(&database).await, join(&database).await);
    let reviewed = |n: i64| effect(vec![review(&format!("r{n}"), 7, n, ReviewState::Commented)]);
    for n in 0..40 {
        let (ours, theirs) = tokio::join!(one.apply(reviewed(2 * n)), other.apply(reviewed(2 * n + 1)));
        assert_eq!((ours.unwrap().changed, theirs.unwrap().changed), (1, 1));
    }
    let dir = tempfile::tempdir().unwrap();
    let alone = open_at(dir.path()).await;
    for n in 0..80 {
        alone.apply(reviewed(n)).await.unwrap();
    }
    assert_eq!(one.read_model_dump().await.unwrap(), alone.read_model_dump().await.unwrap());
}

#[tokio::test]
async fn what_one_process_changes_the_other_hears_of() {
    let database = Database::create().await;
    let bus: Arc<dyn Bus> = Arc::new(LocalBus::new());
    let heard = StoreOptions { bus: Arc::clone(&bus), ..options() };
    let (one, other) = (join(&database).await, Store::connect(&database.address, heard).await.unwrap());
    let mut connection = connection("c");
    one.insert(&connection, &Credentials::new(), &[]).await.unwrap();
    let mut listener = bus.listen(Topic::Events);
    let enabled = async || other.connection(&"c".into()).await.unwrap().unwrap().enabled;
    // Looked up, and from now on remembered.
    for _ in 0..50 {
        assert!(enabled().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (connection.enabled, connection.updated_at) = (false, at(1));
    assert!(one.update(&connection, None, at(0)).await.unwrap());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while enabled().await {
        assert!(tokio::time::Instant::now() < deadline, "it goes on with what it remembers");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Woken by what the other takes in, after whatever starting woke.
    let _earlier = tokio::time::timeout(Duration::from_millis(500), listener.woken()).await;
    one.apply(effect(vec![review("r", 7, 1, ReviewState::Commented)])).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), listener.woken()).await.expect("woken");
}

#[tokio::test]
async fn another_master_key_is_refused() {
    let database = Database::create().await;
    join(&database).await.close().await;
    let other = StoreOptions { keys: [8; 32].into(), ..options() };
    let refused = Store::connect(&database.address, other).await;
    assert!(matches!(refused, Err(OpenError::MissingKey(_))), "{refused:?}");
}

#[tokio::test]
async fn first_starts_at_the_same_time_agree_on_tables_and_key() {
    let database = Database::create().await;
    let same = || Store::connect(&database.address, options());
    let (one, two, three) = tokio::join!(same(), same(), same());
    assert!(one.is_ok() && two.is_ok() && three.is_ok(), "{one:?} {two:?} {three:?}");
    let database = Database::create().await;
    let with = |key: u8| Store::connect(&database.address, StoreOptions { keys: [key; 32].into(), ..options() });
    let (one, other) = tokio::join!(with(7), with(8));
    let refused = one.err().or(other.err());
    assert!(matches!(refused, Some(OpenError::MissingKey(_))), "{refused:?}");
}

#[tokio::test]
async fn tables_of_a_later_version_are_refused() {
    let database = Database::create().await;
    join(&database).await.close().await;
    let mut conn = PgConnection::connect(&database.address).await.unwrap();
    let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'later', TRUE, '', 0)";
    sqlx::query(later).execute(&mut conn).await.unwrap();
    let refused = Store::connect(&database.address, options()).await;
    assert!(matches!(refused, Err(OpenError::Newer(9999))), "{refused:?}");
}

/// What is told, with all causes, for an address.
async fn told(address: &str) -> String {
    let error = Store::connect(address, options()).await.unwrap_err();
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told.push_str(&format!(": {error}"));
        cause = error.source();
    }
    told
}

#[tokio::test]
async fn each_bad_address_says_what_is_wrong() {
    let good = url::Url::parse(&server()).unwrap();
    let with = |change: fn(&mut url::Url)| {
        let mut url = good.clone();
        change(&mut url);
        url.to_string()
    };
    let wrong_password = told(&with(|url| url.set_password(Some("wr0ng-wr0ng")).unwrap())).await;
    assert!(wrong_password.contains("the password is wrong") && !wrong_password.contains("wr0ng"), "{wrong_password}");
    let nobody = told(&with(|url| url.set_port(Some(1)).unwrap())).await;
    assert!(nobody.contains("nobody answers there") && nobody.contains(":1/"), "{nobody}");
    let no_database = told(&with(|url| url.set_path("/nowhere"))).await;
    assert!(no_database.contains("no such database") && no_database.contains("createdb"), "{no_database}");
    let no_tls = told(&with(|url| url.set_query(Some("sslmode=require")))).await;
    assert!(no_tls.contains("TLS"), "{no_tls}");
    let nonsense = told("mysql://a@b/c").await;
    assert!(nonsense.contains("postgres://user:password@host:5432/name"), "{nonsense}");
}

/// Columns by table, without the tool's own.
async fn columns(rows: Vec<(String, String)>) -> BTreeMap<String, BTreeSet<String>> {
    let mut columns: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (table, column) in
        rows.into_iter().filter(|(table, _)| !table.starts_with('_') && !table.starts_with("sqlite_"))
    {
        columns.entry(table).or_default().insert(column);
    }
    columns
}

#[tokio::test]
async fn both_have_the_same_tables_columns_and_indexes() {
    let database = Database::create().await;
    join(&database).await.close().await;
    let dir = tempfile::tempdir().unwrap();
    open_at(dir.path()).await.close().await;
    let mut pg = PgConnection::connect(&database.address).await.unwrap();
    let file = format!("sqlite://{}", dir.path().join("opssight.sqlite").display());
    let mut lite = SqliteConnection::connect(&file).await.unwrap();
    let pg_columns = sqlx::query_as(
        "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public'",
    );
    let lite_columns = sqlx::query_as(
        "SELECT t.name, c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table'",
    );
    assert_eq!(
        columns(pg_columns.fetch_all(&mut pg).await.unwrap()).await,
        columns(lite_columns.fetch_all(&mut lite).await.unwrap()).await
    );
    let pg_indexes = sqlx::query_as(
        "SELECT tablename::text, indexname::text FROM pg_indexes WHERE schemaname = 'public' AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE '%_key'",
    );
    let lite_indexes = sqlx::query_as("SELECT tbl_name, name FROM sqlite_schema WHERE type = 'index'");
    let named = |mut all: BTreeMap<String, BTreeSet<String>>| {
        all.values_mut().for_each(|names| names.retain(|name| !name.starts_with("sqlite_autoindex")));
        all.retain(|_, names| !names.is_empty());
        all
    };
    assert_eq!(
        named(columns(pg_indexes.fetch_all(&mut pg).await.unwrap()).await),
        named(columns(lite_indexes.fetch_all(&mut lite).await.unwrap()).await)
    );
}

#[tokio::test]
async fn one_process_relays_and_another_takes_over_when_it_is_gone() {
    let database = Database::create().await;
    let (one, other) = (join(&database).await, join(&database).await);
    let turn = one.take_turn("kafka", Start::Oldest).await.unwrap().unwrap();
    assert_eq!(other.take_turn("kafka", Start::Oldest).await.unwrap(), None, "it is there");
    one.leave_turn("kafka", turn.fence).await.unwrap();
    let turn = other.take_turn("kafka", Start::Oldest).await.unwrap().unwrap();
    assert_eq!(one.take_turn("kafka", Start::Oldest).await.unwrap(), None);
    other.close().await;
    let next = one.take_turn("kafka", Start::Oldest).await.unwrap().unwrap();
    assert!(next.fence > turn.fence);
}
