//! A guest whose answer to a delivery is fixed: items as they lie in its memory.

use crate::arena::Arena;
use crate::wasm::literal;
use opssight_testkit::guests::{manifest, package_of};
use serde_json::{Value, json};

/// One item of an answer.
#[derive(Clone)]
pub(super) struct Thing {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) at: i64,
    pub(super) title: String,
    pub(super) url: Option<String>,
    pub(super) payload: Vec<u8>,
}

impl Default for Thing {
    fn default() -> Self {
        Self {
            id: "1".to_owned(),
            kind: "ci.pipeline-run".to_owned(),
            at: 1_763_800_000_000,
            title: "build".to_owned(),
            url: None,
            payload: br#"{"id":"1","attempt":1,"service":"o/r"}"#.to_vec(),
        }
    }
}

const BASE: usize = 65_536;
/// Of one item by the canonical ABI.
const SIZE: usize = 64;

struct Image {
    items: Vec<u8>,
    texts: Vec<u8>,
    texts_at: usize,
}

impl Image {
    fn word(&mut self, value: usize) {
        self.items.extend(u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn text(&mut self, bytes: &[u8]) {
        let at = self.texts_at + self.texts.len();
        self.texts.extend_from_slice(bytes);
        self.word(at);
        self.word(bytes.len());
    }

    fn item(&mut self, thing: &Thing) {
        self.text(thing.id.as_bytes());
        self.text(thing.kind.as_bytes());
        self.items.extend(thing.at.to_le_bytes());
        self.text(thing.title.as_bytes());
        self.word(usize::from(thing.url.is_some()));
        self.text(thing.url.as_deref().unwrap_or_default().as_bytes());
        self.word(0);
        self.word(0);
        self.text(&thing.payload);
        self.word(0);
    }
}

/// Where the first item lies.
pub(super) const FIRST: usize = BASE;

/// `receive` answers with these.
pub(super) fn giving(arena: &Arena, things: &[Thing]) -> Vec<u8> {
    giving_after(arena, things, "", "", json!({}))
}

/// The same after `first`, which has the delivery in its parameters 2 (where its body is) and 3 (how long that is),
/// with these imports, and with more in its manifest.
pub(super) fn giving_after(arena: &Arena, things: &[Thing], imports: &str, first: &str, more: Value) -> Vec<u8> {
    let receive = r#"(export "opssight:plugin/webhook@1.0.0#receive") (param i32 i32 i32 i32 i64)"#;
    // The version makes packages of one case different ones.
    package_of(&module(things, imports, receive, first), &["webhook"], &manifest(arena.asks(more)))
}

/// Each page of its feeds is these, and the last one.
pub(super) fn feeding(things: &[Thing], about: Value) -> Vec<u8> {
    let pull = r#"(export "opssight:plugin/source@1.0.0#pull") (param i32 i32 i32 i32 i32 i32 i32 i32 i32)"#;
    package_of(&module(things, "", pull, ""), &["source"], &manifest(about))
}

/// With one function, which answers with these.
fn module(things: &[Thing], imports: &str, function: &str, first: &str) -> String {
    let mut image = Image { items: Vec::new(), texts: Vec::new(), texts_at: BASE + things.len() * SIZE };
    things.iter().for_each(|thing| image.item(thing));
    let bytes = [image.items, image.texts].concat();
    let top = (BASE + bytes.len()).next_multiple_of(16);
    let pages = (top + (1 << 20)).div_ceil(65_536);
    format!(
        r#"(module {imports}
        (memory (export "memory") {pages})
        (global $top (mut i32) (i32.const {top}))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (global.set $top (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
            (global.get $top)
            (global.set $top (i32.add (global.get $top) (local.get 3))))
        (data (i32.const {BASE}) "{}")
        (func {function} (result i32)
            {first}
            (i32.store (i32.const 2056) (i32.const {BASE}))
            (i32.store (i32.const 2060) (i32.const {}))
            (i32.const 2048)))"#,
        literal(&bytes),
        things.len()
    )
}
