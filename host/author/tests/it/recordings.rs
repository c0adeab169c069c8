//! Recordings: calls that were written down once, against a recorded upstream or a real one, and are made again on the
//! plugin as it is now.

use crate::typed::{Desk, Outcome};
use opssight_testkit::plugins::evidence::{CallRecord, ExchangeAnswer};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const SECRET: &str = "c4n4ry-t0ken-0f-th3-upstr34m";

/// A project in Rust, in the folder `mine`. What all have in common is compiled once; each has a name of its own,
/// because what is made of them lies side by side.
async fn project(kind: &str, name: &str) -> Desk {
    let desk = Desk::new();
    fs::create_dir(desk.path(".cargo")).unwrap();
    let shared = format!("[build]\ntarget-dir = \"{}/recordings\"\n", env!("CARGO_TARGET_TMPDIR"));
    desk.write(".cargo/config.toml", shared.as_bytes());
    desk.run(&format!("new --kind {kind} --lang rust --publisher acme --path @mine {name}")).await.good();
    desk
}

fn change(desk: &Desk, file: &str, from: &str, to: &str) {
    let text = String::from_utf8(desk.read(file)).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    desk.write(file, text.replace(from, to).as_bytes());
}

/// The calls that were different, by name, with the lines that say how.
fn different(outcome: &Outcome) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in outcome.out.lines() {
        if let Some(call) = line.strip_prefix("FAILED calls.json: ") {
            found.push((call.split(" (").next().unwrap().to_owned(), Vec::new()));
        } else if let (Some(detail), Some((_, lines))) = (line.strip_prefix("         "), found.last_mut()) {
            lines.push(detail.to_owned());
        }
    }
    found
}

#[tokio::test]
async fn an_author_sees_which_call_of_a_recording_is_different_after_a_change_and_how() {
    let desk = project("integration", "changed-ci").await;
    let recorded = desk.type_in("test @mine --record @recorded").await;
    assert!(recorded.good().ends_with(" passed, 0 failed\n"), "{}", recorded.out);
    assert!(recorded.err.contains("opssight plugin test --replay"), "{}", recorded.err);
    let same = desk.type_in("test @mine --replay @recorded").await;
    assert!(same.good().ends_with(" passed, 0 failed\n"), "{}", same.out);
    let calls = same.out.lines().filter(|line| line.starts_with("ok     calls.json: call ")).count();
    assert!(calls >= 6, "{}", same.out);
    for kind in ["webhook build", "source builds", "actions retry", "health"] {
        assert!(same.out.contains(&format!(", {kind} (")), "{kind}: {}", same.out);
    }

    // An answer that is another: only the calls with a failed build in them.
    let source = "mine/src/lib.rs";
    change(&desk, source, "Some(RunResult::Failure)", "Some(RunResult::Timeout)");
    let outcome = desk.type_in("test @mine --replay @recorded").await;
    assert_eq!(outcome.code, 5, "{}", outcome.err);
    let found = different(&outcome);
    assert!(found.iter().any(|(call, _)| call.ends_with("source builds")), "{}", outcome.out);
    assert!(!found.iter().any(|(call, _)| call.ends_with("health")), "{}", outcome.out);
    for (call, lines) in &found {
        let [at, then, now] = lines.as_slice() else { panic!("{call}: {lines:#?}") };
        assert!(at.starts_with("the answer.items["), "{call}: {at}");
        assert!(then.starts_with("  - ") && then.contains("failure"), "{call}: {then}");
        assert!(now.starts_with("  + ") && now.contains("timeout"), "{call}: {now}");
    }

    // A request that is another: what it asked then, and what it asks now.
    change(&desk, source, "Some(RunResult::Timeout)", "Some(RunResult::Failure)");
    change(&desk, source, "url(\"/me\")", "url(\"/user\")");
    let outcome = desk.type_in("test @mine --replay @recorded --only health").await;
    assert_eq!(outcome.code, 5, "{}", outcome.err);
    let (call, lines) = different(&outcome).remove(0);
    assert!(call.ends_with(", health"), "{call}");
    let lines = lines.join("\n");
    assert!(lines.contains("a request\n  - (nothing)\n  + GET http://127.0.0.1:"), "{lines}");
    assert!(lines.contains("/user") && lines.contains("/me\n  + (nothing)"), "{lines}");
    assert!(!outcome.out.contains("source builds"), "--only: {}", outcome.out);

    // Programs get the values.
    let shown: Value = serde_json::from_str(&desk.run("test @mine --replay @recorded").await.out).unwrap();
    let failed: Vec<_> = shown["cases"].as_array().unwrap().iter().filter(|case| case["passed"] == false).collect();
    assert_eq!(json!(failed.len()), shown["failed"]);
    let asked = failed[0]["differences"].as_array().unwrap().iter().find(|one| one["at"] == "a request").unwrap();
    assert_eq!(asked["then"], Value::Null);
    assert!(asked["now"].as_str().unwrap().ends_with("/user"), "{asked}");
}

#[tokio::test]
async fn what_cannot_be_replayed_is_refused_with_what_to_do() {
    let desk = project("integration", "refused-ci").await;
    let none = desk.run("test @mine --replay @nowhere").await;
    assert!(none.bad().contains("read ") && none.err.contains("nowhere"), "{}", none.err);
    fs::create_dir(desk.path("empty")).unwrap();
    let none = desk.run("test @mine --replay @empty").await;
    assert!(none.bad().contains("opssight plugin test --record"), "{}", none.err);
    desk.write("empty/calls.json", b"{\"format\": \"opssight.call/9\"}");
    let later = desk.run("test @mine --replay @empty").await;
    assert!(later.bad().contains("its format is \"opssight.call/9\""), "{}", later.err);
    for line in ["--replay @empty --record @other", "--replay @empty --update", "--replay @empty --live @x.toml"] {
        assert_eq!(desk.run(&format!("test @mine {line}")).await.code, 2, "{line}");
    }

    // The calls of another plugin say nothing about this one.
    desk.run("test @mine --record @recorded --only health").await.good();
    change(&desk, "mine/plugin.toml", "id = \"refused-ci\"", "id = \"your-ci\"");
    let other = desk.type_in("test @mine --replay @recorded").await;
    assert!(
        other.code == 5 && other.out.contains("a call of the plugin refused-ci, and this is your-ci"),
        "{}",
        other.out
    );
    let none = desk.run("test @mine --replay @recorded --only elsewhere").await;
    assert!(none.bad().contains("find a recorded call with \"elsewhere\""), "{}", none.err);
}

/// A server that signs in whoever has the secret, and says it back to them; its address.
fn upstream() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.unwrap());
        }
    });
    format!("http://{address}")
}

fn serve(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let (status, body) = if !head.contains(&format!("authorization: Bearer {SECRET}")) {
        ("401 Unauthorized", "{}".to_owned())
    } else if head.starts_with("GET /me ") {
        ("200 OK", format!(r#"{{"login":"ada","token":"{SECRET}"}}"#))
    } else {
        let build = r#"{"id":41,"project":"acme/shop","status":"failed","created":"2026-01-01T09:00:00Z"}"#;
        ("200 OK", format!(r#"{{"builds":[{build}]}}"#))
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nset-cookie: s={SECRET}\r\nconnection: close\r\n\r\n"
    );
    let _ = stream.write_all(format!("{head}{body}").as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_upstream_is_recorded_without_secrets_and_replayed_without_it() {
    let desk = project("integration", "live-ci").await;
    let address = upstream();
    desk.write("token.txt", format!("{SECRET}\n").as_bytes());
    let connection = format!(
        "[settings]\nbase_url = \"{address}\"\n\n[grants]\nnetworks = [\"127.0.0.0/8\"]\ninsecure_http = true\n\n\
         [credentials.api]\nscheme = \"bearer\"\ninputs.token = {{ file = \"token.txt\" }}\n"
    );
    desk.write("live.toml", connection.as_bytes());

    // Those of the project were not written for it, and nearly all bring their own.
    assert_eq!(desk.run("test @mine --live @live.toml").await.code, 2);
    let nothing = desk.run("test @mine --fixtures @mine/tests --live @live.toml --only health.toml").await;
    assert!(nothing.bad().contains("find a case for a real upstream"), "{}", nothing.err);

    fs::create_dir(desk.path("live")).unwrap();
    desk.write(
        "live/all.toml",
        br#"
        [[case]]
        name = "who am I"
        when.check = {}
        expect.summary = "signed in as ada"

        [[case]]
        name = "the builds of now"
        when.pull = { feed = "builds" }
        expect.items = [{ id = "41", payload.result = "failure" }]
        expect.requests = [{ request = "GET /builds?after=0&limit=50" }]
        "#,
    );
    let live = desk.type_in("test @mine --fixtures @live --live @live.toml --record @recorded").await;
    assert!(live.good().contains("ok     calls.json: what was recorded is the same again ("), "{}", live.out);
    assert!(live.out.ends_with("3 passed, 0 failed\n"), "{}", live.out);

    // What was asked is known as well when nothing is recorded.
    let played = desk.type_in("test @mine --fixtures @live --live @live.toml").await;
    assert!(played.good().ends_with("2 passed, 0 failed\n"), "{}", played.out);

    let calls = String::from_utf8(desk.read("recorded/calls.json")).unwrap();
    assert!(calls.contains("ada") && calls.contains(&address), "{calls}");
    assert!(!calls.contains("c4n4ry"), "a secret is in the recording: {calls}");
    let records = CallRecord::parse_all(calls.as_bytes()).unwrap();
    let told = records.iter().flat_map(|record| &record.exchanges).find_map(|exchange| match &exchange.answer {
        ExchangeAnswer::Response { body, .. } if exchange.url.ends_with("/me") => {
            Some(String::from_utf8_lossy(&body.0))
        }
        _ => None,
    });
    // What the upstream echoed is masked to its length.
    let masked = "*".repeat(SECRET.len());
    assert_eq!(told.unwrap(), format!(r#"{{"login":"ada","token":"{masked}"}}"#));

    // What is not granted is not reached.
    let grants = "[grants]\nnetworks = [\"127.0.0.0/8\"]\ninsecure_http = true\n\n";
    assert!(connection.contains(grants));
    desk.write("closed.toml", connection.replace(grants, "").as_bytes());
    let closed = desk.type_in("test @mine --fixtures @live --live @closed.toml --record @closed").await;
    assert_eq!(closed.code, 5, "{}", closed.err);
    assert!(closed.out.ends_with("0 passed, 2 failed\n"), "{}", closed.out);
    assert_eq!(closed.out.matches("plain http was not granted to the connection").count(), 2, "{}", closed.out);
    assert!(!desk.path("closed").exists());

    // Offline: nobody listens at this address, and nobody knows the secret.
    fs::remove_file(desk.path("token.txt")).unwrap();
    desk.write("recorded/calls.json", calls.replace(address.trim_start_matches("http://"), "127.0.0.1:9").as_bytes());
    let offline = desk.type_in("test @mine --replay @recorded").await;
    assert!(offline.good().ends_with("2 passed, 0 failed\n"), "{}", offline.out);

    // A wrong expectation of a real upstream is a failure, and is not recorded.
    change(&desk, "live/all.toml", "signed in as ada", "signed in as eve");
    desk.write("token.txt", SECRET.as_bytes());
    let failed = desk.type_in("test @mine --fixtures @live --live @live.toml --record @again").await;
    assert_eq!(failed.code, 5, "{}", failed.out);
    assert!(failed.out.contains("- \"signed in as eve\"") && !desk.path("again").exists(), "{}", failed.out);
}

const INVENTORY: &str = r#"
use opssight_plugin::{Failure, Inventory, InventoryPage, Item, PageRequest, http, settings};
use opssight_plugin::items::Repository;

struct Plugin;

impl Inventory for Plugin {
    fn list(scope: &str, page: PageRequest) -> Result<InventoryPage, Failure> {
        let base: String = settings::get("base_url")?.unwrap_or_default();
        let names: Vec<String> = http::get(format!("{base}/{scope}?limit={}", page.limit)).send()?.json()?;
        let item = |name: String| {
            let repository = Repository { service: name.clone(), ..Repository::default() };
            Item::of(&repository, name.clone(), 1_767_225_600_000, name)
        };
        Ok(InventoryPage { resources: names.into_iter().map(item).collect(), next: Some("2".to_owned()) })
    }
}

opssight_plugin::export!(Plugin: inventory);
"#;

#[tokio::test]
async fn an_inventory_has_cases_and_recordings_like_every_kind() {
    let desk = project("cost", "listed-cost").await;
    desk.write("mine/src/lib.rs", INVENTORY.as_bytes());
    fs::remove_dir_all(desk.path("mine/tests")).unwrap();
    fs::create_dir(desk.path("mine/tests")).unwrap();
    desk.write(
        "mine/tests/list.toml",
        br#"
        [[case]]
        name = "a page of a scope"
        given.credentials.api = { scheme = "bearer", inputs = { token = "t0ken" } }
        given.exchange = [{ request = "GET /eu?limit=7", response.json = ["shop", "till"] }]
        when.list = { scope = "eu", limit = 7 }
        expect = { items = [{ id = "shop" }, { id = "till" }], next = "2" }
        "#,
    );
    desk.run("test @mine --record @recorded").await.good();
    let same = desk.type_in("test @mine --replay @recorded").await;
    assert!(same.good().contains("ok     calls.json: call 1, inventory eu ("), "{}", same.out);
    change(&desk, "mine/src/lib.rs", "Some(\"2\".to_owned())", "None");
    let other = desk.type_in("test @mine --replay @recorded").await;
    assert_eq!(other.code, 5, "{}", other.err);
    assert!(other.out.contains("the answer.next\n           - \"2\"\n           + null"), "{}", other.out);
}
