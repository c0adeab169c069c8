//! What is mutated: packages, their components and manifests, answers of guests and of upstreams. A mutant depends on
//! nothing but its seed and its number, so that any process can make it again.

use super::images::{self, Of};
use crate::dice::{Dice, mutated};
use crate::rows::add_section;
use crate::wasm::{Fetch, rule};
use flate2::write::GzEncoder;
use opssight_package::SECTION;
use opssight_testkit::guests::{NOOP, manifest, package, package_of};
use serde_json::{Value, json};
use std::io::Write;

/// The plugin that mutants of packages claim to be.
pub(super) const PLUGIN: &str = "mutant";

/// What a mutant is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    /// A whole file.
    Package,
    /// A component whose manifest is sound.
    Component,
    /// A manifest in a sound component.
    Manifest,
    /// What a guest answers, of the kind at this place of [`Seeds::answers`].
    Answer(usize),
    /// What an upstream answers.
    Response,
}

impl Target {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Component => "component",
            Self::Manifest => "manifest",
            Self::Answer(_) => "answer",
            Self::Response => "response",
        }
    }
}

/// One attack.
pub(super) struct Mutant {
    pub(super) target: Target,
    pub(super) bytes: Vec<u8>,
}

/// What mutants begin as.
pub(super) struct Seeds {
    packages: Vec<Vec<u8>>,
    /// What carries manifests.
    component: Vec<u8>,
    manifest: Value,
    pub(super) answers: Vec<(Of, Vec<u8>)>,
    responses: Vec<Vec<u8>>,
}

impl Seeds {
    pub(super) fn new() -> Self {
        let about = |more: Value| {
            let mut asks = json!({ "id": PLUGIN, "budgets": {
                "health": { "cpu_ms": 100, "wall_ms": 1500 }, "webhook": { "cpu_ms": 100, "wall_ms": 1500 },
            } });
            asks.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            asks
        };
        // It has every export, so that a manifest may declare whatever it likes.
        let whole = package(&images::KINDS, &images::mirror(), &manifest(about(everything())));
        let component = whole[..component_of(&whole)].to_vec();
        let asking = Fetch { authority: "127.0.0.1:1", ..Fetch::default() };
        Self {
            packages: vec![
                whole,
                package_of(NOOP, &["health", "webhook"], &manifest(about(json!({})))),
                asking.package(about(json!({ "egress": rule("http://127.0.0.1:1") }))),
            ],
            component,
            manifest: manifest(about(everything())),
            answers: images::answers(),
            responses: responses(),
        }
    }

    /// The mutant of this number. Answers cost next to nothing and are most of them; compiling one is dear.
    pub(super) fn mutant(&self, seed: u64, number: u64) -> Mutant {
        let mut dice = Dice::of(seed, number);
        let dice = &mut dice;
        let twice = |dice: &mut Dice, bytes: &[u8]| {
            let once = mutated(dice, bytes);
            if dice.below(3) == 0 { mutated(dice, &once) } else { once }
        };
        match number % 32 {
            0 => {
                let at = dice.below(self.packages.len());
                Mutant { target: Target::Package, bytes: twice(dice, &self.packages[at]) }
            }
            1 => {
                let at = dice.below(self.packages.len());
                let whole = &self.packages[at];
                let (component, rest) = whole.split_at(component_of(whole));
                Mutant { target: Target::Component, bytes: [twice(dice, component).as_slice(), rest].concat() }
            }
            2..6 => {
                let mut bytes = self.component.clone();
                add_section(&mut bytes, SECTION, &self.manifest(dice));
                Mutant { target: Target::Manifest, bytes }
            }
            6..10 => {
                let at = dice.below(self.responses.len());
                Mutant { target: Target::Response, bytes: twice(dice, &self.responses[at]) }
            }
            _ => {
                let at = dice.below(self.answers.len());
                let mut bytes = twice(dice, &self.answers[at].1);
                // Guests have room for so much.
                bytes.truncate(60_000);
                Mutant { target: Target::Answer(at), bytes }
            }
        }
    }

    fn manifest(&self, dice: &mut Dice) -> Vec<u8> {
        let mut manifest = self.manifest.clone();
        for _ in 0..=dice.below(3) {
            change(dice, &mut manifest, 0);
        }
        let text = manifest.to_string().into_bytes();
        if dice.below(4) == 0 { mutated(dice, &text) } else { text }
    }
}

/// So much of a package is its component.
fn component_of(package: &[u8]) -> usize {
    let name = memchr::memmem::rfind(package, SECTION.as_bytes()).unwrap_or(package.len());
    // Before the name stand its length, the section's length (up to five bytes) and its number.
    let from = name.saturating_sub(7);
    let number = package[from..name].iter().position(|byte| *byte == 0).unwrap_or(0);
    from + number
}

/// Put something else at one place of a document.
fn change(dice: &mut Dice, value: &mut Value, depth: usize) {
    let goes_deeper = depth < 8 && dice.below(6) != 0;
    match value {
        Value::Object(fields) if goes_deeper && !fields.is_empty() => {
            let at = dice.below(fields.len());
            let Some(name) = fields.keys().nth(at).cloned() else { return };
            match dice.below(8) {
                0 => drop(fields.remove(&name)),
                1 => {
                    let odd = odd(dice);
                    fields.insert(format!("{name}{}", dice.pick(&["", "x", "\u{0}", "\u{202e}"])), odd);
                }
                _ => change(dice, &mut fields[&name], depth + 1),
            }
        }
        Value::Array(values) if goes_deeper && !values.is_empty() => {
            let at = dice.below(values.len());
            match dice.below(8) {
                0 => drop(values.remove(at)),
                1 => {
                    let again = values[at].clone();
                    values.insert(at, again);
                }
                _ => change(dice, &mut values[at], depth + 1),
            }
        }
        other => *other = odd(dice),
    }
}

fn odd(dice: &mut Dice) -> Value {
    const TEXTS: [&str; 22] = [
        "",
        " ",
        "..",
        "../../x",
        "a\u{0}b",
        "a\nb",
        "\u{1b}[2J",
        "\u{202e}txt",
        "\u{200b}",
        "{",
        "{setting:}",
        "{setting:base_url}{",
        "{}",
        "https://",
        "https://a.test:99999",
        "https://u:p@a.test",
        "javascript:alert(1)",
        "http://[::1%25lo]/",
        "1.0",
        "99999999999999999999.0.0",
        "GET POST",
        "$ref",
    ];
    match dice.below(12) {
        0 => Value::Null,
        1 => json!(dice.below(2) == 0),
        2 => json!(dice.roll()),
        3 => json!(-1),
        4 => json!(i64::MIN),
        5 => json!(u64::MAX),
        6 => json!(1e308),
        7 => json!([]),
        8 => json!({ "$ref": "#" }),
        9 => json!("x".repeat(dice.below(5_000))),
        10 => (0..dice.below(40)).fold(json!(1), |deep, _| json!([deep])),
        _ => json!(dice.pick(&TEXTS)),
    }
}

/// One of all that a manifest can say.
fn everything() -> Value {
    let secret = |name: &str| json!({ "name": name, "title": name, "secret": true });
    json!({
        "homepage": "https://a.test/docs",
        "settings": { "type": "object", "properties": { "base_url": { "type": "string" } }, "required": ["base_url"] },
        "credentials": [
            { "name": "api", "title": "API", "schemes": [
                { "scheme": "bearer", "title": "T", "inputs": [secret("token")] },
                { "scheme": "header", "title": "H", "header": "x-api-key", "inputs": [secret("token")] },
                { "scheme": "query", "title": "Q", "parameter": "key", "inputs": [secret("token")] },
                { "scheme": "oauth2-client-credentials", "title": "O", "token_url": "{setting:base_url}/token",
                    "inputs": [{ "name": "client_id", "title": "I" }, secret("client_secret")] },
            ] },
            { "name": "hook", "title": "Hook", "schemes": [
                { "scheme": "hmac-sha256", "title": "S", "inputs": [secret("secret")] },
            ] },
        ],
        "egress": [
            { "url": "{setting:base_url}", "methods": ["GET", "POST"], "credential": "api", "reason": "to look" },
            { "url": "https://b.test/x", "methods": ["GET"], "reason": "to look there" },
        ],
        "webhook": {
            "credential": "hook", "headers": ["x-event"], "delivery_id": "x-delivery", "event": "x-event",
            "verification": { "scheme": "hmac-sha256", "header": "x-signature", "prefix": "v1=", "encoding": "hex", "input": "secret" },
        },
        "feeds": [{ "name": "runs", "title": "Runs", "every_secs": 60, "priority": "live" }],
        "actions": [{
            "name": "rerun", "title": "Run again", "description": "Runs it again.", "subject": "run",
            "role": "operator", "danger": "safe",
            "input": { "type": "object", "properties": { "run_id": { "type": "string" } } },
        }],
    })
}

/// Answers as upstreams give them.
fn responses() -> Vec<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&b"hello ".repeat(500)).unwrap();
    let packed = gzip.finish().unwrap();
    let with = |head: &str, body: &[u8]| [head.as_bytes(), body].concat();
    let length = packed.len();
    vec![
        with("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\n", b"hello"),
        with(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-after\r\n\r\n",
            b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nx-after: 1\r\n\r\n",
        ),
        with(&format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n"), &packed),
        with(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            b"till the end",
        ),
        with("HTTP/1.0 404 Not Found\r\nconnection: close\r\n\r\n", b"gone"),
        with(
            "HTTP/1.1 429 Wait\r\nretry-after: 30\r\nx-ratelimit-limit: 100\r\nx-ratelimit-remaining: 0\r\nx-ratelimit-reset: 1763800100\r\ncontent-length: 0\r\n\r\n",
            b"",
        ),
        with(
            "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\nset-cookie: a=b\r\ncontent-length: 0\r\n\r\n",
            b"",
        ),
    ]
}
