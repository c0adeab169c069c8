//! Typing a command, and reading what it prints.

use async_trait::async_trait;
use clap::Parser;
use opssight_author::{AuthorCommand, Host, HostLine, InspectArgs, Talk};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

#[derive(Parser)]
#[command(name = "plugin")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    #[command(flatten)]
    Author(AuthorCommand),
    Inspect(InspectArgs),
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A running host that takes everything and remembers it.
#[derive(Default)]
pub(crate) struct Taken(Mutex<Vec<(Vec<u8>, String)>>);

#[async_trait]
impl Host for Taken {
    async fn install(&self, package: Vec<u8>, digest: &str) -> anyhow::Result<String> {
        self.0.lock().unwrap().push((package, digest.to_owned()));
        Ok("taken".to_owned())
    }

    async fn log(&self, _: &str) -> anyhow::Result<Option<Vec<HostLine>>> {
        Ok(None)
    }
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: u8,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Outcome {
    /// It worked, and this is the JSON that it printed.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// It worked, and this is what it printed.
    pub(crate) fn good(&self) -> &str {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        &self.out
    }

    /// It failed, and this is what it said; nothing of it was data.
    pub(crate) fn bad(&self) -> &str {
        assert_eq!((self.code, self.out.as_str()), (1, ""), "{}", self.err);
        &self.err
    }
}

/// A folder with a component and its manifest.
pub(crate) struct Desk {
    folder: TempDir,
    host: Taken,
}

pub(crate) const MANIFEST: &str = r#"id = "example"
version = "1.0.0"
contract = "1.0"
name = "Example CI"
publisher = "acme"
description = "Pipelines of Example CI."
licence = "Apache-2.0"
"#;

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap(), host: Taken::default() };
        let component = r#"(component
            (import "opssight:plugin/state@1.0.0" (instance))
            (instance $i) (export "opssight:plugin/health@1.0.0" (instance $i)))"#;
        desk.write("component.wasm", &wat::parse_str(component).unwrap());
        desk.write("plugin.toml", MANIFEST.as_bytes());
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap()
    }

    /// The packages that the running host got, with the digests that were agreed to.
    pub(crate) fn taken(&self) -> Vec<(Vec<u8>, String)> {
        self.host.0.lock().unwrap().clone()
    }

    /// A key and a package that is signed with it; the public key.
    pub(crate) async fn signed(&self, name: &str, version: &str) -> String {
        if !self.path("publisher.pem").exists() {
            self.run("keygen @publisher.pem").await.good();
        }
        self.write("plugin.toml", MANIFEST.replace("1.0.0", version).as_bytes());
        let line = format!("pack @component.wasm --manifest @plugin.toml --sign-key @publisher.pem --out @{name}");
        self.run(&line).await.json()["key"].as_str().unwrap().to_owned()
    }

    /// Type a command, with `@` for the desk's folder. Data comes as JSON.
    pub(crate) async fn run(&self, line: &str) -> Outcome {
        self.talk(line, true).await
    }

    /// The same as a person sees it.
    pub(crate) async fn type_in(&self, line: &str) -> Outcome {
        self.talk(line, false).await
    }

    async fn talk(&self, line: &str, json: bool) -> Outcome {
        let words = line.split_whitespace().map(|word| place(word, self.folder.path()));
        let cli = match Cli::try_parse_from(std::iter::once("plugin".to_owned()).chain(words)) {
            Ok(cli) => cli,
            Err(error) => return Outcome { code: 2, out: String::new(), err: error.to_string() },
        };
        let (out, err) = (Buffer::default(), Buffer::default());
        let mut talk = Talk::new(Box::new(out.clone()), Box::new(err.clone()), json, false);
        let done = match cli.command {
            Command::Author(command) => opssight_author::run(command, &mut talk, &self.host).await,
            Command::Inspect(args) => opssight_author::inspect(&args, &mut talk).await,
        };
        let code = done.unwrap_or_else(|error| {
            let chain: Vec<String> = error.chain().map(ToString::to_string).collect();
            // As the binary says it.
            writeln!(err.clone(), "failed to {}", chain.join(": ")).unwrap();
            1
        });
        Outcome { code, out: out.text(), err: err.text() }
    }
}

/// `@name` is a file of the desk, also behind `dir:` and `mirror:`; an `@` inside of a word is a reference's.
fn place(word: &str, folder: &Path) -> String {
    for start in ["", "dir:", "mirror:"] {
        if let Some(name) = word.strip_prefix(start).and_then(|rest| rest.strip_prefix('@')) {
            return format!("{start}{}", folder.join(name).display());
        }
    }
    word.to_owned()
}
