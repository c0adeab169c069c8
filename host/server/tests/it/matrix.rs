//! Every operation of the published API with every kind of caller: `cargo xtask authz-matrix`.

use crate::harness::{Client, Host, Start};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use std::collections::BTreeSet;
use std::path::Path;

const OPERATIONS: &str = include_str!("matrix/operations.txt");

/// Header and claims of a token that says it needs no signature: `{"alg":"none"}` and `{"sub":"admin","role":"admin"}`.
const UNSIGNED: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsInJvbGUiOiJhZG1pbiJ9.";

/// The least that an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Least {
    Anybody,
    Viewer,
    Operator,
    Admin,
}

struct Row {
    method: Method,
    path: String,
    least: Least,
    only_signed_in: bool,
}

fn rows() -> Vec<Row> {
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let least = match words[2] {
            "anybody" => Least::Anybody,
            "viewer" => Least::Viewer,
            "operator" => Least::Operator,
            "admin" => Least::Admin,
            other => panic!("{other} is no role: {line}"),
        };
        let only_signed_in = words.get(3) == Some(&"signed-in");
        Row { method: words[0].parse().expect("a method"), path: words[1].to_owned(), least, only_signed_in }
    };
    OPERATIONS.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

/// Somebody who asks.
#[derive(Debug)]
struct Caller {
    name: &'static str,
    headers: Vec<(&'static str, String)>,
    /// What they may; none: they are nobody.
    role: Option<Least>,
    signed_in: bool,
    /// A browser that another site may have sent: it changes nothing.
    forged: bool,
}

impl Caller {
    fn nobody(name: &'static str, headers: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let headers = headers.into_iter().collect();
        Self { name, headers, role: None, signed_in: false, forged: false }
    }

    fn key(name: &'static str, secret: &str, role: Least) -> Self {
        Self { role: Some(role), ..Self::nobody(name, Some(bearer(secret))) }
    }

    /// What is to come of a row.
    fn expected(&self, row: &Row) -> Expected {
        match self.role {
            _ if row.least == Least::Anybody => Expected::Answered,
            None => Expected::Status(401),
            Some(_) if self.forged && row.method != Method::GET => Expected::Status(403),
            Some(role) if role < row.least => Expected::Status(403),
            Some(_) if row.only_signed_in && !self.signed_in => Expected::Status(403),
            Some(_) => Expected::Answered,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Status(u16),
    /// Anything else: it was let through.
    Answered,
}

impl Expected {
    fn is_met_by(self, status: u16) -> bool {
        match self {
            Self::Status(expected) => status == expected,
            Self::Answered => status != 401 && status != 403 && status < 500,
        }
    }
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

/// A cookie, and what pages of ours send with it.
fn in_browser(token: &str) -> [(&'static str, String); 2] {
    [("cookie", format!("opssight_session={token}")), ("x-opssight-csrf", "1".to_owned())]
}

async fn key(client: &Client, name: &str, role: &str) -> (String, String) {
    let (status, made) = client.post("/api/v1/keys", &json!({ "name": name, "role": role })).await;
    assert_eq!(status, 201, "{made}");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (text(&made["secret"]), text(&made["key"]["id"]))
}

/// Everybody there is, each as somebody might come.
async fn callers(host: &Host, data: &Path, secret: &str) -> Vec<Caller> {
    let admin = Client::sign_in(host, secret).await;
    let (viewer, _) = key(&admin, "viewer", "viewer").await;
    let (operator, _) = key(&admin, "operator", "operator").await;
    let (admins, _) = key(&admin, "admin", "admin").await;
    let (expired, expired_id) = key(&admin, "expired", "admin").await;
    let (revoked, revoked_id) = key(&admin, "revoked", "admin").await;
    let gone = admin.request(Method::DELETE, &format!("/api/v1/keys/{revoked_id}")).send().await.expect("an answer");
    assert_eq!(gone.status(), 204);
    let ended = Client::sign_in(host, secret).await;
    let out = ended.request(Method::DELETE, "/api/v1/sessions/current").send().await.expect("an answer");
    assert_eq!(out.status(), 204);
    let old = Client::sign_in(host, secret).await.token;
    let mut file =
        SqliteConnectOptions::new().filename(data.join("opssight.sqlite")).connect().await.expect("it opens");
    sqlx::query("UPDATE api_keys SET expires_at = 1 WHERE id = $1")
        .bind(expired_id)
        .execute(&mut file)
        .await
        .expect("set");
    let hash = opssight_core::identity::SecretHash::of(&old).0;
    sqlx::query("UPDATE sessions SET expires_at = 1 WHERE token = $1")
        .bind(hash)
        .execute(&mut file)
        .await
        .expect("set");

    let cookie = format!("opssight_session={}", admin.token);
    let browser = Caller {
        role: Some(Least::Admin),
        signed_in: true,
        ..Caller::nobody("a page of another site", Some(("cookie", cookie)))
    };
    let signed_in =
        Caller { role: Some(Least::Admin), signed_in: true, ..Caller::nobody("an admin", Some(bearer(&admin.token))) };
    let people = people(host, &admin).await;
    let mut callers = vec![
        Caller::nobody("nobody", None),
        Caller::nobody("a wrong session", Some(bearer("opstok_0000"))),
        Caller::nobody("a wrong key", Some(bearer("opskey_0000"))),
        Caller::nobody("an unsigned token", Some(bearer(UNSIGNED))),
        Caller::nobody("a key as a password", Some(("authorization", format!("Basic {admins}")))),
        Caller::nobody("the admin's secret itself", Some(bearer(secret))),
        Caller::nobody("an ended session", Some(bearer(&ended.token))),
        Caller::nobody("an expired session", Some(bearer(&old))),
        Caller::nobody("a revoked key", Some(bearer(&revoked))),
        Caller::nobody("an expired key", Some(bearer(&expired))),
        Caller::nobody("a key as a cookie", in_browser(&admins)),
        Caller::nobody("a browser whose session ended", in_browser(&ended.token)),
        Caller::key("a key of a viewer", &viewer, Least::Viewer),
        Caller::key("a key of an operator", &operator, Least::Operator),
        Caller::key("a key of an admin", &admins, Least::Admin),
        Caller { forged: true, ..browser },
        signed_in,
    ];
    callers.extend(people);
    callers
}

/// Somebody who was invited and joined; their token, and who they are.
async fn joined(host: &Host, admin: &Client, role: &str, name: &str) -> (String, String) {
    let new = json!({ "email": format!("{name}@example.com"), "role": role });
    let (status, made) = admin.post("/api/v1/invitations", &new).await;
    assert_eq!(status, 201, "{made}");
    let joins = json!({ "token": made["token"], "name": name, "password": "tide-marble-oyster-lamp" });
    let joined = admin.http.post(format!("{}/api/v1/invitations/join", host.url)).json(&joins).send().await;
    let session: Value = joined.expect("an answer").json().await.expect("a session");
    let token = session["token"].as_str().expect("a token").to_owned();
    let me = Client { token: token.clone(), ..admin.moved_to(host) }.get("/api/v1/me").await;
    (token, me["person"].as_str().expect("a person").to_owned())
}

/// People of each role, and those who may not come any more.
async fn people(host: &Host, admin: &Client) -> Vec<Caller> {
    let mut callers = Vec::new();
    for (name, role, least) in [
        ("a viewer", "viewer", Least::Viewer),
        ("an operator", "operator", Least::Operator),
        ("an admin with an account", "admin", Least::Admin),
    ] {
        let (token, _) = joined(host, admin, role, role).await;
        callers.push(Caller { signed_in: true, ..Caller::key(name, &token, least) });
    }
    let (suspended, id) = joined(host, admin, "admin", "suspended").await;
    let suspend = admin.request(Method::PATCH, &format!("/api/v1/people/{id}")).json(&json!({ "suspended": true }));
    assert_eq!(suspend.send().await.expect("an answer").status(), 200);
    let (removed, id) = joined(host, admin, "admin", "removed").await;
    let remove = admin.request(Method::DELETE, &format!("/api/v1/people/{id}")).send().await;
    assert_eq!(remove.expect("an answer").status(), 204);
    let (_, made) = admin.post("/api/v1/invitations", &json!({ "email": "later@example.com", "role": "admin" })).await;
    let invitation = made["token"].as_str().expect("a token");
    callers.push(Caller::nobody("somebody who is suspended", Some(bearer(&suspended))));
    callers.push(Caller::nobody("somebody who was removed", Some(bearer(&removed))));
    callers.push(Caller::nobody("an invitation as a token", Some(bearer(invitation))));
    callers
}

/// What the host says that it has.
async fn published(client: &Client) -> BTreeSet<(String, String)> {
    let api = client.get("/openapi.json").await;
    let mut operations = BTreeSet::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        let methods = item.as_object().expect("operations").keys();
        operations.extend(methods.filter(|method| *method != "parameters").map(|m| (m.to_uppercase(), path.clone())));
    }
    operations
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_answers_every_caller_as_it_should() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let host = Start::on(&data).start();
    let secret = host.admin_secret.clone().expect("a first start shows the secret");
    let client = Client::sign_in(&host, &secret).await;
    let (mut rows, callers) = (rows(), callers(&host, &data, &secret).await);
    // This one ends what it is asked with.
    rows.sort_by_key(|row| row.path == "/api/v1/sessions/current");
    let in_table: BTreeSet<_> = rows.iter().map(|row| (row.method.to_string(), row.path.clone())).collect();
    assert_eq!(in_table.len(), rows.len(), "a row is there twice");
    let published = published(&client).await;
    let without: Vec<_> = published.difference(&in_table).collect();
    let unknown: Vec<_> = in_table.difference(&published).collect();

    let (mut cells, mut wrong) = (0, Vec::new());
    for row in &rows {
        let path = row.path.replace(['{', '}'], "");
        for caller in &callers {
            let mut request = client.http.request(row.method.clone(), format!("{}{path}", host.url));
            if row.method != Method::GET {
                request = request.json(&json!({}));
            }
            for (name, value) in &caller.headers {
                request = request.header(*name, value);
            }
            let status = request.send().await.expect("an answer").status().as_u16();
            let expected = caller.expected(row);
            cells += 1;
            if !expected.is_met_by(status) {
                wrong.push(format!("{} {} as {}: {status} and not {expected:?}", row.method, row.path, caller.name));
            }
        }
    }
    eprintln!("cells {cells}, wrong {}, operations without a row {}", wrong.len(), without.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(without.is_empty() && unknown.is_empty(), "without a row: {without:?}; rows of nothing: {unknown:?}");
}
