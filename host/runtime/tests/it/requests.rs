//! A guest that sends exactly the request that it is told to: any headers, a body, trailers.

use crate::guests::checking;
use serde_json::Value;
use std::fmt::Write;

/// What to send. Text may hold any bytes; what the contract does not let through stays out.
#[derive(Clone, Default)]
pub(crate) struct Ask {
    pub(crate) method: &'static str,
    pub(crate) https: bool,
    pub(crate) authority: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) trailers: Vec<(String, Vec<u8>)>,
    /// Never read the answer's body.
    pub(crate) leave_body: bool,
}

impl Ask {
    /// `GET http://authority/path`.
    pub(crate) fn get(authority: impl ToString, path: &str) -> Self {
        Self { method: "GET", authority: authority.to_string(), path: path.to_owned(), ..Self::default() }
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    pub(crate) fn post(mut self, body: impl AsRef<[u8]>) -> Self {
        self.method = "POST";
        self.body = Some(body.as_ref().to_vec());
        self
    }

    pub(crate) fn https(mut self) -> Self {
        self.https = true;
        self
    }

    /// A package whose `check` sends it and answers with the start of the answer's body, or fails with "upstream".
    pub(crate) fn package(&self, manifest: Value) -> Vec<u8> {
        let mut data = Data::default();
        let body = self.code(&mut data);
        checking(&format!("{IMPORTS} {} {FAIL}", data.text), &body, manifest)
    }

    fn code(&self, data: &mut Data) -> String {
        let mut code =
            String::from("(local $headers i32) (local $trailers i32) (local $request i32) (local $body i32)");
        code.push_str("(local $stream i32) (local $future i32) (local.set $headers (call $fields))");
        fields(&mut code, data, "$headers", &self.headers);
        code.push_str("(local.set $request (call $request (local.get $headers)))");
        let method = data.put(self.method.as_bytes());
        let scheme = u8::from(self.https);
        let (authority, path) = (data.put(self.authority.as_bytes()), data.put(self.path.as_bytes()));
        write!(
            code,
            "(drop (call $method (local.get $request) (i32.const 9) {method}))
            (drop (call $scheme (local.get $request) (i32.const 1) (i32.const {scheme}) (i32.const 0) (i32.const 0)))
            (drop (call $authority (local.get $request) (i32.const 1) {authority}))
            (drop (call $path (local.get $request) (i32.const 1) {path}))
            (call $outgoing_body (local.get $request) (i32.const 3072))
            (local.set $body (i32.load (i32.const 3076)))
            (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const 3072))
            (if (i32.load8_u (i32.const 3072)) (then (return (call $fail))))
            (local.set $future (i32.load (i32.const 3080)))"
        )
        .unwrap();
        if let Some(body) = &self.body {
            code.push_str(
                "(call $write (local.get $body) (i32.const 3136)) (local.set $stream (i32.load (i32.const 3140)))",
            );
            for piece in body.chunks(4_096) {
                let piece = data.put(piece);
                write!(code, "(call $flush (local.get $stream) {piece} (i32.const 3136))").unwrap();
            }
            code.push_str("(call $drop_stream (local.get $stream))");
        }
        let given = u8::from(!self.trailers.is_empty());
        code.push_str("(local.set $trailers (call $fields))");
        fields(&mut code, data, "$trailers", &self.trailers);
        write!(
            code,
            "(call $finish (local.get $body) (i32.const {given}) (local.get $trailers) (i32.const 3304))
            (call $block (call $subscribe (local.get $future)))
            (call $get (local.get $future) (i32.const 3136))
            (if (i32.load8_u (i32.const 3152)) (then (return (call $fail))))"
        )
        .unwrap();
        if self.leave_body {
            code.push_str("(i32.const 1024)");
            return code;
        }
        code.push_str(
            "(call $consume (i32.load (i32.const 3160)) (i32.const 3200))
            (call $stream (i32.load (i32.const 3204)) (i32.const 3216))
            (call $read (i32.load (i32.const 3220)) (i64.const 65536) (i32.const 3232))
            (if (i32.load8_u (i32.const 3232)) (then (return (i32.const 1024))))
            (i32.store (i32.const 2056) (i32.load (i32.const 3236)))
            (i32.store (i32.const 2060) (i32.load (i32.const 3240)))
            (i32.const 2048)",
        );
        code
    }
}

/// Writes its body for ever instead of once.
pub(crate) fn flooding(ask: &Ask, manifest: Value) -> Vec<u8> {
    let mut data = Data::default();
    let code = ask.code(&mut data);
    let flush = code.find("(call $flush").unwrap();
    let end = flush + code[flush..].find("(call $drop_stream").unwrap();
    let code = format!(
        "{}(loop $again {} (br_if $again (i32.eqz (i32.load8_u (i32.const 3136))))){}",
        &code[..flush],
        &code[flush..end],
        &code[end..]
    );
    checking(&format!("{IMPORTS} {} {FAIL}", data.text), &code, manifest)
}

/// Sends it, and if that went well, sends it again.
pub(crate) fn twice(ask: &Ask, manifest: Value) -> Vec<u8> {
    let mut data = Data::default();
    let code = ask.code(&mut data);
    let functions = format!(
        "(func $once (result i32) {code})
        (func $again (result i32) (if (i32.load8_u (call $once)) (then (return (i32.const 2048)))) (call $once))"
    );
    checking(&format!("{IMPORTS} {} {FAIL} {functions}", data.text), "(call $again)", manifest)
}

fn fields(code: &mut String, data: &mut Data, local: &str, pairs: &[(String, Vec<u8>)]) {
    for (name, value) in pairs {
        let (name, value) = (data.put(name.as_bytes()), data.put(value));
        write!(code, "(call $append (local.get {local}) {name} {value} (i32.const 3072))").unwrap();
    }
}

/// Bytes in the guest's memory, from 8192 on.
#[derive(Default)]
struct Data {
    text: String,
    used: usize,
}

impl Data {
    /// Address and length, as two constants.
    fn put(&mut self, bytes: &[u8]) -> String {
        let at = 8_192 + self.used;
        self.used += bytes.len();
        assert!(at + bytes.len() < 131_072, "the allocator begins there");
        let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        write!(self.text, "(data (i32.const {at}) \"{escaped}\")").unwrap();
        format!("(i32.const {at}) (i32.const {})", bytes.len())
    }
}

const FAIL: &str = r#"
    (data (i32.const 6144) "probe.failed") (data (i32.const 6200) "the request did not go through")
    (func $fail (result i32)
        (i32.store8 (i32.const 2048) (i32.const 1))
        (i32.store8 (i32.const 2056) (i32.const 3))
        (i32.store (i32.const 2060) (i32.const 6144)) (i32.store (i32.const 2064) (i32.const 12))
        (i32.store (i32.const 2068) (i32.const 6200)) (i32.store (i32.const 2072) (i32.const 30))
        (i32.const 2048))"#;

const IMPORTS: &str = r#"
    (import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
    (import "wasi:http/types@0.2.12" "[method]fields.append" (func $append (param i32 i32 i32 i32 i32 i32)))
    (import "wasi:http/types@0.2.12" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-method" (func $method (param i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-scheme" (func $scheme (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-authority" (func $authority (param i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-path-with-query" (func $path (param i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.2.12" "[method]outgoing-request.body" (func $outgoing_body (param i32 i32)))
    (import "wasi:http/types@0.2.12" "[method]outgoing-body.write" (func $write (param i32 i32)))
    (import "wasi:http/types@0.2.12" "[static]outgoing-body.finish" (func $finish (param i32 i32 i32 i32)))
    (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush" (func $flush (param i32 i32 i32 i32)))
    (import "wasi:io/streams@0.2.12" "[resource-drop]output-stream" (func $drop_stream (param i32)))
    (import "wasi:http/outgoing-handler@0.2.12" "handle" (func $handle (param i32 i32 i32 i32)))
    (import "wasi:http/types@0.2.12" "[method]future-incoming-response.subscribe" (func $subscribe (param i32) (result i32)))
    (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
    (import "wasi:http/types@0.2.12" "[method]future-incoming-response.get" (func $get (param i32 i32)))
    (import "wasi:http/types@0.2.12" "[method]incoming-response.consume" (func $consume (param i32 i32)))
    (import "wasi:http/types@0.2.12" "[method]incoming-body.stream" (func $stream (param i32 i32)))
    (import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
"#;
