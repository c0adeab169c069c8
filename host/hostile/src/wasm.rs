//! Guests as text: pieces that many cases share.

use opssight_testkit::guests::checking;
use serde_json::Value;
use std::fmt::Write;

/// Bytes as they stand in a WebAssembly text.
pub(crate) fn literal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _written = write!(text, "\\{byte:02x}");
        text
    })
}

/// Texts in a guest's memory, from 8192 up to 65536.
pub(crate) struct Texts {
    data: String,
    next: usize,
}

impl Texts {
    pub(crate) fn new() -> Self {
        Self { data: String::new(), next: 8_192 }
    }

    /// Where a text is, as two arguments.
    pub(crate) fn put(&mut self, text: impl AsRef<[u8]>) -> String {
        let (at, bytes) = (self.next, text.as_ref());
        self.next += bytes.len();
        assert!(self.next <= 65_536, "a guest of this corpus holds too much text");
        let _written = writeln!(self.data, "(data (i32.const {at}) \"{}\")", literal(bytes));
        format!("(i32.const {at}) (i32.const {})", bytes.len())
    }

    pub(crate) fn data(&self) -> &str {
        &self.data
    }
}

/// `health.check` answers with a failure of the class "upstream".
pub(crate) fn failing(texts: &mut Texts) -> String {
    let (code, message) = (texts.put("case.failed"), texts.put("the request did not go through"));
    let place = |at: u32, text: &str| {
        let (start, length) = text.split_once(") (").unwrap();
        format!("(i32.store (i32.const {at}) {start})) (i32.store (i32.const {}) ({length})", at + 4)
    };
    format!(
        r#"(func $fail (result i32)
            (i32.store8 (i32.const 2048) (i32.const 1))
            (i32.store8 (i32.const 2056) (i32.const 3))
            {} {}
            (i32.const 2048))"#,
        place(2_060, &code),
        place(2_068, &message)
    )
}

/// `check` with this body that never comes to an end by itself.
pub(crate) fn endless(imports: &str, body: &str, asks: Value) -> Vec<u8> {
    checking(imports, &format!("(loop $again {body} (br $again)) (unreachable)"), asks)
}

pub(crate) const HTTP: &str = r#"
    (import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
    (import "wasi:http/types@0.2.12" "[method]fields.append" (func $append (param i32 i32 i32 i32 i32 i32)))
    (import "wasi:http/types@0.2.12" "[method]fields.entries" (func $entries (param i32 i32)))
    (import "wasi:http/types@0.2.12" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-method" (func $method (param i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-scheme" (func $scheme (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-authority" (func $authority (param i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-path-with-query" (func $path (param i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]outgoing-request.body" (func $out_body (param i32 i32)))
    (import "wasi:http/types@0.2.12" "[method]outgoing-body.write" (func $out_write (param i32 i32)))
    (import "wasi:http/types@0.2.12" "[constructor]request-options" (func $options (result i32)))
    (import "wasi:http/types@0.2.12" "[method]request-options.set-connect-timeout" (func $connect_timeout (param i32 i32 i64) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]request-options.set-first-byte-timeout" (func $first_timeout (param i32 i32 i64) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]request-options.set-between-bytes-timeout" (func $between_timeout (param i32 i32 i64) (result i32)))
    (import "wasi:http/outgoing-handler@0.2.12" "handle" (func $handle (param i32 i32 i32 i32)))
    (import "wasi:http/types@0.2.12" "[method]future-incoming-response.subscribe" (func $subscribe (param i32) (result i32)))
    (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:http/types@0.2.12" "[method]future-incoming-response.get" (func $get (param i32 i32)))
    (import "wasi:http/types@0.2.12" "[method]incoming-response.headers" (func $headers (param i32) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]incoming-response.consume" (func $consume (param i32 i32)))
    (import "wasi:http/types@0.2.12" "[method]incoming-body.stream" (func $stream (param i32 i32)))
    (import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
    (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush" (func $write (param i32 i32 i32 i32)))
    (import "opssight:plugin/state@1.0.0" "set" (func $set (param i32 i32 i32 i32 i32)))
    (import "opssight:plugin/log@1.0.0" "log" (func $log (param i32 i32 i32 i32 i32)))
    (import "wasi:http/types@0.2.12" "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
    (import "wasi:io/streams@0.2.12" "[resource-drop]output-stream" (func $drop_stream (param i32)))
"#;

/// What a guest needs to wait.
pub(crate) const SLEEP: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $subscribe (param i64) (result i32)))
    (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))"#;

/// An hour, which is longer than any call may take.
pub(crate) const FOR_AN_HOUR: &str = "(call $block (call $subscribe (i64.const 3600000000000)))";

/// What a guest does with the answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// The first piece of the body is its summary.
    Say,
    /// It takes everything in, and writes all that it ever got into its state under "dump", into its log and into the
    /// summary.
    Keep,
    /// It never looks at it.
    Ignore,
}

/// One outgoing request, as a guest makes it. What the host's interface refuses is left out, and the request is sent
/// without it.
pub(crate) struct Fetch<'a> {
    pub(crate) method: u8,
    pub(crate) https: bool,
    pub(crate) authority: &'a str,
    pub(crate) path: &'a str,
    /// Where the guest has the path instead, as two arguments.
    pub(crate) path_at: Option<&'a str>,
    /// Ends its body with these trailers.
    pub(crate) trailers: &'a [(&'a str, &'a [u8])],
    pub(crate) headers: &'a [(&'a str, &'a [u8])],
    /// Nanoseconds, for all three timeouts.
    pub(crate) timeout: Option<u64>,
    /// Send a body without end.
    pub(crate) flood: bool,
    pub(crate) then: Then,
    /// So many requests, one after the other; the last answer counts.
    pub(crate) times: u32,
    /// And each time so many of them at once, before it looks at the first answer.
    pub(crate) at_once: u32,
}

impl Default for Fetch<'_> {
    fn default() -> Self {
        let (authority, path) = ("", "/");
        Self {
            method: 0,
            https: false,
            authority,
            path,
            path_at: None,
            trailers: &[],
            headers: &[],
            timeout: None,
            flood: false,
            then: Then::Say,
            times: 1,
            at_once: 1,
        }
    }
}

/// Waits for the answer to a request that was begun.
const END: &str = "
    (call $block (call $subscribe (local.get $future)))
    (call $get (local.get $future) (i32.const 3136))
    (if (i32.load8_u (i32.const 3152)) (then (return (call $fail))))
    (local.set $response (i32.load (i32.const 3160)))";

impl Fetch<'_> {
    pub(crate) fn package(&self, asks: Value) -> Vec<u8> {
        let mut texts = Texts::new();
        let failing = failing(&mut texts);
        let (begin, end) = (self.begin(&mut texts), END);
        let then = then(self.then, &mut texts);
        let body = format!(
            r#"(local $fields i32) (local $request i32) (local $options i32) (local $future i32) (local $body i32)
            (local $stream i32) (local $left i32) (local $at i32) (local $response i32)
            (local.set $left (i32.const {times}))
            (loop $again
                (local.set $at (i32.const {at_once}))
                (loop $begin
                    {begin}
                    (i32.store (i32.add (i32.const 4096) (i32.shl (local.get $at) (i32.const 2))) (local.get $future))
                    (local.set $at (i32.sub (local.get $at) (i32.const 1)))
                    (br_if $begin (local.get $at)))
                (local.set $at (i32.const {at_once}))
                (loop $end
                    (local.set $future (i32.load (i32.add (i32.const 4096) (i32.shl (local.get $at) (i32.const 2)))))
                    {end}
                    (local.set $at (i32.sub (local.get $at) (i32.const 1)))
                    (br_if $end (local.get $at)))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (br_if $again (local.get $left)))
            {then}"#,
            times = self.times,
            at_once = self.at_once
        );
        checking(&format!("{HTTP} {} {failing}", texts.data()), &body, asks)
    }

    /// What a guest needs to send this, and around it whatever `around` makes of the sending.
    pub(crate) fn within(&self, around: impl Fn(&str) -> String) -> String {
        let mut texts = Texts::new();
        let failing = failing(&mut texts);
        let send = self.send(&mut texts);
        format!("{HTTP} {} {failing} {}", texts.data(), around(&send))
    }

    /// One request, and its answer.
    fn send(&self, texts: &mut Texts) -> String {
        self.begin(texts) + END
    }

    /// One request, without looking at its answer.
    fn begin(&self, texts: &mut Texts) -> String {
        let (authority, path) = (texts.put(self.authority), texts.put(self.path));
        let path = self.path_at.unwrap_or(&path);
        let mut headers = String::new();
        for (name, value) in self.headers {
            let (name, value) = (texts.put(name), texts.put(value));
            let _written = writeln!(headers, "(call $append (local.get $fields) {name} {value} (i32.const 3072))");
        }
        let options = self.timeout.map_or_else(String::new, |timeout| {
            let set = |which: &str| {
                format!("(drop (call ${which} (local.get $options) (i32.const 1) (i64.const {timeout})))")
            };
            format!(
                "(local.set $options (call $options)) {} {} {}",
                set("connect_timeout"),
                set("first_timeout"),
                set("between_timeout")
            )
        });
        let flood = if self.flood {
            r#"(loop $more
                (call $write (local.get $stream) (i32.const 131072) (i32.const 4096) (i32.const 3104))
                (br_if $more (i32.eqz (i32.load8_u (i32.const 3104)))))"#
        } else {
            ""
        };
        let has_body = self.flood || !self.trailers.is_empty();
        let open = if has_body {
            r#"(call $out_body (local.get $request) (i32.const 3104)) (local.set $body (i32.load (i32.const 3108)))
            (call $out_write (local.get $body) (i32.const 3104)) (local.set $stream (i32.load (i32.const 3108)))"#
        } else {
            ""
        };
        let mut ends = String::new();
        if !self.trailers.is_empty() {
            ends.push_str("(call $drop_stream (local.get $stream)) (local.set $fields (call $fields))");
            for (name, value) in self.trailers {
                let (name, value) = (texts.put(name), texts.put(value));
                let _written = writeln!(ends, "(call $append (local.get $fields) {name} {value} (i32.const 3072))");
            }
            ends.push_str("(call $finish (local.get $body) (i32.const 1) (local.get $fields) (i32.const 3072))");
        }
        format!(
            r#"(local.set $fields (call $fields))
            {headers}
            (local.set $request (call $request (local.get $fields)))
            (drop (call $method (local.get $request) (i32.const {method}) (i32.const 0) (i32.const 0)))
            (drop (call $scheme (local.get $request) (i32.const 1) (i32.const {scheme}) (i32.const 0) (i32.const 0)))
            (drop (call $authority (local.get $request) (i32.const 1) {authority}))
            (drop (call $path (local.get $request) (i32.const 1) {path}))
            {options} {open}
            (call $handle (local.get $request) (i32.const {has_options}) (local.get $options) (i32.const 3072))
            (if (i32.load8_u (i32.const 3072)) (then (return (call $fail))))
            (local.set $future (i32.load (i32.const 3080)))
            {flood} {ends}"#,
            method = self.method,
            scheme = u8::from(self.https),
            has_options = u8::from(self.timeout.is_some()),
        )
    }
}

fn then(then: Then, texts: &mut Texts) -> String {
    let dump = texts.put("dump");
    match then {
        Then::Ignore => "(i32.const 1024)".to_owned(),
        Then::Say => r#"
            (call $consume (local.get $response) (i32.const 3200))
            (call $stream (i32.load (i32.const 3204)) (i32.const 3216))
            (call $read (i32.load (i32.const 3220)) (i64.const 65536) (i32.const 3232))
            (if (i32.load8_u (i32.const 3232)) (then (return (i32.const 1024))))
            (i32.store (i32.const 2056) (i32.load (i32.const 3236)))
            (i32.store (i32.const 2060) (i32.load (i32.const 3240)))
            (i32.const 2048)"#
            .to_owned(),
        Then::Keep => format!(
            r#"
            (call $entries (call $headers (local.get $response)) (i32.const 3200))
            (call $consume (local.get $response) (i32.const 3200))
            (call $stream (i32.load (i32.const 3204)) (i32.const 3216))
            (block $end (loop $more
                (call $read (i32.load (i32.const 3220)) (i64.const 65536) (i32.const 3232))
                (br_if $end (i32.load8_u (i32.const 3232)))
                (call $log (i32.const 2) (i32.load (i32.const 3236)) (i32.load (i32.const 3240)) (i32.const 0) (i32.const 0))
                (i32.store (i32.const 2056) (i32.load (i32.const 3236)))
                (i32.store (i32.const 2060) (i32.load (i32.const 3240)))
                (br_if $more (i32.lt_u (global.get $top) (i32.const 380000)))))
            (call $set {dump} (i32.const 131072)
                (i32.sub (global.get $top) (i32.const 131072)) (i32.const 3248))
            (i32.const 2048)"#
        ),
    }
}

/// One rule for this base address, without a credential.
pub(crate) fn rule(url: &str) -> Value {
    serde_json::json!([{ "url": url, "methods": ["GET", "POST"], "reason": "to attack" }])
}

/// What a thief ends a call with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// With what it got, as a summary and as a note.
    Well,
    /// With what it got, as an error's code and message.
    Badly,
}

/// A plugin that asks this authority over plain http for whatever path, and then tells everybody what it was answered:
/// its log, its state (all of its memory that the host ever wrote to), its answer or its error. It takes deliveries
/// and health checks. `manifest` must have an egress rule for the authority.
pub fn thief(authority: &str, path: &str, ends: Ends, manifest: &Value) -> Vec<u8> {
    let mut texts = Texts::new();
    let failing = failing(&mut texts);
    let fetch = Fetch { authority, path, headers: &[("x-wish", b"{{secret:api}} {api}")], ..Fetch::default() };
    let (send, keep) = (fetch.send(&mut texts), then(Then::Keep, &mut texts));
    let badly = "(i32.store8 (i32.const 2048) (i32.const 1))
        (i32.store (i32.const 2068) (i32.load (i32.const 2056))) (i32.store (i32.const 2072) (i32.load (i32.const 2060)))
        (i32.store (i32.const 2064) (i32.load (i32.const 2060))) (i32.store (i32.const 2060) (i32.load (i32.const 2056)))
        (i32.store (i32.const 2056) (i32.const 6))";
    let badly = if ends == Ends::Badly { badly } else { "" };
    let code = format!(
        r#"{HTTP} {} {failing}
        (func $steal (result i32)
            (local $fields i32) (local $request i32) (local $options i32) (local $future i32) (local $body i32)
            (local $stream i32) (local $response i32)
            {send} {keep})
        (func (export "opssight:plugin/health@1.0.0#check") (result i32)
            (drop (call $steal))
            (if (i32.eqz (i32.load8_u (i32.const 2048))) (then {badly}))
            (i32.const 2048))
        (func (export "opssight:plugin/webhook@1.0.0#receive") (param i32 i32 i32 i32 i64) (result i32)
            (drop (call $steal))
            (if (i32.load8_u (i32.const 2048)) (then (return (i32.const 2048))))
            {badly}
            (if (i32.load8_u (i32.const 2048)) (then (return (i32.const 2048))))
            (i32.store (i32.const 2064) (i32.const 1))
            (i32.store (i32.const 2068) (i32.load (i32.const 2056))) (i32.store (i32.const 2072) (i32.load (i32.const 2060)))
            (i32.store (i32.const 2056) (i32.const 0)) (i32.store (i32.const 2060) (i32.const 0))
            (i32.const 2048))"#,
        texts.data()
    );
    opssight_testkit::guests::package(&["health", "webhook"], &code, manifest)
}
