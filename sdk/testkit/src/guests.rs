//! Guests in a few lines of WebAssembly text, made into components with the contract's own WIT: for tests of the host,
//! which need guests that no compiler would make.
#![expect(clippy::unwrap_used, reason = "a guest that does not parse is a mistake in the test that wrote it")]

use serde_json::{Value, json};
use std::path::Path;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What every guest imports if it uses it; what it does not use is not in the component. `things` is an interface of
/// the guest's own, for guests that have resources.
const WORLD: &str = "
    package probe:guest;
    interface things {
        resource thing { constructor(); }
    }
    world guest {
        import opssight:plugin/log@1.0.0;
        import opssight:plugin/settings@1.0.0;
        import opssight:plugin/state@1.0.0;
        import opssight:plugin/reveal@1.0.0;
        import wasi:http/outgoing-handler@0.2.12;
        import wasi:io/poll@0.2.12;
        import wasi:io/streams@0.2.12;
        import wasi:clocks/monotonic-clock@0.2.12;
        import wasi:clocks/wall-clock@0.2.12;
        import wasi:random/random@0.2.12;
        import wasi:cli/environment@0.2.12;
        import wasi:cli/stdout@0.2.12;
        import wasi:cli/stderr@0.2.12;
        import wasi:cli/exit@0.2.12;
        EXPORTS
    }
";

/// A package with these exports (`health`, `webhook`, ...), this code beside memory and allocator, and this manifest.
pub fn package(exports: &[&str], code: &str, manifest: &Value) -> Vec<u8> {
    package_of(&module(code), exports, manifest)
}

/// The same with all of the module's text given.
pub fn package_of(module: &str, exports: &[&str], manifest: &Value) -> Vec<u8> {
    let exports: String = exports
        .iter()
        .map(|kind| match *kind {
            "things" => "export things;\n".to_owned(),
            kind => format!("export opssight:plugin/{kind}@1.0.0;\n"),
        })
        .collect();
    let mut resolve = Resolve::default();
    resolve.push_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/1.0")).unwrap();
    let world = resolve.push_str("guest.wit", &WORLD.replace("EXPORTS", &exports)).unwrap();
    let world = resolve.select_world(&[world], Some("guest")).unwrap();
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let component = ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap();
    opssight_package::embed(&component, &serde_json::from_value(manifest.clone()).unwrap()).unwrap()
}

/// Memory, and an allocator that only goes forward. Address 1024 and the 64 bytes after it stay zero, which reads as
/// "ok" with nothing in it for every export.
fn module(code: &str) -> String {
    format!(
        r#"(module
            {code}
            (memory (export "memory") 32)
            (global $top (mut i32) (i32.const 131072))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (global.set $top (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
                (global.get $top)
                (global.set $top (i32.add (global.get $top) (local.get 3)))))"#
    )
}

/// A manifest that asks for nothing but what is given here.
pub fn manifest(more: Value) -> Value {
    let mut manifest = json!({
        "id": "probe",
        "version": "1.2.3",
        "contract": "1.0",
        "name": "Probe",
        "publisher": "opssight",
        "description": "A guest of the tests.",
        "licence": "Apache-2.0",
        "settings": { "type": "object" },
    });
    manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    manifest
}

/// `check` with this body; it must leave the address of its answer.
pub fn checking(imports: &str, body: &str, more: Value) -> Vec<u8> {
    let code = format!(
        r#"{imports}
        (func $check (export "opssight:plugin/health@1.0.0#check") (result i32)
            {body})"#
    );
    package(&["health"], &code, &manifest(more))
}

/// One kind, whose function has these core parameters and this body, which leaves the address of its answer.
pub fn answering(kind: &str, function: &str, params: &str, body: &str, more: Value) -> Vec<u8> {
    let code = format!(
        r#"(data (i32.const 4096) "EUR") (data (i32.const 4128) "level-shift") (data (i32.const 4160) "ServiceName")
        (data (i32.const 4192) "a c4n4ry-c4n4ry") (data (i32.const 4224) "probe.failed")
        (func (export "opssight:plugin/{kind}@1.0.0#{function}") {params} (result i32)
            {body})"#
    );
    package(&[kind], &code, &manifest(more))
}

/// Does nothing, at once.
pub const NOOP: &str = r#"(module
    (memory (export "memory") 1)
    (global $top (mut i32) (i32.const 4096))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
        (global.set $top (i32.add (local.get $at) (local.get 3)))
        ;; Deliveries of one instance's calls are written over each other.
        (if (i32.gt_u (global.get $top) (i32.const 32768)) (then (global.set $top (i32.const 4096))))
        (local.get $at))
    (func (export "opssight:plugin/health@1.0.0#check") (result i32) (i32.const 1024))
    (func (export "opssight:plugin/webhook@1.0.0#receive") (param i32 i32 i32 i32 i64) (result i32) (i32.const 1024)))"#;

/// `check` sends one request and answers with the body of the response, or fails with the class "upstream".
/// The status is in the first attribute's place of the summary: `<status> <body>`.
pub fn fetching(method: u8, scheme: u8, authority: &str, path: &str, more: Value) -> Vec<u8> {
    let imports = r#"
        (import "wasi:http/types@0.2.12" "[constructor]fields" (func $fields (result i32)))
        (import "wasi:http/types@0.2.12" "[method]fields.append" (func $append (param i32 i32 i32 i32 i32 i32)))
        (import "wasi:http/types@0.2.12" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
        (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-method" (func $method (param i32 i32 i32 i32) (result i32)))
        (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-scheme" (func $scheme (param i32 i32 i32 i32 i32) (result i32)))
        (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-authority" (func $authority (param i32 i32 i32 i32) (result i32)))
        (import "wasi:http/types@0.2.12" "[method]outgoing-request.set-path-with-query" (func $path (param i32 i32 i32 i32) (result i32)))
        (import "wasi:http/outgoing-handler@0.2.12" "handle" (func $handle (param i32 i32 i32 i32)))
        (import "wasi:http/types@0.2.12" "[method]future-incoming-response.subscribe" (func $subscribe (param i32) (result i32)))
        (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))
        (import "wasi:http/types@0.2.12" "[method]future-incoming-response.get" (func $get (param i32 i32)))
        (import "wasi:http/types@0.2.12" "[method]incoming-response.consume" (func $consume (param i32 i32)))
        (import "wasi:http/types@0.2.12" "[method]incoming-body.stream" (func $stream (param i32 i32)))
        (import "wasi:io/streams@0.2.12" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
    "#;
    let data = format!(
        r#"(data (i32.const 4096) "{authority}")
        (data (i32.const 5120) "{path}")
        (data (i32.const 6144) "probe.failed")
        (data (i32.const 6200) "the request did not go through")
        (data (i32.const 6300) "authorization")
        (data (i32.const 6400) "Bearer from-the-guest")
        (func $fail (result i32)
            (i32.store8 (i32.const 2048) (i32.const 1))
            (i32.store8 (i32.const 2056) (i32.const 3))
            (i32.store (i32.const 2060) (i32.const 6144)) (i32.store (i32.const 2064) (i32.const 12))
            (i32.store (i32.const 2068) (i32.const 6200)) (i32.store (i32.const 2072) (i32.const 30))
            (i32.const 2048))"#
    );
    let body = format!(
        r#"(local $headers i32) (local $request i32) (local $future i32)
        (local.set $headers (call $fields))
        (call $append (local.get $headers) (i32.const 6300) (i32.const 13) (i32.const 6400) (i32.const 21) (i32.const 3072))
        (local.set $request (call $request (local.get $headers)))
        (drop (call $method (local.get $request) (i32.const {method}) (i32.const 0) (i32.const 0)))
        (drop (call $scheme (local.get $request) (i32.const 1) (i32.const {scheme}) (i32.const 0) (i32.const 0)))
        (drop (call $authority (local.get $request) (i32.const 1) (i32.const 4096) (i32.const {authority_len})))
        (drop (call $path (local.get $request) (i32.const 1) (i32.const 5120) (i32.const {path_len})))
        (call $handle (local.get $request) (i32.const 0) (i32.const 0) (i32.const 3072))
        (if (i32.load8_u (i32.const 3072)) (then (return (call $fail))))
        (local.set $future (i32.load (i32.const 3080)))
        (call $block (call $subscribe (local.get $future)))
        (call $get (local.get $future) (i32.const 3136))
        (if (i32.load8_u (i32.const 3152)) (then (return (call $fail))))
        (call $consume (i32.load (i32.const 3160)) (i32.const 3200))
        (call $stream (i32.load (i32.const 3204)) (i32.const 3216))
        (call $read (i32.load (i32.const 3220)) (i64.const 65536) (i32.const 3232))
        (if (i32.load8_u (i32.const 3232)) (then (return (i32.const 1024))))
        (i32.store (i32.const 2056) (i32.load (i32.const 3236)))
        (i32.store (i32.const 2060) (i32.load (i32.const 3240)))
        (i32.const 2048)"#,
        authority_len = authority.len(),
        path_len = path.len(),
    );
    let imports = format!("{imports} {data}");
    checking(&imports, &body, more)
}
