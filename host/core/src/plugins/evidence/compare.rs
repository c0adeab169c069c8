//! Two records of one call, and where they differ, in words.

use super::blob::Blob;
use super::record::{Asked, CallRecord, Exchange, Outcome};
use serde_json::Value;
use std::collections::BTreeMap;

/// More differences than these help nobody.
const MOST: usize = 20;
/// Characters of a value that are shown.
const SHOWN: usize = 80;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything that a plugin does: the same version must do exactly the same.
    Everything,
    /// What has an effect: answer, writes, requests. Another version may log other lines and word its failures anew.
    Effects,
}

/// Where `then` and `now` differ, at most twenty of it; empty when they are the same.
pub fn differences(then: &CallRecord, now: &CallRecord, scope: Scope) -> Vec<String> {
    let mut found = Found(Vec::new());
    outcomes(&then.outcome, &now.outcome, scope, &mut found);
    exchanges(&then.exchanges, &now.exchanges, scope, &mut found);
    asked(&then.asked, &now.asked, scope, &mut found);
    if scope == Scope::Everything {
        readings(then, now, &mut found);
        let line =
            |record: &CallRecord, at: usize| record.log.get(at).map(|line| format!("{}: {}", line.level, line.message));
        for at in 0..then.log.len().max(now.log.len()) {
            let (a, b) = (line(then, at), line(now, at));
            if a != b {
                found.pair(&format!("log line {}", at + 1), a.as_deref(), b.as_deref());
            }
        }
    }
    found.0
}

struct Found(Vec<String>);

impl Found {
    fn say(&mut self, difference: String) {
        if self.0.len() < MOST {
            self.0.push(difference);
        }
    }

    fn pair(&mut self, what: &str, then: Option<&str>, now: Option<&str>) {
        let text = match (then, now) {
            (Some(then), Some(now)) => {
                let (then, now) = apart(then, now);
                format!("{what} was {then}, is {now}")
            }
            (Some(then), None) => format!("{what} was {}, is not there", shown(then)),
            (None, Some(now)) => format!("{what} was not there, is {}", shown(now)),
            (None, None) => return,
        };
        self.say(text);
    }
}

fn outcomes(then: &Outcome, now: &Outcome, scope: Scope, found: &mut Found) {
    match (then, now) {
        (Outcome::Answer { value: a, writes: c }, Outcome::Answer { value: b, writes: d }) => {
            values("the answer", a, b, found);
            let by_key = |writes: &'_ [crate::plugins::StateWrite]| -> BTreeMap<String, Option<Vec<u8>>> {
                writes.iter().map(|write| (write.key.clone(), write.value.clone())).collect()
            };
            let (c, d) = (by_key(c), by_key(d));
            for key in c.keys().chain(d.keys().filter(|key| !c.contains_key(*key))) {
                let (then, now) = (c.get(key), d.get(key));
                if then != now {
                    let (then, now) = (then.map(write), now.map(write));
                    found.pair(&format!("the write to state \"{key}\""), then.as_deref(), now.as_deref());
                }
            }
        }
        (
            Outcome::Failure { fault: a, class: b, code: c, message: d, retry_after_ms: e },
            Outcome::Failure { fault: f, class: g, code: h, message: i, retry_after_ms: j },
        ) => {
            let same = (a, b, c) == (f, g, h) && (scope == Scope::Effects || (d, e) == (i, j));
            if !same {
                found.pair("the failure", Some(&told(then)), Some(&told(now)));
            }
        }
        _ => found.pair("the outcome", Some(&told(then)), Some(&told(now))),
    }
}

fn write(value: &Option<Vec<u8>>) -> String {
    value.as_ref().map_or_else(|| "a removal".to_owned(), |value| text(&Blob(value.clone())))
}

fn told(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answer { value, .. } => format!("an answer, {value}"),
        Outcome::Failure { fault, class, code, message, .. } => {
            format!("a failure, {code} ({class:?}, {fault:?}): {message}")
        }
    }
}

/// Down to the leaves that differ.
fn values(path: &str, then: &Value, now: &Value, found: &mut Found) {
    match (then, now) {
        (Value::Object(a), Value::Object(b)) => {
            for key in a.keys().chain(b.keys().filter(|key| !a.contains_key(*key))) {
                children(&format!("{path}.{key}"), a.get(key), b.get(key), found);
            }
        }
        (Value::Array(a), Value::Array(b)) => {
            for at in 0..a.len().max(b.len()) {
                children(&format!("{path}[{at}]"), a.get(at), b.get(at), found);
            }
        }
        (then, now) if then == now => {}
        (then, now) => found.pair(path, Some(&then.to_string()), Some(&now.to_string())),
    }
}

fn children(path: &str, then: Option<&Value>, now: Option<&Value>, found: &mut Found) {
    match (then, now) {
        (Some(then), Some(now)) => values(path, then, now, found),
        (then, now) => {
            let (then, now) = (then.map(ToString::to_string), now.map(ToString::to_string));
            found.pair(path, then.as_deref(), now.as_deref());
        }
    }
}

/// By what was asked, not by when: requests that are under way together may begin in either order.
fn exchanges(then: &[Exchange], now: &[Exchange], scope: Scope, found: &mut Found) {
    let mut missing: Vec<&Exchange> = then.iter().collect();
    for asked in now {
        let same = |exchange: &&Exchange| exchange.method == asked.method && exchange.url == asked.url;
        let exactly = missing.iter().position(|exchange| same(exchange) && exchange.body == asked.body);
        match exactly.or_else(|| missing.iter().position(same)) {
            None => found.say(format!("it asked {} {}, which it did not ask then", asked.method, shown(&asked.url))),
            Some(at) => {
                let before = missing.remove(at);
                let what = format!("{} {}", asked.method, clip(&asked.url));
                if before.body != asked.body {
                    let (then, now) = (text(&before.body), text(&asked.body));
                    found.pair(&format!("the body of {what}"), Some(&then), Some(&now));
                }
                if scope == Scope::Everything && before.headers != asked.headers {
                    let (then, now) = (headers(before), headers(asked));
                    found.pair(&format!("the headers of {what}"), Some(&then), Some(&now));
                }
            }
        }
    }
    for exchange in missing {
        found.say(format!("it did not ask {} {}, which it asked then", exchange.method, shown(&exchange.url)));
    }
}

/// What the host looked up. A question that was not asked then has no answer now, whatever the scope.
fn asked(then: &[Asked], now: &[Asked], scope: Scope, found: &mut Found) {
    let mut missing: Vec<&Asked> = then.iter().collect();
    for question in now {
        match missing.iter().position(|before| before.what == question.what && before.input == question.input) {
            Some(at) => drop(missing.remove(at)),
            None => found.say(format!("it asked {}, which it did not ask then", question_of(question))),
        }
    }
    if scope == Scope::Everything {
        for question in missing {
            found.say(format!("it did not ask {}, which it asked then", question_of(question)));
        }
    }
}

fn question_of(question: &Asked) -> String {
    format!("the host {} {}", question.what, clip(&question.input.to_string()))
}

/// Read more often than then, clocks go on from their last reading and randomness is made up.
fn readings(then: &CallRecord, now: &CallRecord, found: &mut Found) {
    let counts = [
        ("readings of the wall clock", then.clock.wall.len(), now.clock.wall.len()),
        ("readings of the monotonic clock", then.clock.monotonic.len(), now.clock.monotonic.len()),
        ("random bytes", then.random.0.len(), now.random.0.len()),
    ];
    for (what, then, now) in counts {
        if then != now {
            found.say(format!("the number of {what} was {then}, is {now}"));
        }
    }
}

fn headers(exchange: &Exchange) -> String {
    exchange.headers.iter().map(|(name, value)| format!("{name}: {}", text(value))).collect::<Vec<_>>().join(", ")
}

fn text(blob: &Blob) -> String {
    match std::str::from_utf8(&blob.0) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("{} bytes that are no text", blob.0.len()),
    }
}

fn clip(text: &str) -> String {
    let mut clipped: String = text.chars().take(SHOWN).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped
}

fn shown(text: &str) -> String {
    format!("\"{}\"", clip(text))
}

/// Both from where they part, so that two long texts do not look alike.
fn apart(then: &str, now: &str) -> (String, String) {
    let same: usize = then.chars().zip(now.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    if same < SHOWN / 2 {
        return (shown(then), shown(now));
    }
    let from = |text: &str| {
        let mut start = same - SHOWN / 4;
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        format!("…{}", shown(text.get(start..).unwrap_or_default()))
    };
    (from(then), from(now))
}
