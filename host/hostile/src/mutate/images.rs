//! Well-formed answers of every kind as they lie in a guest's memory: what the mutator begins with.

/// Where an answer lies. Its pointers are addresses, so it must lie there.
pub(super) const BASE: u32 = 262_144;

/// A head of fixed size, and behind it whatever it points to.
struct Image(Vec<u8>);

impl Image {
    fn new(head: usize) -> Self {
        Self(vec![0; head])
    }

    fn byte(&mut self, at: usize, value: u8) {
        self.0[at] = value;
    }

    fn word(&mut self, at: usize, value: u32) {
        self.0[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    /// A list of so many, which are these bytes.
    fn list(&mut self, at: usize, count: usize, bytes: &[u8]) {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        self.word(at, BASE + u32::try_from(self.0.len()).unwrap());
        self.word(at + 4, u32::try_from(count).unwrap());
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, at: usize, text: &str) {
        self.list(at, text.len(), text.as_bytes());
    }

    fn some_text(&mut self, at: usize, text: &str) {
        self.byte(at, 1);
        self.text(at + 4, text);
    }

    /// Entries of so many bytes each, filled in where they lie.
    fn entries(&mut self, at: usize, size: usize, count: usize, mut fill: impl FnMut(&mut Self, usize)) {
        self.list(at, count, &vec![0; size * count]);
        let first = self.0.len() - size * count;
        for number in 0..count {
            fill(self, first + number * size);
        }
    }

    fn attrs(&mut self, at: usize) {
        self.entries(at, 16, 2, |image, entry| {
            image.text(entry, "ci.branch");
            image.text(entry + 8, "main");
        });
    }

    fn longs(&mut self, at: usize, values: &[i64]) {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.list(at, values.len(), &bytes);
    }

    fn items(&mut self, at: usize) {
        self.entries(at, 64, 2, |image, item| {
            image.text(item, "42:1");
            image.text(item + 8, "ci.pipeline-run");
            image.0[item + 16..item + 24].copy_from_slice(&1_763_800_000_000_i64.to_le_bytes());
            image.text(item + 24, "build");
            image.some_text(item + 32, "https://ci.example.test/42");
            image.attrs(item + 44);
            image.text(
                item + 52,
                r#"{"id":"1","attempt":1,"service":"o/r","title":"t","url":"https://ci.example.test/1"}"#,
            );
        });
    }

    fn failure(&mut self, at: usize) {
        self.byte(at, 3);
        self.text(at + 4, "case.sick");
        self.text(at + 12, "the upstream is not well");
        self.byte(at + 24, 1);
        self.word(at + 32, 1_000);
        self.attrs(at + 40);
    }
}

/// Which export an answer is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Webhook,
    Health,
    Source,
    Actions,
    Notifier,
    Costs,
    Inventory,
}

/// All of them, each with an answer; the failures that every kind knows stand under two.
pub(super) fn answers() -> Vec<(Of, Vec<u8>)> {
    let mut all = Vec::new();
    let mut add = |of, head: usize, fill: &dyn Fn(&mut Image)| {
        let mut image = Image::new(head);
        fill(&mut image);
        all.push((of, image.0));
    };
    add(Of::Webhook, 32, &|image| {
        image.items(8);
        image.some_text(16, "nothing to say");
    });
    add(Of::Health, 32, &|image| {
        image.text(8, "it works");
        image.attrs(16);
    });
    add(Of::Source, 48, &|image| {
        image.items(8);
        image.some_text(16, "page-2");
        image.some_text(28, "checkpoint-2");
    });
    add(Of::Actions, 32, &|image| {
        image.text(8, r#"{"done":true}"#);
        image.items(16);
    });
    add(Of::Notifier, 8, &|image| {
        image.entries(0, 56, 2, |image, answer| {
            image.some_text(answer + 8, "1700000000.0001");
            image.attrs(answer + 20);
        });
    });
    add(Of::Costs, 96, &|image| {
        image.text(8, "EUR");
        image.entries(16, 8, 1, |image, name| image.text(name, "ServiceName"));
        image.entries(24, 8, 1, |image, column| {
            image.entries(column, 8, 2, |image, text| image.text(text, "Compute"));
        });
        let day = 86_400_000;
        image.longs(32, &[1_000_000_000, 2]);
        image.longs(40, &[900_000_000, 1]);
        image.longs(48, &[1_763_769_600_000, 1_763_769_600_000 + day]);
        image.longs(56, &[1_763_769_600_000 + day, 1_763_769_600_000 + 2 * day]);
        image.entries(64, 8, 2, |image, tags| image.attrs(tags));
        image.some_text(72, "page-2");
    });
    add(Of::Inventory, 32, &|image| {
        image.items(8);
        image.some_text(16, "page-2");
    });
    for of in [Of::Webhook, Of::Costs] {
        add(of, 64, &|image| {
            image.byte(0, 1);
            image.failure(8);
        });
    }
    all
}

/// A guest whose every answer is what it finds: a delivery's body, or its state under "image".
pub(super) fn mirror() -> String {
    let found = "(call $found)";
    let kinds = [
        ("health", "check", ""),
        ("source", "pull", "(param i32 i32 i32 i32 i32 i32 i32 i32 i32)"),
        ("actions", "run", "(param i32 i32 i32 i32 i32 i32 i32 i32)"),
        ("notifier", "send", "(param i32 i32 i32 i32)"),
        ("costs", "fetch", "(param i64 i64 i32 i32 i32 i32 i32 i32)"),
        ("inventory", "list-resources", "(param i32 i32 i32 i32 i32 i32)"),
    ];
    let exports: String = kinds
        .iter()
        .map(|(kind, function, params)| {
            format!(r#"(func (export "opssight:plugin/{kind}@1.0.0#{function}") {params} (result i32) {found})"#)
        })
        .collect();
    format!(
        r#"(import "opssight:plugin/state@1.0.0" "get" (func $get (param i32 i32 i32)))
        (data (i32.const 4096) "image")
        (func $found (result i32)
            (global.set $top (i32.const {BASE}))
            (call $get (i32.const 4096) (i32.const 5) (i32.const 3072))
            (i32.const {BASE}))
        {exports}
        (func (export "opssight:plugin/webhook@1.0.0#receive") (param i32 i32 i32 i32 i64) (result i32)
            (memory.copy (i32.const {BASE}) (local.get 2) (local.get 3))
            (i32.const {BASE}))"#
    )
}

/// What the mirror exports.
pub(super) const KINDS: [&str; 7] = ["health", "webhook", "source", "actions", "notifier", "costs", "inventory"];
