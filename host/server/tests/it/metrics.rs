//! Metrics: what the pipelines did is there to be asked, where it is kept, and after a kill.

use crate::harness::{Client, Host, Recorded, Start, deliver, recorded};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// A run that GitHub says ended four minutes ago, after it worked for five.
fn ended_run() -> Recorded {
    let of_runs = recorded().into_iter().filter(|one| one.event == "workflow_run");
    let mut bodies = of_runs.map(|one| (one.id, serde_json::from_slice::<Value>(&one.body).expect("JSON")));
    let (id, mut body) = bodies.find(|(_, body)| body["action"] == "completed").expect("a run that ended");
    let ago = |minutes: i64| {
        let at =
            chrono::DateTime::from(std::fs::metadata("/proc/self").expect("this process").modified().expect("now"));
        let at: chrono::DateTime<chrono::Utc> = at - chrono::TimeDelta::minutes(minutes);
        json!(at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
    };
    let run = &mut body["workflow_run"];
    run["status"] = json!("completed");
    run["conclusion"] = json!("failure");
    (run["created_at"], run["run_started_at"], run["updated_at"]) = (ago(10), ago(9), ago(4));
    Recorded { event: "workflow_run".to_owned(), id, body: serde_json::to_vec(&body).expect("JSON") }
}

async fn first(start: Start) -> (Host, Client) {
    let host = start.start();
    let secret = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &secret).await;
    (host, client)
}

const QUERY: &str = "/api/v1/metrics/query?query=last_over_time(cicd_pipeline_run_duration_seconds%7B\
                     cicd_pipeline_run_state%3D%22executing%22%7D%5B1h%5D)";

/// What is told of the run, once it is.
async fn told(client: &Client, service: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = client.get(QUERY).await;
        let rows = answer["series"].as_array().expect("series");
        if let Some(row) = rows.iter().find(|row| row["labels"]["service"] == service) {
            return row.clone();
        }
        assert!(Instant::now() < deadline, "nothing of {service} in {answer}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn a_run_that_ended_is_told(data: &Path, start: impl Fn() -> Start) {
    let (host, client) = first(start()).await;
    let (connection, secret) = client.connect_github("acme").await;
    let run = ended_run();
    let service = {
        let body: Value = serde_json::from_slice(&run.body).expect("JSON");
        body["repository"]["full_name"].as_str().expect("a name").to_owned()
    };
    let answer =
        deliver(&client.http, &client.url, connection.id.as_str(), &secret, &run).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    client.settled().await;
    let row = told(&client, &service).await;
    assert_eq!(row["labels"]["cicd_pipeline_result"], "failure", "{row}");
    assert_eq!(row["points"][0]["value"], 300.0, "{row}");

    // Killed and started again, it says the same.
    host.kill();
    let host = start().start();
    let client = client.moved_to(&host);
    assert_eq!(told(&client, &service).await["points"][0]["value"], 300.0);
    let columns = client
        .get("/api/v1/metrics/query_range?query=sum(count_over_time(cicd_pipeline_run_duration_seconds%5B1h%5D))&step_secs=600")
        .await;
    assert_eq!(columns["steps"], 7, "{columns}");
    let names = client.get("/api/v1/metrics/labels?values_of=__name__&selector=%7Bservice%3D~%22.%2B%22%7D").await;
    assert!(names["items"].to_string().contains("cicd_pipeline_run_duration_seconds"), "{names}");
    let wrong =
        client.request(reqwest::Method::GET, "/api/v1/metrics/query?query=sum(a))").send().await.expect("an answer");
    assert_eq!(wrong.status(), 400);
    assert_eq!(wrong.headers()["content-type"], "application/problem+json");
    assert_eq!(host.terminate(), 0);
    let log = std::fs::read_to_string(data.with_extension("log")).unwrap_or_default();
    assert!(!log.contains("hunter2"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_ended_is_told_from_the_data_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    a_run_that_ended_is_told(&data, || Start::on(&data)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "`cargo xtask test` says where its server is")]
async fn a_run_that_ended_is_told_from_victoria_metrics() {
    let address = std::env::var("OPSSIGHT_TEST_VICTORIA").expect(
        "OPSSIGHT_TEST_VICTORIA is not set: `cargo xtask test` starts a VictoriaMetrics and sets it; for one test, run \
         `cargo xtask services` beside it and set what that prints",
    );
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    // It asks nobody to sign in, and takes whatever proof it is given.
    let address = address.replace("http://", "http://ops:hunter2@");
    a_run_that_ended_is_told(&data, || Start::on(&data).env("OPSSIGHT_METRICS__URL", &address)).await;
    assert!(!data.join("metrics").exists());
}
