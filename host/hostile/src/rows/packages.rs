//! Row 74: packages, and who vouches for them.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use crate::desk::Desk;
use anyhow::{Result, bail, ensure};
use opssight_core::plugins::installs::{Approval, InstallError, PluginRuntime, RevocationTarget};
use opssight_core::plugins::trust::TrustPolicy;
use opssight_package::{SECTION, SigningKey, sign};
use opssight_testkit::guests::{NOOP, checking, manifest, package_of};
use serde_json::{Value, json};
use wasm_encoder::{ComponentSection, CustomSection, Encode};

pub(super) const CASES: &[Case] = &[
    case!(Packages "74a" "names-like-paths", "calls itself `../../etc/cron.d/x`, `/abs`, `a\\b`, `CON`, NUL" => "refuse the manifest", paths),
    case!(Packages "74b" "duplicate-manifest", "carries two manifests, none, or one in a nested component" => "refuse", manifests),
    case!(Packages "74c" "signature-stripped", "its seal is cut off" => "refuse: unsigned", stripped),
    case!(Packages "74d" "signature-of-another", "carries the seal of another package, or was changed after it was sealed" => "refuse: tampered", foreign_seal),
    case!(Packages "74e" "unknown-key", "is sealed with another key than its publisher's" => "refuse: wrong key", unknown_key),
    case!(Packages "74f" "revoked-key", "is sealed with a key that was revoked (this house has no delegations that could expire)" => "refuse: revoked", revoked_key),
    case!(Packages "74g" "downgrade", "is older than what ran here, and came properly sealed" => "refuse: downgrade", downgrade),
    case!(Packages "74h" "frozen-feed", "the place that it comes from offers an old, well-sealed version again and again" => "refuse each time; nothing is updated by itself (that something newer is withheld cannot be seen)", frozen),
    case!(Packages "74i" "typo-squat", "is called `gihtub`, `g1thub`, `git-hub`, with Cyrillic letters" => "refuse: similar name, or no name at all", squat),
    case!(Packages "74j" "permission-creep", "an update asks for more hosts, methods, interfaces and CPU" => "hold it; the old version goes on", creep),
    case!(Packages "74k" "signer-change", "an update comes from another publisher, or is sealed for another" => "refuse", signer),
    case!(Packages "74l" "added-dependency", "an update imports other components" => "refuse the import", dependency),
    case!(Packages "74m" "section-bomb", "carries a million empty sections, 100,000 nested types, names of 100 kB" => "refuse or read it, at little cost", sections).cpu(3_000),
    case!(Packages "74n" "changed-version", "has other content under a version that is installed" => "refuse: changed version", changed),
    case!(Packages "74o" "consent-to-another", "what comes is not what was agreed to" => "refuse: other digest", other_digest),
    case!(Packages "74p" "manifest-bomb", "its manifest is nested 100,000 levels deep, has 8 MB, or 100,000 rules" => "refuse, at little cost", deep_manifest).cpu(4_000),
    case!(Packages "74q" "broken-seals", "ends in 3,000 seals that are none" => "a typed error or unsigned for each", broken_seals),
    case!(Packages "74r" "revoked-digest", "was revoked, and is installed again" => "refuse: revoked", revoked_digest),
];

/// A component that is never called: with this inside, an export by a name that the host calls, and a manifest.
pub(super) fn component(arena: &Arena, inside: &str) -> Vec<u8> {
    let text =
        format!(r#"(component {inside} (instance $none) (export "opssight:plugin/health@1.0.0" (instance $none)))"#);
    embed(arena, &wat::parse_str(text).unwrap())
}

fn embed(arena: &Arena, component: &[u8]) -> Vec<u8> {
    let manifest = serde_json::from_value(manifest(arena.asks(json!({})))).unwrap();
    opssight_package::embed(component, &manifest).unwrap()
}

/// A package whose manifest is these bytes, whatever they are.
pub(super) fn with_manifest(manifest: &[u8]) -> Vec<u8> {
    let bare = r#"(component (instance $none) (export "opssight:plugin/health@1.0.0" (instance $none)))"#;
    let mut package = wat::parse_str(bare).unwrap();
    add_section(&mut package, SECTION, manifest);
    package
}

fn add_section(package: &mut Vec<u8>, name: &str, data: &[u8]) {
    let section = CustomSection { name: name.into(), data: data.into() };
    package.push(section.id());
    section.encode(package);
}

/// What a package of these cases is, unless a case says otherwise.
fn asks(arena: &Arena, more: Value) -> Value {
    let mut asks = json!({ "publisher": "acme" });
    asks.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    arena.asks(asks)
}

fn plain(arena: &Arena, more: Value) -> Vec<u8> {
    package_of(NOOP, &["health", "webhook"], &manifest(asks(arena, more)))
}

fn key() -> SigningKey {
    SigningKey::generate().unwrap()
}

fn refused(outcome: Result<Approval, InstallError>, code: &str) -> Ran {
    match outcome {
        Err(error) if error.code() == code => Ok(format!("refused: {code}")),
        Err(error) => bail!("refused as {} instead of {code}: {error}", error.code()),
        Ok(approval) => bail!("it was installed ({approval:?}) instead of refused: {code}"),
    }
}

async fn paths(arena: &Arena) -> Ran {
    let names = [
        "../../etc/cron.d/x",
        "/abs",
        "..",
        ".",
        "a/b",
        "a\\b",
        "a\0b",
        "",
        "UPPER",
        "a b",
        "a:b",
        "con.",
        "%2e%2e",
        "\u{ff0e}\u{ff0e}",
        "a\u{202e}b",
        &"a".repeat(300),
    ];
    for name in names {
        let mut manifest = manifest(arena.asks(json!({})));
        manifest["id"] = json!(name);
        let package = with_manifest(manifest.to_string().as_bytes());
        let refusal = arena.load(&package).await.err();
        ensure!(refusal.as_ref().is_some_and(|r| r.code == "manifest"), "{name:?}: {refusal:?}");
    }
    Ok(format!("{} refused: manifest", names.len()))
}

async fn manifests(arena: &Arena) -> Ran {
    let text = manifest(arena.asks(json!({}))).to_string();
    let mut two = with_manifest(text.as_bytes());
    add_section(&mut two, SECTION, text.as_bytes());
    let bare = r#"(component (instance $none) (export "opssight:plugin/health@1.0.0" (instance $none)))"#;
    let none = wat::parse_str(bare).unwrap();
    let mut nested = none.clone();
    nested.push(4);
    with_manifest(text.as_bytes()).as_slice().encode(&mut nested);
    for (name, package) in [("two", two), ("none", none), ("nested", nested)] {
        let refusal = arena.load(&package).await.err();
        ensure!(refusal.as_ref().is_some_and(|r| r.code == "manifest"), "{name}: {refusal:?}");
    }
    Ok("3 refused: manifest".to_owned())
}

async fn stripped(arena: &Arena) -> Ran {
    let (desk, key) = (Desk::new(arena), key());
    let package = plain(arena, json!({}));
    let sealed = sign(&package, "acme", &key)?;
    refused(desk.install(opssight_package::unsealed(&sealed)?).await, "unsigned")?;
    refused(desk.install(&package).await, "unsigned")?;
    // Cut within the seal: what is left ends like no seal, and parses as no component.
    for cut in 1..sealed.len() - package.len() {
        let outcome = desk.install(&sealed[..sealed.len() - cut]).await;
        ensure!(outcome.is_err(), "a seal without its last {cut} bytes was taken");
    }
    ensure!(desk.install(&sealed).await.is_ok(), "the whole package is refused as well");
    desk.uninstall(arena).await?;
    Ok("refused: unsigned".to_owned())
}

async fn foreign_seal(arena: &Arena) -> Ran {
    let (desk, key) = (Desk::new(arena), key());
    let (package, other) = (plain(arena, json!({})), plain(arena, json!({ "version": "9.9.9" })));
    let sealed = sign(&package, "acme", &key)?;
    let seal = &sealed[package.len()..];
    refused(desk.install(&[other.as_slice(), seal].concat()).await, "signature")?;
    for at in (0..sealed.len()).step_by(sealed.len() / 60) {
        let mut changed = sealed.clone();
        changed[at] ^= 0x20;
        ensure!(desk.install(&changed).await.is_err(), "a package that was changed at byte {at} was taken");
    }
    // Something between content and seal, and two seals.
    let mut between = package.clone();
    add_section(&mut between, "extra", b"payload");
    between.extend_from_slice(seal);
    refused(desk.install(&between).await, "signature")?;
    ensure!(desk.install(&[sealed.as_slice(), seal].concat()).await.is_err(), "a second seal was taken");
    Ok("refused: signature".to_owned())
}

async fn unknown_key(arena: &Arena) -> Ran {
    let (desk, mine, theirs) = (Desk::new(arena), key(), key());
    ensure!(
        desk.install(&sign(&plain(arena, json!({})), "acme", &mine)?).await.is_ok(),
        "the first version is refused"
    );
    let update = plain(arena, json!({ "version": "2.0.0" }));
    refused(desk.install(&sign(&update, "acme", &theirs)?).await, "wrong-key")?;
    // A new name by the same publisher needs the same key.
    let other = package_of(NOOP, &["health"], &manifest(json!({ "id": "quite-another", "publisher": "acme" })));
    refused(desk.install(&sign(&other, "acme", &theirs)?).await, "wrong-key")?;
    let listed = TrustPolicy { only_listed: true, ..TrustPolicy::default() };
    refused(Desk::with(arena, listed).install(&sign(&update, "acme", &mine)?).await, "publisher-not-trusted")?;
    desk.uninstall(arena).await?;
    Ok("refused: wrong-key".to_owned())
}

async fn revoked_key(arena: &Arena) -> Ran {
    let (desk, key) = (Desk::new(arena), key());
    ensure!(desk.install(&sign(&plain(arena, json!({})), "acme", &key)?).await.is_ok(), "the first version is refused");
    desk.installs.revoke(RevocationTarget::Key(key.public()), "it was stolen", "case").await?;
    let code = arena.check().await.err().map(|error| error.code);
    ensure!(code.as_deref().is_some_and(|code| code.starts_with("plugin.")), "what it signed goes on: {code:?}");
    let update = sign(&plain(arena, json!({ "version": "2.0.0" })), "acme", &key)?;
    refused(desk.install(&update).await, "key-revoked")?;
    desk.uninstall(arena).await?;
    Ok("refused: key-revoked".to_owned())
}

async fn revoked_digest(arena: &Arena) -> Ran {
    let (desk, key) = (Desk::new(arena), key());
    let package = sign(&plain(arena, json!({})), "acme", &key)?;
    ensure!(desk.install(&package).await.is_ok(), "the first version is refused");
    desk.installs
        .revoke(RevocationTarget::Digest(opssight_core::plugins::digest_of(&package)), "a drill", "case")
        .await?;
    refused(desk.install(&package).await, "revoked")?;
    let back = desk
        .installs
        .rollback(&arena.plugin(), Some(&opssight_core::plugins::digest_of(&package)), "case", "to try")
        .await;
    ensure!(back.is_err(), "it was rolled back to");
    desk.uninstall(arena).await?;
    refused(desk.install(&package).await, "revoked")
}

async fn downgrade(arena: &Arena) -> Ran {
    let (desk, key) = (Desk::new(arena), key());
    for version in ["1.9.0", "1.10.0"] {
        let package = sign(&plain(arena, json!({ "version": version })), "acme", &key)?;
        ensure!(desk.install(&package).await.is_ok(), "{version} is refused");
    }
    for version in ["1.9.1", "1.10.0-rc.1", "0.0.1"] {
        let package = sign(&plain(arena, json!({ "version": version })), "acme", &key)?;
        refused(desk.install(&package).await, "downgrade")?;
    }
    // After a rollback as well: what counts is the highest that ever ran.
    desk.installs.rollback(&arena.plugin(), None, "case", "to try").await?;
    let package = sign(&plain(arena, json!({ "version": "1.9.5" })), "acme", &key)?;
    let outcome = refused(desk.install(&package).await, "downgrade");
    desk.uninstall(arena).await?;
    outcome
}

async fn frozen(arena: &Arena) -> Ran {
    let (desk, key) = (Desk::new(arena), key());
    let old = sign(&plain(arena, json!({ "version": "1.0.0" })), "acme", &key)?;
    let new = sign(&plain(arena, json!({ "version": "1.0.1" })), "acme", &key)?;
    ensure!(desk.install(&new).await.is_ok(), "the newer version is refused");
    for _ in 0..20 {
        refused(desk.install(&old).await, "downgrade")?;
        refused(desk.agreeing(&old, None).await, "downgrade")?;
    }
    let install = desk.installs.find(&arena.plugin()).await?;
    ensure!(
        install.active().is_some_and(|version| version.digest == opssight_core::plugins::digest_of(&new)),
        "another version runs"
    );
    desk.uninstall(arena).await?;
    Ok("40 refused: downgrade".to_owned())
}

async fn squat(arena: &Arena) -> Ran {
    let (desk, key) = (Desk::new(arena), key());
    let named = |id: &str| package_of(NOOP, &["health"], &manifest(json!({ "id": id, "publisher": "acme" })));
    ensure!(desk.install(&sign(&named("github"), "acme", &key)?).await.is_ok(), "github is refused");
    let mut told = 0;
    for id in ["gihtub", "g1thub", "git-hub", "githubb", "ithub", "githud", "g-i-t-h-u-b"] {
        refused(desk.install(&sign(&named(id), "acme", &key)?).await, "similar-name")?;
        told += 1;
    }
    for id in ["g\u{456}thub", "github\u{200b}", "\u{ff47}ithub", "GitHub", "github.", "git_hub", "-github"] {
        let mut manifest = manifest(json!({ "publisher": "acme" }));
        manifest["id"] = json!(id);
        let package = with_manifest(manifest.to_string().as_bytes());
        refused(desk.install(&sign(&package, "acme", &key)?).await, "manifest")?;
        told += 1;
    }
    desk.uninstall_named("github").await?;
    Ok(format!("{told} refused"))
}

async fn creep(arena: &Arena) -> Ran {
    let key = key();
    let rule = |url: &str, methods: Value| json!({ "url": url, "methods": methods, "reason": "r" });
    let http = crate::wasm::HTTP;
    let with = |version: &str, more: Value| {
        let mut all = json!({ "version": version, "egress": [rule("https://a.test", json!(["GET"]))] });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        checking(
            http,
            "(drop (call $request (call $fields))) (call $handle (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 3072)) (i32.const 1024)",
            asks(arena, all),
        )
    };
    let random = r#"(import "wasi:random/random@0.2.12" "get-random-u64" (func $random (result i64)))"#;
    let wider = [
        with("1.1.0", json!({ "egress": [rule("https://a.test", json!(["GET", "DELETE"]))] })),
        with(
            "1.1.0",
            json!({ "egress": [rule("https://a.test", json!(["GET"])), rule("https://b.test", json!(["GET"]))] }),
        ),
        with("1.1.0", json!({ "egress": [rule("https://a.test:8443", json!(["GET"]))] })),
        with("1.1.0", json!({ "egress": [rule("http://a.test", json!(["GET"]))] })),
        with("1.1.0", json!({ "budgets": {} })),
        checking(random, "(drop (call $random)) (i32.const 1024)", asks(arena, json!({ "version": "1.1.0" }))),
    ];
    for (number, update) in wider.iter().enumerate() {
        let desk = Desk::new(arena);
        let first = with("1.0.0", json!({}));
        ensure!(desk.install(&sign(&first, "acme", &key)?).await.is_ok(), "the first version is refused");
        let active = opssight_core::plugins::digest_of(&sign(&first, "acme", &key)?);
        let outcome = desk.update(&sign(update, "acme", &key)?).await?;
        ensure!(outcome == Approval::Waiting, "update {number} wants more and is {outcome:?}");
        let install = desk.installs.find(&arena.plugin()).await?;
        ensure!(install.active().is_some_and(|version| version.digest == active), "update {number} runs already");
        desk.uninstall(arena).await?;
    }
    Ok(format!("{} wait for consent", wider.len()))
}

async fn signer(arena: &Arena) -> Ran {
    let (desk, mine, theirs) = (Desk::new(arena), key(), key());
    ensure!(
        desk.install(&sign(&plain(arena, json!({})), "acme", &mine)?).await.is_ok(),
        "the first version is refused"
    );
    let theirs_now = plain(arena, json!({ "version": "2.0.0", "publisher": "evil" }));
    refused(desk.install(&sign(&theirs_now, "evil", &theirs)?).await, "name-taken")?;
    let declared = plain(arena, json!({ "version": "2.0.0" }));
    refused(desk.install(&sign(&declared, "evil", &theirs)?).await, "other-publisher")?;
    let outcome = refused(desk.install(&sign(&theirs_now, "acme", &mine)?).await, "other-publisher");
    desk.uninstall(arena).await?;
    outcome
}

async fn dependency(arena: &Arena) -> Ran {
    let (desk, key) = (Desk::new(arena), key());
    ensure!(desk.install(&sign(&plain(arena, json!({})), "acme", &key)?).await.is_ok(), "the first version is refused");
    let imports = [
        r#"(import "evil:library/code@1.0.0" (instance))"#,
        r#"(import "unlocked-dep=<evil:library>" (component))"#,
        r#"(import "opssight:plugin/source@1.0.0" (instance))"#,
    ];
    for import in imports {
        let text =
            format!(r#"(component {import} (instance $n) (export "opssight:plugin/health@1.0.0" (instance $n)))"#);
        let manifest = serde_json::from_value(manifest(asks(arena, json!({ "version": "2.0.0" }))))?;
        let package = opssight_package::embed(&wat::parse_str(text)?, &manifest)?;
        refused(desk.install(&sign(&package, "acme", &key)?).await, "import")?;
    }
    desk.uninstall(arena).await?;
    Ok("3 refused: import".to_owned())
}

async fn sections(arena: &Arena) -> Ran {
    let mut many = component(arena, "");
    for _ in 0..1_000_000 {
        many.extend_from_slice(&[0, 2, 1, b'x']);
    }
    let types = component(arena, &"(type (list u8))".repeat(100_000));
    let named = component(arena, &format!(r#"(import "a:b/{}" (instance))"#, "c".repeat(100_000)));
    let deep = nested_types(arena, 100_000);
    crate::measure::ready();
    let mut told = Vec::new();
    for (name, package) in [("sections", many), ("types", types), ("name", named), ("nested types", deep)] {
        let began = crate::measure::cpu();
        match arena.load(&package).await {
            // It can be called, but there is nothing in it.
            Ok(_) => told.push("read".to_owned()),
            Err(refusal) if refusal.code == "host.panic" => bail!("{name}: the host panicked"),
            Err(refusal) => told.push(refusal.code),
        }
        let ms = crate::measure::cpu().saturating_sub(began).as_millis();
        ensure!(ms < 1_500, "{name} cost {ms} ms of CPU");
    }
    Ok(told.join(", "))
}

/// A component type within a component type, and so on; no text form goes so deep.
fn nested_types(arena: &Arena, depth: usize) -> Vec<u8> {
    let mut section = vec![1];
    section.extend([0x41, 1, 1].repeat(depth));
    section.extend([0x41, 0]);
    let mut component =
        wat::parse_str(r#"(component (instance $n) (export "opssight:plugin/health@1.0.0" (instance $n)))"#).unwrap();
    component.push(7);
    section.as_slice().encode(&mut component);
    add_section(&mut component, SECTION, manifest(arena.asks(json!({}))).to_string().as_bytes());
    component
}

async fn changed(arena: &Arena) -> Ran {
    let (desk, key) = (Desk::new(arena), key());
    ensure!(desk.install(&sign(&plain(arena, json!({})), "acme", &key)?).await.is_ok(), "the first version is refused");
    let other = plain(arena, json!({ "description": "other words" }));
    let outcome = refused(desk.install(&sign(&other, "acme", &key)?).await, "changed-version");
    desk.uninstall(arena).await?;
    outcome
}

async fn other_digest(arena: &Arena) -> Ran {
    let (desk, key) = (Desk::new(arena), key());
    let shown = sign(&plain(arena, json!({})), "acme", &key)?;
    let comes = sign(&plain(arena, json!({ "version": "1.2.4" })), "acme", &key)?;
    refused(desk.agreeing(&comes, Some(opssight_core::plugins::digest_of(&shown))).await, "other-digest")?;
    refused(desk.agreeing(&comes, None).await, "consent-needed")
}

async fn deep_manifest(arena: &Arena) -> Ran {
    let whole = manifest(arena.asks(json!({})));
    let with = |field: &str, value: &str| {
        let text = whole.to_string();
        format!("{},\"{field}\":{value}}}", &text[..text.len() - 1])
    };
    let deep = with("x", &format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)));
    let settings = with("homepage", "1")
        .replace("\"type\":\"object\"", &format!("\"a\":{}1{}", "[".repeat(5_000), "]".repeat(5_000)));
    let long = with("homepage", &format!("\"{}\"", "a".repeat(8 << 20)));
    let rule = r#"{"url":"https://a.test","methods":["GET"],"reason":"r"}"#;
    let rules = with("egress", &format!("[{}]", vec![rule; 100_000].join(",")));
    let twice = with("id", "\"github\"");
    let mut told = Vec::new();
    crate::measure::ready();
    for (name, text) in
        [("deep", deep), ("deep settings", settings), ("long", long), ("rules", rules), ("twice", twice)]
    {
        match arena.load(&with_manifest(text.as_bytes())).await {
            Err(refusal) if refusal.code == "manifest" || refusal.code == "too-large" => told.push(refusal.code),
            Err(refusal) => bail!("{name}: refused as {}: {refusal}", refusal.code),
            Ok(_) => bail!("{name}: it was taken"),
        }
    }
    Ok(format!("{} refused", told.len()))
}

async fn broken_seals(arena: &Arena) -> Ran {
    let package = plain(arena, json!({}));
    let sealed = sign(&package, "acme", &key())?;
    let mut dice = super::bytes::Dice::new(arena.options.seed);
    let mut refused = 0;
    for _ in 0..3_000 {
        let mut broken = sealed.clone();
        let seal = sealed.len() - package.len();
        for _ in 0..=dice.below(4) {
            let at = package.len() + dice.below(seal);
            broken[at] = u8::try_from(dice.roll() & 0xff).unwrap_or(0);
        }
        if broken == sealed {
            continue;
        }
        match arena.host.signature(&broken) {
            Ok(None) | Err(_) => refused += 1,
            Ok(Some(signature)) => bail!("a broken seal is believed to be of {}", signature.publisher),
        }
    }
    Ok(format!("{refused} refused"))
}
