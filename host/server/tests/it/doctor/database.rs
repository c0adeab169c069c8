//! A store that a host cannot use, or should not.

use super::doubles::old_postgres;
use super::{House, SECRET};
use crate::postgres::database;
use crate::redis::free_port;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

fn on(database: &PgConnectOptions) -> House {
    House::new().with("STORE__URL", database.to_url_lossy().to_string())
}

async fn execute(database: &PgConnectOptions, sql: &str) {
    let mut conn = database.connect().await.expect("the server answers");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.expect("it is done");
    conn.close().await.expect("closed");
}

async fn execute_on_file(house: &House, sql: &str) {
    let options = SqliteConnectOptions::new().filename(house.data().join("opssight.sqlite"));
    let mut conn = options.connect().await.expect("the file opens");
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut conn).await.expect("it is done");
    conn.close().await.expect("closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_can_be_used_is_told_with_its_version_clock_and_connections() {
    let house = on(&database("well").await);
    let found = house.doctor();
    found.nothing_is_failing();
    assert!(found.is("ok", "store").contains("version 1"), "{}", found.all);
    assert!(found.is("ok", "store tables").contains("a first start makes them"), "{}", found.all);
    assert_eq!(found.is("ok", "store clock"), "the same time as here");
    assert!(found.is("ok", "store connections").contains("a host takes up to 6"), "{}", found.all);
    assert!(found.is("warning", "metrics").contains("no metrics are kept"), "{}", found.all);
    let house = house.started_once();
    let found = house.doctor();
    found.nothing_is_failing();
    assert_eq!(found.is("ok", "store tables"), "up to date");
    assert_eq!(found.is("ok", "master keys"), "open what is sealed in the store");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_be_reached_is_found_as_a_start_says_it() {
    let well = database("unreachable").await;
    on(&well.clone().password(SECRET)).is_refused_as_found("store", "the password is wrong; correct it in the address");
    on(&well.clone().port(free_port()).password(SECRET)).is_refused_as_found("store", "nobody answers there");
    on(&well.clone().database("not_there")).is_refused_as_found("store", "there is no such database");
    on(&well.port(old_postgres().await)).is_refused_as_found("store", "it is version 13.9, and OpsSight needs 15");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_that_this_version_cannot_use_are_found_as_a_start_says_it() {
    let broken = [
        (
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT 9999, 'of tomorrow', TRUE, checksum, 1 FROM _sqlx_migrations WHERE version = 12",
            "later version of OpsSight (step 9999)",
        ),
        (
            "UPDATE _sqlx_migrations SET success = FALSE WHERE version = 13",
            "step 13 of its tables was begun and not finished",
        ),
        (
            "UPDATE _sqlx_migrations SET checksum = (SELECT checksum FROM _sqlx_migrations WHERE version = 12) \
             WHERE version = 13",
            "step 13 of its tables is not the one of this version",
        ),
    ];
    for (at, (sql, says)) in broken.into_iter().enumerate() {
        let house = House::new().started_once();
        execute_on_file(&house, sql).await;
        house.is_refused_as_found("store tables", says);
        let database = database(&format!("broken{at}")).await;
        let house = on(&database).started_once();
        execute(&database, sql).await;
        house.is_refused_as_found("store tables", says);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_of_an_earlier_version_are_a_warning_to_back_up() {
    let house = House::new().started_once();
    execute_on_file(&house, "DELETE FROM _sqlx_migrations WHERE version = 13").await;
    let found = house.doctor();
    assert_eq!(found.code, 0);
    assert!(found.is("warning", "store tables").contains("the next start takes the steps 13"), "{}", found.all);
    assert!(found.fix("store tables").contains("back the store up"), "{}", found.all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_that_may_not_make_tables_is_found_before_a_start_is_refused() {
    let database = database("rights").await;
    let name = database.get_database().expect("a name").to_owned();
    execute(&database, &format!("CREATE ROLE {name} LOGIN PASSWORD '{SECRET}'")).await;
    let house = on(&database.username(&name).password(SECRET));
    let found = house.doctor();
    assert!(found.is("failing", "store rights").contains("may not make tables"), "{}", found.all);
    let refused = house.refused();
    assert!(refused.contains("this user may not do that; make it the database's owner"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_no_writes_is_found_before_a_start_is_refused() {
    let database = database("replica").await;
    let house = on(&database).started_once();
    let name = database.get_database().expect("a name");
    execute(&database, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    let found = house.doctor();
    assert!(found.is("failing", "store rights").contains("it takes no writes"), "{}", found.all);
    let refused = house.refused();
    assert!(refused.contains("it takes no writes; name the primary"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_whose_clock_is_another_is_found() {
    for (off, status, says) in
        [("+ INTERVAL '1 hour'", "failing", "ahead of"), ("- INTERVAL '10 seconds'", "warning", "10 s behind")]
    {
        let database = database(if off.starts_with('+') { "ahead" } else { "behind" }).await;
        let name = database.get_database().expect("a name");
        // It is asked for the time, and this answers in the place of the server's own.
        execute(
            &database,
            &format!(
                "CREATE FUNCTION public.clock_timestamp() RETURNS TIMESTAMPTZ LANGUAGE SQL AS
                 'SELECT pg_catalog.clock_timestamp() {}'; ALTER DATABASE {name} SET search_path = public, pg_catalog",
                off.replace('\'', "''")
            ),
        )
        .await;
        let found = on(&database).doctor();
        assert!(found.is(status, "store clock").contains(says), "{}", found.all);
        assert!(found.fix("store clock").contains("chrony"), "{}", found.all);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_is_found_as_a_start_says_it() {
    let house = House::new().started_once();
    let file = house.data().join("opssight.sqlite");
    let mut bytes = std::fs::read(&file).expect("a file");
    // All but the first page, so that it still opens.
    bytes[4096..].fill(0x5a);
    std::fs::write(&file, &bytes).expect("damaged");
    let found = house.doctor();
    assert_eq!(found.code, 1);
    assert!(found.all.contains("damaged"), "{}", found.all);
    let refused = house.refused();
    assert!(refused.contains("damaged") && refused.contains("restore a backup"), "{refused}");
    std::fs::write(
        &file,
        b"this is no database, however long it is looked at; it is a text and not a short one either",
    )
    .expect("it");
    let refused = house.refused();
    assert!(refused.contains("its file is damaged or is none of SQLite's; restore a backup"), "{refused}");
    assert!(house.doctor().is("failing", "store").contains("its file is damaged or is none of SQLite's"));
}
