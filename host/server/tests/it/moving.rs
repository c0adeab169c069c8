//! From SQLite to PostgreSQL while the host is at work: nothing that was accepted is lost or doubled, and moves that are
//! killed or interrupted leave a host that goes on.

use crate::harness::{Client, Host, Recorded, Start, recorded};
use crate::kills::send_until_dead;
use crate::postgres::{database, on};
use crate::replay::{play, read_model, without_ids};
use opssight_api_types::connections::Connection;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Where a host stands on its own feet: the file, beside whoever uses it.
async fn file(data: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(data.join("opssight.sqlite")).read_only(true);
    options.connect().await.expect("the file opens")
}

/// Whether the file notes what changes.
async fn is_noting(data: &Path) -> bool {
    let there = sqlx::query_scalar("SELECT COUNT(*) > 0 FROM sqlite_schema WHERE name GLOB 'move_log*'");
    there.fetch_one(&mut file(data).await).await.expect("an answer")
}

/// Until the database has noticed that whoever filled it was killed.
async fn is_free(to: &PgConnectOptions) {
    let held = "SELECT COUNT(*) > 0 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
                WHERE l.locktype = 'advisory' AND d.datname = current_database()";
    let mut conn = to.connect().await.expect("the database answers");
    while sqlx::query_scalar(held).fetch_one(&mut conn).await.expect("an answer") {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

/// `opssight db move` at work. Dropping it kills it.
struct Move {
    child: Child,
    said: BufReader<std::process::ChildStdout>,
}

impl Move {
    fn begin(data: &Path, to: &PgConnectOptions) -> Self {
        Self::begin_with(data, to, &[])
    }

    fn begin_with(data: &Path, to: &PgConnectOptions, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_opssight"))
            .args(["db", "move", "--data"])
            .arg(data)
            .env("OPSSIGHT_MOVE_TO", to.to_url_lossy().as_str())
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let said = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, said }
    }

    /// Until it says that the host is to be stopped.
    fn is_current(&mut self) {
        let mut line = String::new();
        while !line.starts_with("Stop the host now") {
            line.clear();
            if self.said.read_line(&mut line).expect("text") == 0 {
                let mut said = String::new();
                let _ = self.child.stderr.take().map(|mut errors| errors.read_to_string(&mut said));
                panic!("it ended by itself: {said}");
            }
        }
    }

    /// Its exit code, and what it said until its end.
    fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.said.read_to_string(&mut said).expect("text");
        let mut errors = self.child.stderr.take().expect("its errors");
        errors.read_to_string(&mut said).expect("text");
        (self.child.wait().expect("its end").code(), said)
    }
}

impl Drop for Move {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn first_start(data: &Path) -> (Host, Client, Connection, String) {
    let host = Start::on(data).start();
    let secret = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &secret).await;
    let (connection, secret) = client.connect_github("acme").await;
    (host, client, connection, secret)
}

/// What a start that must not happen says.
fn refused(data: &Path, url: Option<&PgConnectOptions>) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opssight"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    if let Some(url) = url {
        command.env("OPSSIGHT_STORE__URL", url.to_url_lossy().as_str());
    }
    let output = command.stdin(Stdio::null()).output().expect("the binary runs");
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

type Event = (i64, String, String, String, i64, String);
const EVENTS: &str = "SELECT seq, kind, connection, subject, at, data FROM events ORDER BY seq";

/// Senders that go on until the host is gone, each through the examples again and again under new ids.
fn senders(client: &Client, connection: &str, secret: &str, host: &Host) -> Vec<tokio::task::JoinHandle<Vec<String>>> {
    let examples = recorded();
    let one = |sender: usize| {
        let named = |at: usize, one: &Recorded| Recorded { id: format!("{}-{sender}-{at}", one.id), ..one.clone() };
        let queue = examples.iter().cycle().skip(sender * 37).take(20_000).enumerate();
        let queue = queue.map(|(at, one)| named(at, one)).collect();
        tokio::spawn(send_until_dead(client.moved_to(host), connection.to_owned(), secret.to_owned(), queue))
    };
    (0..3).map(one).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_d2_a_host_under_load_is_moved_and_nothing_is_lost_or_doubled() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, to) = (folder.path().join("data"), database("online").await);
    let (host, client, connection, secret) = first_start(&data).await;
    let examples = recorded();
    play(&client, &connection.id, &secret, &examples[..examples.len() / 2]).await;
    let (removed, _) = client.connect_github("removed meanwhile").await;

    let senders = senders(&client, &connection.id, &secret, &host);
    let mut moving = Move::begin(&data, &to);
    tokio::task::block_in_place(|| moving.is_current());
    let refusal = refused(&folder.path().join("other"), Some(&to));
    assert!(refusal.contains("`opssight db move` is filling it"), "{refusal}");
    // Through other doors as well, while the copy follows.
    let (added, _) = client.connect_github("added meanwhile").await;
    let gone = client.request(reqwest::Method::DELETE, &format!("/api/v1/connections/{}", removed.id));
    assert!(gone.send().await.expect("an answer").status().is_success());
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(host.terminate(), 0);
    let (code, said) = tokio::task::block_in_place(|| moving.end());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("read back and compared") && said.contains("store.url"), "{said}");
    let mut accepted = BTreeSet::new();
    for sender in senders {
        accepted.extend(sender.await.expect("the sender ends"));
    }
    assert!(accepted.len() > 100, "only {} were accepted", accepted.len());

    // Whatever starts hosts by itself does not start one on the file.
    let refusal = refused(&data, None);
    assert!(refusal.contains("moved to PostgreSQL") && refusal.contains("store.url"), "{refusal}");
    let before: Vec<Event> = sqlx::query_as(EVENTS).fetch_all(&mut file(&data).await).await.expect("events");
    let mut conn = to.connect().await.expect("the database answers");
    let after: Vec<Event> = sqlx::query_as(EVENTS).fetch_all(&mut conn).await.expect("events");
    assert!(before == after && before.len() > 100, "{} and {} events", before.len(), after.len());

    let host = on(&data, &to).start();
    assert_eq!(host.admin_secret, None, "it is the same house");
    let client = client.moved_to(&host);
    client.settled().await;
    let log = client.all("/api/v1/deliveries").await;
    let logged: BTreeSet<&str> = log.iter().filter_map(|delivery| delivery["delivery_id"].as_str()).collect();
    assert_eq!(log.len(), logged.len(), "a delivery is in the log twice");
    let lost: Vec<&String> = accepted.iter().filter(|id| !logged.contains(id.as_str())).collect();
    assert!(lost.is_empty(), "accepted and lost: {lost:?} of {}", accepted.len());
    for delivery in &log {
        assert!(matches!(delivery["state"].as_str(), Some("done" | "ignored")), "{delivery}");
    }
    let connections = client.get("/api/v1/connections").await.to_string();
    assert!(connections.contains(&added.id) && !connections.contains(&removed.id), "{connections}");
    // Events go on where they were.
    let next: i64 = sqlx::query_scalar("SELECT COALESCE(MIN(seq), 0) FROM events WHERE seq > $1")
        .bind(after.last().map_or(0, |event| event.0))
        .fetch_one(&mut conn)
        .await
        .expect("a number");
    assert!(next == 0 || next == after.last().map_or(0, |event| event.0) + 1, "{next}");

    // The read model is the one of a host that nobody moved.
    play(&client, &connection.id, &secret, &examples).await;
    let was_moved = read_model(&client, &connection.id).await;
    let (_calm, client, connection, secret) = first_start(&folder.path().join("calm")).await;
    play(&client, &connection.id, &secret, &examples).await;
    assert_eq!(without_ids(&was_moved), without_ids(&read_model(&client, &connection.id).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn moves_that_are_killed_or_interrupted_leave_a_host_that_goes_on_and_can_be_moved() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, to) = (folder.path().join("data"), database("killed_move").await);
    let (host, client, connection, secret) = first_start(&data).await;
    let examples = recorded();
    play(&client, &connection.id, &secret, &examples[..60]).await;

    // In the middle of the copy, and when everything is there but the end.
    let mut moving = Move::begin(&data, &to);
    while !is_noting(&data).await {
        assert_eq!(moving.child.try_wait().expect("its state"), None, "it has not come to its end");
    }
    drop(moving);
    is_free(&to).await;
    let mut moving = Move::begin(&data, &to);
    tokio::task::block_in_place(|| moving.is_current());
    drop(moving);
    is_free(&to).await;
    play(&client, &connection.id, &secret, &examples[60..120]).await;
    // What was left behind is taken away while the host runs.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while is_noting(&data).await {
        assert!(std::time::Instant::now() < deadline, "it stays: {}", host.log());
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }

    // Interrupted it takes its log along by itself.
    let mut moving = Move::begin(&data, &to);
    tokio::task::block_in_place(|| moving.is_current());
    let pid = moving.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
    let (code, said) = tokio::task::block_in_place(|| moving.end());
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("nothing was moved"), "{said}");
    assert!(!is_noting(&data).await);
    play(&client, &connection.id, &secret, &examples[120..]).await;
    let before = read_model(&client, &connection.id).await;

    let mut moving = Move::begin(&data, &to);
    tokio::task::block_in_place(|| moving.is_current());
    host.kill();
    let (code, said) = tokio::task::block_in_place(|| moving.end());
    assert_eq!(code, Some(0), "{said}");
    let host = on(&data, &to).start();
    assert_eq!(read_model(&client.moved_to(&host), &connection.id).await, before);
    drop(host);

    // Whoever wants it back has the file.
    let undone =
        Command::new(env!("CARGO_BIN_EXE_opssight")).args(["db", "move", "--undo", "--data"]).arg(&data).output();
    assert!(undone.expect("it runs").status.success());
    let host = Start::on(&data).start();
    assert_eq!(read_model(&client.moved_to(&host), &connection.id).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_dies_right_before_its_commit_leaves_a_file_that_is_not_served_until_that_is_undone() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, to) = (folder.path().join("data"), database("cut_off_at_the_end").await);
    let (host, client, connection, secret) = first_start(&data).await;
    play(&client, &connection.id, &secret, &recorded()[..40]).await;
    let before = read_model(&client, &connection.id).await;
    assert_eq!(host.terminate(), 0);
    let moving = Move::begin_with(&data, &to, &[("OPSSIGHT_FAILPOINT", "1 move the store: noted")]);
    let (code, said) = tokio::task::block_in_place(|| moving.end());
    assert_eq!(code, None, "it was to die: {said}");
    let refusal = refused(&data, None);
    assert!(refusal.contains("moved to PostgreSQL") && refusal.contains("cut off at its end"), "{refusal}");
    is_free(&to).await;
    let undone =
        Command::new(env!("CARGO_BIN_EXE_opssight")).args(["db", "move", "--undo", "--data"]).arg(&data).output();
    assert!(undone.expect("it runs").status.success());
    let host = Start::on(&data).start();
    assert_eq!(read_model(&client.moved_to(&host), &connection.id).await, before);
    assert_eq!(host.terminate(), 0);
    let (code, said) = tokio::task::block_in_place(|| Move::begin(&data, &to).end());
    assert_eq!(code, Some(0), "{said}");
    let host = on(&data, &to).start();
    assert_eq!(read_model(&client.moved_to(&host), &connection.id).await, before);
}
