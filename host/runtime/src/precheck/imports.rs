//! Which interfaces a plugin may import. The list is short on purpose, and each refusal says why.

use super::PrecheckError;
use crate::budget::Kind;
use wasmparser::ComponentTypeRef;

/// `package:name/interface@1.2.3`, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Interface<'a> {
    /// `package:name/interface`.
    path: &'a str,
    version: &'a str,
}

impl<'a> Interface<'a> {
    fn parse(name: &'a str) -> Self {
        let (path, version) = name.split_once('@').unwrap_or((name, ""));
        Self { path, version }
    }

    /// Whether it is of this line of versions: "0.2" covers "0.2.6", but not "0.20.0".
    fn is(self, line: &str) -> bool {
        self.version.strip_prefix(line).is_some_and(|rest| rest.starts_with('.'))
    }
}

/// The kinds among a component's exports.
pub(crate) fn kinds(exports: &[String]) -> Vec<Kind> {
    let exported = |kind: &Kind| {
        exports.iter().any(|export| {
            let export = Interface::parse(export);
            export.path.strip_prefix("opssight:plugin/") == Some(kind.name()) && export.is("1")
        })
    };
    Kind::ALL.into_iter().filter(exported).collect()
}

const WASI: [&str; 20] = [
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:random/random",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/stderr",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/terminal-stderr",
    "wasi:http/types",
    "wasi:http/outgoing-handler",
];

/// May it be imported?
pub(super) fn allow(name: &str, ty: &ComponentTypeRef) -> Result<(), PrecheckError> {
    let refuse = |why| Err(PrecheckError::Import { import: crate::text::clean(name, 120), why });
    if !matches!(ty, ComponentTypeRef::Instance(_)) {
        return refuse("a plugin imports interfaces and nothing else");
    }
    let interface = Interface::parse(name);
    if interface.path.starts_with("wasi:") {
        return match interface.path {
            _ if interface.is("0.3") => refuse("this host speaks WASI 0.2; build the plugin for wasm32-wasip2"),
            path if path.starts_with("wasi:filesystem/") => {
                refuse("plugins get no files; keep what must last in opssight:plugin/state")
            }
            path if path.starts_with("wasi:sockets/") => {
                refuse("plugins get no sockets; send requests through wasi:http/outgoing-handler")
            }
            path if WASI.contains(&path) && interface.is("0.2") => Ok(()),
            path if WASI.contains(&path) => refuse("this host speaks version 0.2 of it"),
            _ => refuse("plugins do not get this interface"),
        };
    }
    match interface.path.strip_prefix("opssight:plugin/") {
        Some(_) if !interface.is("1") => refuse("this host speaks version 1 of the contract"),
        Some("types" | "log" | "settings" | "state" | "reveal") => Ok(()),
        Some("inference" | "metrics" | "mail") => {
            refuse("the contract has this interface, but this version of the host does not offer it yet")
        }
        Some(_) | None => refuse("this host does not know the interface"),
    }
}

/// What one kind may not do, whatever other plugins may: what a detector sees must stay here.
pub(super) fn allow_together(imports: &[String], kinds: &[Kind]) -> Result<(), PrecheckError> {
    let network = imports.iter().find(|import| import.starts_with("wasi:http/"));
    match network {
        Some(import) if kinds.contains(&Kind::Detector) => Err(PrecheckError::Import {
            import: crate::text::clean(import, 120),
            why: "it exports detector, and a detector sees series and has no network; fetch in a plugin of its own",
        }),
        _ => Ok(()),
    }
}
