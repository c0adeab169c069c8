//! The whole host on a real PostgreSQL: several processes on one database, killed at random, and a database that goes
//! away and comes back.

use crate::guides::{commands, run};
use crate::harness::{Client, Host, Recorded, Start, deliver, recorded};
use crate::kills::send_until_dead;
use crate::replay::{play, read_model, without_ids};
use opssight_backends::SystemClock;
use opssight_core::time::Clock;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use std::collections::BTreeSet;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How often one of the two hosts is killed.
const KILLS: u32 = 30;

/// An empty database on the server of the tests.
#[expect(clippy::disallowed_methods, reason = "`cargo xtask test` says where its server is")]
pub(crate) async fn database(name: &str) -> PgConnectOptions {
    let server = std::env::var("OPSSIGHT_TEST_POSTGRES")
        .expect("OPSSIGHT_TEST_POSTGRES is not set: `cargo xtask test` starts a PostgreSQL and sets it");
    let name = format!("host_{name}_{}", SystemClock.now().0);
    let mut conn = PgConnection::connect(&server).await.expect("the server answers");
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut conn).await.expect("a database");
    conn.close().await.expect("closed");
    PgConnectOptions::from_str(&server).expect("its address").database(&name)
}

pub(crate) fn on(data: &Path, database: &PgConnectOptions) -> Start {
    Start::on(data).env("OPSSIGHT_STORE__URL", database.to_url_lossy().as_str())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_d2_two_hosts_on_one_database_lose_nothing_and_double_nothing_when_either_is_killed() {
    let dir = tempfile::tempdir().expect("a folder");
    let (data, database) = (dir.path().join("data"), database("kills").await);
    let examples = recorded();
    let first = on(&data, &database).start();
    let secret = first.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&first, &secret).await;
    let (connection, secret) = client.connect_github("acme").await;
    let mut hosts = vec![first, on(&data, &database).start()];
    let mut accepted: BTreeSet<String> = BTreeSet::new();
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for kill in 0..KILLS {
        let senders: Vec<_> = hosts
            .iter()
            .enumerate()
            .map(|(at, host)| {
                let one = |i: usize| &examples[(i * 2 + at + kill as usize * 37) % examples.len()];
                let queue = (0..60).map(|i| Recorded { id: format!("{}-{kill}-{at}", one(i).id), ..one(i).clone() });
                tokio::spawn(send_until_dead(
                    client.moved_to(host),
                    connection.id.clone(),
                    secret.clone(),
                    queue.collect(),
                ))
            })
            .collect();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        tokio::time::sleep(Duration::from_millis(random % 150)).await;
        hosts.remove((random % 2) as usize).kill();
        for sender in senders {
            accepted.extend(sender.await.expect("the sender ends"));
        }
        hosts.push(on(&data, &database).start());
    }
    let client = client.moved_to(&hosts[0]);
    client.settled().await;
    let log = client.all("/api/v1/deliveries").await;
    let logged: BTreeSet<&str> = log.iter().filter_map(|delivery| delivery["delivery_id"].as_str()).collect();
    assert_eq!(log.len(), logged.len(), "a delivery is in the log twice");
    let lost: Vec<&String> = accepted.iter().filter(|id| !logged.contains(id.as_str())).collect();
    assert!(lost.is_empty() && accepted.len() > KILLS as usize, "accepted and lost: {lost:?} of {}", accepted.len());
    for delivery in &log {
        assert!(matches!(delivery["state"].as_str(), Some("done" | "ignored")), "{delivery}");
    }
    // Whatever was cut short, the read model is the one of a host on SQLite that nobody killed.
    play(&client, &connection.id, &secret, &examples).await;
    let killed = read_model(&client, &connection.id).await;
    let calm = Start::on(&dir.path().join("calm")).start();
    let admin = calm.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&calm, &admin).await;
    let (connection, secret) = client.connect_github("acme").await;
    play(&client, &connection.id, &secret, &examples).await;
    assert_eq!(without_ids(&killed), without_ids(&read_model(&client, &connection.id).await));
}

/// Stands between a host and its database, and can cut it off.
struct Cable {
    port: u16,
    up: watch::Sender<bool>,
}

impl Cable {
    async fn to(database: &PgConnectOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("its address").port();
        let (up, is_up) = watch::channel(true);
        let server = Arc::new((database.get_host().to_owned(), database.get_port()));
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (server, mut is_up) = (Arc::clone(&server), is_up.clone());
                tokio::spawn(async move {
                    if !*is_up.borrow() {
                        return;
                    }
                    let Ok(mut far) = TcpStream::connect((server.0.as_str(), server.1)).await else { return };
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = is_up.wait_for(|up| !up) => {}
                    }
                });
            }
        });
        Self { port, up }
    }
}

async fn status_of(client: &Client, connection: &str, secret: &str, one: &Recorded) -> u16 {
    deliver(&client.http, &client.url, connection, secret, one).send().await.expect("an answer").status().as_u16()
}

async fn is_ready(client: &Client, host: &Host) -> bool {
    client.http.get(format!("{}/readyz", host.url)).send().await.expect("an answer").status().is_success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_a_database_that_goes_away_is_said_and_comes_back_by_itself() {
    let dir = tempfile::tempdir().expect("a folder");
    let database = database("cut").await;
    let cable = Cable::to(&database).await;
    let host = on(&dir.path().join("data"), &database.clone().port(cable.port)).start();
    let admin = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &admin).await;
    let (connection, secret) = client.connect_github("acme").await;
    let examples = recorded();
    let mut accepted = 0;
    for (round, chunk) in examples.chunks(20).take(3).enumerate() {
        for one in chunk {
            assert_eq!(status_of(&client, &connection.id, &secret, one).await, 202, "{}", one.id);
            accepted += 1;
        }
        cable.up.send_replace(false);
        let refused = Recorded { id: format!("refused-{round}"), ..chunk[0].clone() };
        assert_eq!(status_of(&client, &connection.id, &secret, &refused).await, 503, "nothing is accepted unkept");
        assert!(!is_ready(&client, &host).await, "nor does it seem to be well");
        tokio::time::sleep(Duration::from_millis(700)).await;
        cable.up.send_replace(true);
        let deadline = Instant::now() + Duration::from_secs(20);
        while !is_ready(&client, &host).await {
            assert!(Instant::now() < deadline, "it does not come back: {}", host.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    client.settled().await;
    let log = client.all("/api/v1/deliveries").await;
    assert_eq!(log.len(), accepted);
    for delivery in &log {
        assert!(matches!(delivery["state"].as_str(), Some("done" | "ignored")), "{delivery}");
    }
}

#[tokio::test]
async fn a_host_that_cannot_use_its_database_says_why_and_shows_no_password() {
    let database = database("wrong").await.password("wr0ng-wr0ng");
    let dir = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_opssight"))
            .args(arguments)
            .env("OPSSIGHT_STORE__URL", database.to_url_lossy().as_str())
            .output()
            .expect("the binary runs")
    };
    let refused = run(&["serve", "--listen", "127.0.0.1:0", "--data", &dir.path().join("data").to_string_lossy()]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned() + &String::from_utf8_lossy(&refused.stdout);
    assert!(!refused.status.success() && said.contains("the password is wrong"), "{said}");
    let shown = run(&["config", "show"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains(":***@"), "{shown}");
    assert!(!said.contains("wr0ng") && !shown.contains("wr0ng"), "{said}\n{shown}");
}

/// The store's commands in the operators' guide, in the order of an operator who moves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backup_restore_and_move_do_what_the_guide_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, database) = (folder.path().join("data"), database("moved").await);
    let host = Start::on(&data).start();
    let admin = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &admin).await;
    let (connection, secret) = client.connect_github("acme").await;
    play(&client, &connection.id, &secret, &recorded()).await;
    let before = read_model(&client, &connection.id).await;
    let line = |line: String| {
        let line = line.replace("/var/lib/opssight", &data.to_string_lossy());
        let to = "postgres://opssight:a-password@127.0.0.1:5432/opssight";
        line.replace(to, database.to_url_lossy().as_str())
    };
    let kept: Vec<String> = commands("operators.md", "Backup and restore").into_iter().map(line).collect();
    let [backup, restore] = kept.as_slice() else { panic!("{kept:?}") };
    assert!(run(folder.path(), backup).contains("Wrote opssight-backup.sqlite"), "while the host runs");
    assert_eq!(host.terminate(), 0);
    assert!(run(folder.path(), restore).contains("before-restore"));
    let moving: Vec<String> = commands("operators.md", "PostgreSQL").into_iter().map(line).collect();
    let [status, moved] = moving.as_slice() else { panic!("{moving:?}") };
    assert!(run(folder.path(), status).contains("up to date"));
    assert!(run(folder.path(), moved).contains("read back and compared"));
    let host = on(&data, &database).start();
    assert_eq!(host.admin_secret, None, "it is the same house");
    assert_eq!(read_model(&client.moved_to(&host), &connection.id).await, before);
}
