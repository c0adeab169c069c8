//! Rows 21 to 23: what a component asks for.

use crate::arena::{Arena, loopback};
use crate::case::{Case, Ran, case};
use crate::outside::{Manners, Upstream, answer};
use crate::rows::cpu::code_of;
use crate::wasm::Fetch;
use anyhow::{bail, ensure};
use opssight_core::plugins::Plugins;
use serde_json::json;

pub(super) const CASES: &[Case] = &[
    case!(Imports "21" "unknown-import", "imports interfaces that nobody offers" => "refuse, naming the import", unknown),
    case!(Imports "22" "wrong-type", "imports a known function with another type" => "refuse", wrong_type),
    case!(Imports "23" "undeclared-import", "can send requests by its imports, its manifest declares none" => "say so before consent; deny every request", undeclared),
    case!(Imports "X5" "odd-import-names", "imports functions, and names with URLs, hashes and control characters" => "refuse", odd_names),
];

async fn unknown(arena: &Arena) -> Ran {
    let names = [
        "acme:own/thing@1.0.0",
        "opssight:plugin/shell@1.0.0",
        "opssight:plugin/log@2.0.0",
        "wasi:keyvalue/store@0.2.0",
        "wasi:nn/inference@0.2.0",
        "wasi:http/incoming-handler@0.2.12",
        "wasi:http/handler@0.3.0",
        "wasi:clocks/monotonic-clock@0.3.0",
        "wasi:sockets/tcp@0.2.6",
        "wasi:sockets/instance-network@0.2.6",
    ];
    for name in names {
        let package = super::packages::component(arena, &format!(r#"(import "{name}" (instance))"#));
        match arena.load(&package).await {
            Err(refusal) if refusal.code == "import" && refusal.message.contains(name) => {}
            Err(refusal) => bail!("{name}: {}: {refusal}", refusal.code),
            Ok(_) => bail!("{name} was let in"),
        }
    }
    Ok(format!("{} refused: import", names.len()))
}

async fn wrong_type(arena: &Arena) -> Ran {
    let import =
        r#"(import "opssight:plugin/settings@1.0.0" (instance (export "all" (func (param "x" u32) (result u64)))))"#;
    match arena.load(&super::packages::component(arena, import)).await {
        Err(refusal) if refusal.code == "does-not-fit" && refusal.message.contains("opssight:plugin/settings") => {
            Ok("refused: does-not-fit".to_owned())
        }
        other => bail!("it ended with {other:?}"),
    }
}

async fn undeclared(arena: &Arena) -> Ran {
    let upstream = Upstream::start(Manners::Fixed(answer(200, &[], b"hello"))).await;
    let authority = upstream.address.to_string();
    let package = Fetch { authority: &authority, ..Fetch::default() }.package(arena.asks(json!({})));
    let contents = arena.host.examine(&package)?;
    ensure!(
        contents.remarks.iter().any(|remark| remark.contains("every request will be refused")),
        "whoever installs it is not told: {:?}",
        contents.remarks
    );
    arena.install(&package).await?;
    let outcome = arena.host.check(&arena.target(json!({}), loopback())).await;
    ensure!(upstream.came() == 0, "{} connections reached the upstream", upstream.came());
    code_of(outcome.map(|_| ()), "egress.denied")
}

async fn odd_names(arena: &Arena) -> Ran {
    let imports = [
        r#"(import "run" (func))"#,
        r#"(import "wasi-http" (func))"#,
        r#"(import "unlocked-dep=<acme:plugin@{>=1.0.0}>" (component))"#,
        r#"(import "locked-dep=<acme:plugin@1.0.0>" (component))"#,
        r#"(import "url=<https://evil.example/x.wasm>" (component))"#,
        r#"(import "integrity=<sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=>" (component))"#,
        r#"(import "opssight:plugin/log@1.0.0" (component))"#,
        r#"(import "wasi:io/poll@0.2.99999999999999999999" (instance))"#,
    ];
    let mut codes = Vec::new();
    for import in imports {
        let bytes = super::packages::component(arena, import);
        match arena.load(&bytes).await {
            Ok(_) => bail!("{import} was let in"),
            Err(refusal) => codes.push(refusal.code),
        }
    }
    codes.sort();
    codes.dedup();
    Ok(format!("refused: {}", codes.join(", ")))
}
