//! Hosts that share a bucket: what one installs the others run, also while the bucket is away, and backups go there.

use crate::harness::{Client, Host, Start, deliver, recorded};
use crate::postgres::{database, on};
use crate::replay::{play, read_model};
use crate::s3::{BUCKET, KEY, S3, SECRET};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

fn url(s3: &S3) -> String {
    format!("s3://{BUCKET}/prod?region=eu-central-1&endpoint=http://127.0.0.1:{}", s3.port)
}

fn sharing(start: Start, s3: &S3) -> Start {
    let start = start.env("OPSSIGHT_BLOBS__URL", &url(s3));
    start.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET)
}

/// No packages of its own.
fn empty_handed(start: Start, dir: &Path) -> Start {
    let plugins = dir.join("no-plugins");
    std::fs::create_dir_all(&plugins).expect("a folder");
    start.plugins(&plugins)
}

async fn wait_until(what: &str, host: &Host, mut is: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is().await {
        assert!(Instant::now() < deadline, "{what}: {}", host.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The check of one part of a host.
async fn says(client: &Client, part: &str) -> String {
    let ready: Value = client.get("/readyz").await;
    let checks = ready["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["name"] == part).expect("a check of it");
    assert_eq!(check["status"], "ok", "it never keeps a host from its work");
    check["detail"].as_str().expect("text").to_owned()
}

async fn takes(client: &Client, connection: &str, secret: &str, nth: usize) {
    let mut one = recorded()[nth].clone();
    one.id = format!("{}-{nth}", one.id);
    let sent = deliver(&client.http, &client.url, connection, secret, &one).send().await.expect("an answer");
    assert_eq!(sent.status().as_u16(), 202);
    client.settled().await;
    let log = client.all("/api/v1/deliveries").await;
    let state = log[0]["state"].as_str().expect("a state");
    assert!(matches!(state, "done" | "ignored"), "{}", log[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_host_runs_what_the_first_installed_also_while_the_bucket_is_away() {
    let dir = tempfile::tempdir().expect("a folder");
    let (mut s3, database) = (S3::start().await, database("blobs").await);
    let (here, there) = (dir.path().join("here"), dir.path().join("there"));
    // It ran alone at first, and brings along what it had.
    let alone = on(&here, &database).start();
    let admin = alone.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&alone, &admin).await;
    let (connection, secret) = client.connect_github("acme").await;
    assert_eq!(alone.terminate(), 0);
    let first = sharing(empty_handed(on(&here, &database), dir.path()), &s3).start();
    takes(&client.moved_to(&first), &connection.id, &secret, 0).await;
    // Another machine: nothing but the key is the same.
    std::fs::create_dir(&there).expect("a folder");
    std::fs::copy(here.join("master.key"), there.join("master.key")).expect("the key");
    let second = sharing(empty_handed(on(&there, &database), dir.path()), &s3).start();
    assert_eq!(first.terminate(), 0);
    let client = client.moved_to(&second);
    takes(&client, &connection.id, &secret, 1).await;
    // It goes on, and starts, without the bucket; what needs it is refused.
    s3.stop().await;
    let package = std::fs::read_dir(there.join("packages")).expect("what is kept near").next().expect("a package");
    let package = std::fs::read(package.expect("a package").path()).expect("a package");
    let (status, body) = client.install(&package, true).await;
    let body = body.to_string();
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("packages-unavailable") && body.contains("nobody answers"), "{body}");
    assert!(says(&client, "blobs").await.contains("away"));
    takes(&client, &connection.id, &secret, 2).await;
    assert_eq!(second.terminate(), 0);
    let second = sharing(empty_handed(on(&there, &database), dir.path()), &s3).start();
    let client = client.moved_to(&second);
    takes(&client, &connection.id, &secret, 3).await;
    // One that has nothing near waits for the bucket, and then runs it by itself.
    let third = dir.path().join("third");
    std::fs::create_dir(&third).expect("a folder");
    std::fs::copy(here.join("master.key"), third.join("master.key")).expect("the key");
    assert_eq!(second.terminate(), 0);
    let third = sharing(empty_handed(on(&third, &database), dir.path()), &s3).start();
    let client = client.moved_to(&third);
    assert_eq!(says(&client, "plugins").await, "0 installed");
    s3.go_on().await;
    wait_until("it does not catch up", &third, async || says(&client, "plugins").await == "1 installed").await;
    takes(&client, &connection.id, &secret, 4).await;
    wait_until("it is not well", &third, async || !says(&client, "blobs").await.contains("away")).await;
}

fn run(arguments: &[&str], secret: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opssight"));
    command.args(arguments).env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", secret);
    command.output().expect("the binary runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backups_go_to_a_bucket_and_come_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let (data, s3) = (dir.path().join("data"), S3::start().await);
    let host = Start::on(&data).start();
    let admin = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &admin).await;
    let (connection, secret) = client.connect_github("acme").await;
    play(&client, &connection.id, &secret, &recorded()[..40]).await;
    let before = read_model(&client, &connection.id).await;
    let (place, folder) = (url(&s3), data.to_string_lossy().into_owned());
    let backup = ["db", "backup", "--to", &place, "--keep", "2", "--data", &folder];
    for n in 0..3 {
        let sent = run(&backup, SECRET);
        let said = String::from_utf8_lossy(&sent.stdout).into_owned();
        assert!(sent.status.success() && said.starts_with("Wrote 20"), "{sent:?}");
        assert_eq!(said.contains("Removed 1 older"), n == 2, "{said}");
        // Their names have whole seconds.
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    let kept = || s3.files().iter().filter(|file| file.to_string_lossy().ends_with(".sqlite")).count();
    assert_eq!(kept(), 2);
    let denied = run(&backup, "hunter2-hunter2");
    let said = String::from_utf8_lossy(&denied.stderr).into_owned();
    assert!(!denied.status.success() && said.contains("access is denied") && !said.contains("hunter2"), "{said}");
    assert_eq!(kept(), 2);
    play(&client, &connection.id, &secret, &recorded()[40..]).await;
    assert_eq!(host.terminate(), 0);
    let restored = run(&["db", "restore", "--from", &place, "--data", &folder], SECRET);
    assert!(restored.status.success(), "{restored:?}");
    let left = std::fs::read_dir(&data)
        .expect("the folder")
        .filter(|entry| entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("backup-")));
    assert_eq!(left.count(), 0, "copies are left behind");
    let host = Start::on(&data).start();
    assert_eq!(read_model(&client.moved_to(&host), &connection.id).await, before);
    assert_eq!(host.terminate(), 0);
    // One that somebody changed there is not restored.
    for file in s3.files().iter().filter(|file| file.to_string_lossy().ends_with(".sqlite")) {
        let mut bytes = std::fs::read(file).expect("a backup");
        bytes[5000] ^= 1;
        std::fs::write(file, bytes).expect("a backup");
    }
    let refused = run(&["db", "restore", "--from", &place, "--data", &folder], SECRET);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("changed or damaged"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_cannot_be_used_stops_the_start_with_what_to_mend() {
    let (dir, s3) = (tempfile::tempdir().expect("a folder"), S3::start().await);
    let data = dir.path().join("data").to_string_lossy().into_owned();
    let elsewhere = url(&s3).replace(BUCKET, "nobodys");
    let (good, parameter) = (url(&s3), "s3://acme-ops?secret=hunter2".to_owned());
    for (url, secret, says) in [
        (&good, "hunter2-hunter2", "look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        (&elsewhere, SECRET, "there is no such bucket"),
        (&parameter, SECRET, "there is endpoint, region"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opssight"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data", &data]);
        command.env("OPSSIGHT_BLOBS__URL", url).env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", secret);
        let refused = command.output().expect("the binary runs");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned() + &String::from_utf8_lossy(&refused.stdout);
        assert!(!refused.status.success() && said.contains(says), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}
