//! Every request that the plugin makes, against a GitHub that no one here wrote: Prism, serving GitHub's official
//! description, refuses what does not fit it. And the other way round: whatever the cut description holds is asked for.

use crate::sandbox::{github, items_of};
use opssight_testkit::plugins::PageRequest;
use opssight_testkit::{Request, Response, TestHost, tokio};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What the host attaches, which Prism must not mind.
const ATTACHED: &str = "authorization";
/// Later than whenever this runs.
const LATER: &str = "2099-01-01T00:00:00Z";

struct Prism {
    child: Child,
    port: u16,
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance")
}

fn start_prism() -> Prism {
    let cli = folder().join("node_modules/@stoplight/prism-cli/dist/index.js");
    assert!(cli.exists(), "Prism is not there: run `npm ci --omit=dev` in {}", folder().display());
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let child = Command::new("node")
        .arg(cli)
        // Without `--errors`: it would also refuse to send the description's own examples, some of which do not fit it.
        // Requests that do not fit are answered with an error in any case.
        .args(["mock", "--host", "127.0.0.1", "--port", &port.to_string()])
        .arg(folder().join("api.github.com.cut.json"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("node does not start: {error}"));
    let prism = Prism { child, port };
    let deadline = Instant::now() + Duration::from_secs(120);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < deadline, "Prism does not listen after two minutes");
        std::thread::sleep(Duration::from_millis(100));
    }
    prism
}

/// The request word for word, on a connection of its own.
fn exchange(port: u16, request: &Request) -> (u16, String, Vec<u8>) {
    let mut head = format!("{} {} HTTP/1.1\r\nconnection: close\r\n", request.method, request.path);
    for (name, value) in &request.headers {
        if name != "connection" && name != ATTACHED {
            head += &format!("{name}: {}\r\n", value.to_str().unwrap());
        }
    }
    send(port, &head, &request.body)
}

fn send(port: u16, head: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = &answer[end + 4..];
    let body = if head.contains("transfer-encoding: chunked") { unchunk(body) } else { body.to_vec() };
    (status, head, body)
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap().trim(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
}

/// The description's examples are old and all went well; what makes the plugin ask for more is set here.
fn make_interesting(path: &str, body: &mut Value) {
    let mut set = |pointer: &str, value: Value| {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        if let Some(Value::Object(map)) = body.pointer_mut(parent) {
            map.insert(key.to_owned(), value);
        }
    };
    match path.split('/').skip(4).collect::<Vec<_>>().as_slice() {
        ["actions", "runs"] => {
            set("/workflow_runs/0/run_attempt", json!(2));
            set("/workflow_runs/0/conclusion", json!("failure"));
        }
        ["deployments"] => set("/0/updated_at", json!(LATER)),
        ["pulls"] => {
            set("/0/updated_at", json!(LATER));
            set("/0/merged_at", json!(LATER));
        }
        ["hooks"] => set("/0/config/url", json!("https://ops.example.com/hooks/con_1")),
        ["hooks", _, "deliveries"] => {
            set("/0/delivered_at", json!(LATER));
            set("/0/status_code", json!(502));
            set("/0/event", json!("push"));
        }
        _ => {}
    }
}

async fn pull(host: &TestHost, feed: &str) -> usize {
    let mut items = 0;
    let mut cursor = None;
    loop {
        let page = PageRequest { cursor, limit: 1000 };
        let batch = host.pull(feed, None, page).await.unwrap_or_else(|error| panic!("{feed}: {error}"));
        items += items_of(&batch.items).len();
        cursor = batch.next;
        if cursor.is_none() {
            return items;
        }
    }
}

async fn act(host: &TestHost, name: &str, input: Value) {
    let outcome = host.act(name, input).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(outcome.items.len(), 1, "{name} tells how the run is now");
}

/// Whether a concrete path is one of a template: "/repos/{owner}/{repo}".
fn is_of(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(path).all(|(wanted, segment)| wanted.starts_with('{') || *wanted == segment)
}

/// What Prism found wrong, and what it was asked.
#[derive(Default)]
struct Seen {
    wrong: Vec<String>,
    asked: BTreeSet<(String, String)>,
}

/// Ask Prism, write down what it says, and answer as it does.
fn relay(port: u16, request: &Request, seen: &Mutex<Seen>, is_app: &AtomicBool) -> Response {
    let (status, head, mut body) = exchange(port, request);
    let path = request.path.split('?').next().unwrap();
    let mut seen = seen.lock().unwrap();
    seen.asked.insert((request.method.to_lowercase(), path.to_owned()));
    let violations = head.lines().find(|line| line.starts_with("sl-violations:")).unwrap_or_default();
    if status >= 400 || violations.contains("\"request\"") {
        let said = String::from_utf8_lossy(&body);
        seen.wrong.push(format!("{} {}: {status} {violations} {said}", request.method, request.path));
    }
    if path == "/installation/repositories" && !is_app.load(Ordering::SeqCst) {
        let message = r#"{"message": "You must authenticate with an installation access token"}"#;
        return Response::new(403, &[], message);
    }
    if let Ok(mut value) = serde_json::from_slice::<Value>(&body) {
        make_interesting(path, &mut value);
        body = serde_json::to_vec(&value).unwrap();
    }
    Response::new(status, &[("content-type", "application/json")], body)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_fits_githubs_official_description_and_all_of_the_cut_is_used() {
    let prism = start_prism();
    let port = prism.port;
    for unfit in ["/repos/o/r/actions/runs?per_page=many", "/repos/o/r/actions/walks"] {
        let head =
            format!("GET {unfit} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\nconnection: close\r\n");
        assert!(send(port, &head, b"").0 >= 400, "Prism must mind what does not fit");
    }
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let is_app = Arc::new(AtomicBool::new(true));
    let (shared, app) = (Arc::clone(&seen), Arc::clone(&is_app));
    let host = github().await.handler(move |request| relay(port, request, &shared, &app));

    host.check().await.unwrap();
    assert!(pull(&host, "repositories").await > 0);
    is_app.store(false, Ordering::SeqCst);
    assert!(host.check().await.unwrap().summary.contains("octocat"));
    assert!(pull(&host, "repositories").await > 0);
    let host = host.settings(json!({ "repositories": ["octocat/Hello-World"], "backfill_days": 3 }));
    for feed in ["repositories", "runs", "run-history", "deployments", "changes"] {
        assert!(pull(&host, feed).await > 0, "{feed} brings nothing");
    }
    pull(&host, "deliveries").await;
    let run = json!({ "service": "octocat/Hello-World", "run_id": "42" });
    for name in ["rerun", "rerun-failed-jobs", "cancel", "force-cancel"] {
        act(&host, name, run.clone()).await;
    }
    let dispatch =
        json!({ "service": "octocat/Hello-World", "workflow": "ci.yml", "ref": "main", "inputs": { "name": "Mona" } });
    act(&host, "dispatch", dispatch).await;
    let review = json!({ "service": "octocat/Hello-World", "run_id": "42", "decision": "approve" });
    act(&host, "review-deployment", review).await;

    let seen = seen.lock().unwrap();
    assert!(seen.wrong.is_empty(), "{:#?}", seen.wrong);
    let description: Value =
        serde_json::from_slice(&std::fs::read(folder().join("api.github.com.cut.json")).unwrap()).unwrap();
    for (template, operations) in description["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let used = seen.asked.iter().any(|(how, path)| how == method && is_of(template, path));
            assert!(used, "{method} {template} is in the cut but was not asked for");
        }
    }
}
