//! Two records of one call, and where they differ, in words.

use super::blob::Blob;
use super::record::{Asked, CallRecord, Exchange, Outcome};
use crate::fact::written_out;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// More differences than these help nobody.
const MOST: usize = 20;
/// Characters of a value that are shown.
const SHOWN: usize = 80;
/// The same where there is a line for each side.
const SHOWN_IN_DIFF: usize = 240;

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything that a plugin does: the same version must do exactly the same.
    Everything,
    /// What has an effect: answer, writes, requests. Another version may log other lines and word its failures anew.
    Effects,
}

/// One place at which two records of a call differ. In words ([`fmt::Display`]) it is one line, and values are cut; what
/// would act in a terminal is written out, because records hold what strangers sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What differs: "the answer.items[0].title", "the body of GET https://...", "a request", "log line 3".
    pub at: String,
    /// What was there then; none when it was not there.
    pub then: Option<String>,
    /// What is there now; none when it is not there.
    pub now: Option<String>,
    /// A sentence that fits better than "was ..., is ...".
    #[serde(skip)]
    words: Option<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, then, now, words } = self;
        let text = match (words, then, now) {
            (Some(words), ..) => words.clone(),
            (None, Some(then), Some(now)) => {
                let (then, now) = apart(then, now, SHOWN, shown);
                format!("{at} was {then}, is {now}")
            }
            (None, Some(then), None) => format!("{at} was {}, is not there", shown(then)),
            (None, None, Some(now)) => format!("{at} was not there, is {}", shown(now)),
            (None, None, None) => at.clone(),
        };
        f.write_str(&written_out(&text))
    }
}

impl Difference {
    /// For people who mend it: what differs, then one line with `-` for then and one with `+` for now. Long values begin
    /// a little before they part. Whatever the values are, these are three lines.
    pub fn diff(&self) -> String {
        let show = |text: &str| clip(text, SHOWN_IN_DIFF);
        let (then, now) = match (&self.then, &self.now) {
            (Some(then), Some(now)) => apart(then, now, SHOWN_IN_DIFF, show),
            (then, now) => {
                let side = |text: &Option<String>| text.as_deref().map_or_else(|| "(nothing)".to_owned(), show);
                (side(then), side(now))
            }
        };
        format!("{}\n  - {}\n  + {}", written_out(&self.at), written_out(&then), written_out(&now))
    }
}

/// Where `then` and `now` differ, at most twenty of it, in words; empty when they are the same.
pub fn differences(then: &CallRecord, now: &CallRecord, scope: Scope) -> Vec<String> {
    compare(then, now, scope).iter().map(ToString::to_string).collect()
}

/// The same with the values themselves.
pub fn compare(then: &CallRecord, now: &CallRecord, scope: Scope) -> Vec<Difference> {
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

struct Found(Vec<Difference>);

impl Found {
    fn say(&mut self, difference: Difference) {
        if self.0.len() < MOST {
            self.0.push(difference);
        }
    }

    fn pair(&mut self, what: &str, then: Option<&str>, now: Option<&str>) {
        if then.is_some() || now.is_some() {
            let (then, now) = (then.map(str::to_owned), now.map(str::to_owned));
            self.say(Difference { at: what.to_owned(), then, now, words: None });
        }
    }

    /// With a sentence of its own.
    fn worded(&mut self, at: &str, then: Option<String>, now: Option<String>, words: String) {
        self.say(Difference { at: at.to_owned(), then, now, words: Some(words) });
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
            None => {
                let words = format!("it asked {} {}, which it did not ask then", asked.method, shown(&asked.url));
                found.worded("a request", None, Some(request(asked)), words);
            }
            Some(at) => {
                let before = missing.remove(at);
                let what = format!("{} {}", asked.method, clip(&asked.url, SHOWN));
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
        let words = format!("it did not ask {} {}, which it asked then", exchange.method, shown(&exchange.url));
        found.worded("a request", Some(request(exchange)), None, words);
    }
}

/// What the host looked up. A question that was not asked then has no answer now, whatever the scope.
fn asked(then: &[Asked], now: &[Asked], scope: Scope, found: &mut Found) {
    let mut missing: Vec<&Asked> = then.iter().collect();
    for question in now {
        match missing.iter().position(|before| before.what == question.what && before.input == question.input) {
            Some(at) => drop(missing.remove(at)),
            None => {
                let words = format!("it asked {}, which it did not ask then", question_of(question));
                found.worded("a question to the host", None, Some(whole(question)), words);
            }
        }
    }
    if scope == Scope::Everything {
        for question in missing {
            let words = format!("it did not ask {}, which it asked then", question_of(question));
            found.worded("a question to the host", Some(whole(question)), None, words);
        }
    }
}

fn request(exchange: &Exchange) -> String {
    format!("{} {}", exchange.method, exchange.url)
}

fn whole(question: &Asked) -> String {
    format!("{} {}", question.what, question.input)
}

fn question_of(question: &Asked) -> String {
    format!("the host {} {}", question.what, clip(&question.input.to_string(), SHOWN))
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
            let at = format!("the number of {what}");
            let words = format!("{at} was {then}, is {now}");
            found.worded(&at, Some(then.to_string()), Some(now.to_string()), words);
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

fn clip(text: &str, most: usize) -> String {
    let mut clipped: String = text.chars().take(most).collect();
    if clipped.len() < text.len() {
        clipped.push('…');
    }
    clipped
}

fn shown(text: &str) -> String {
    format!("\"{}\"", clip(text, SHOWN))
}

/// Both from where they part, as `show` shows a text: at most so many characters of it.
fn apart(then: &str, now: &str, most: usize, show: impl Fn(&str) -> String) -> (String, String) {
    let start = shared(then, now, most);
    let excerpt = |text: &str| {
        let rest = text.get(start..).unwrap_or_default();
        format!("{}{}", if start == 0 { "" } else { "…" }, show(rest))
    };
    (excerpt(then), excerpt(now))
}

/// How much of the beginning of both is left out, so that two long texts do not look alike: bytes, at a character.
fn shared(then: &str, now: &str, most: usize) -> usize {
    let same: usize = then.chars().zip(now.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    if same < most / 2 {
        return 0;
    }
    let mut start = same - most / 4;
    while !then.is_char_boundary(start) {
        start -= 1;
    }
    start
}
