use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;
use wasm_encoder::{Component, CustomSection, Module, ModuleSection, NestedComponentSection};

/// The least that is a component.
fn component() -> Vec<u8> {
    Component::new().finish()
}

fn declared(more: Value) -> Manifest {
    let mut manifest = json!({
        "id": "example", "version": "1.0.0", "contract": "1.0", "name": "Example", "publisher": "acme",
        "description": "An example.", "licence": "MIT",
    });
    manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(manifest).unwrap()
}

fn custom(name: &'static str, data: &[u8]) -> Vec<u8> {
    let section = CustomSection { name: name.into(), data: data.into() };
    let mut bytes = vec![section.id()];
    section.encode(&mut bytes);
    bytes
}

fn plain() -> Vec<u8> {
    embed(&component(), &declared(json!({}))).unwrap()
}

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate().unwrap());

#[test]
fn a_package_holds_its_manifest_with_and_without_a_seal() {
    let sealed = sign(&plain(), "acme", &KEY).unwrap();
    assert_eq!(manifest(&plain()).unwrap(), declared(json!({})));
    assert_eq!(manifest(&sealed).unwrap(), declared(json!({})));
    // The same key and content make the same bytes.
    assert_eq!(sign(&plain(), "acme", &KEY).unwrap(), sealed);
    assert!(matches!(embed(&plain(), &declared(json!({}))), Err(PackageError::Packed)));
    assert!(matches!(embed(&sealed, &declared(json!({}))), Err(PackageError::Packed)));
}

#[test]
fn a_second_manifest_is_refused_wherever_it_stands() {
    let json = serde_json::to_vec(&declared(json!({ "id": "evil" }))).unwrap();
    let section = custom(SECTION, &json);
    assert!(matches!(manifest(&[plain(), section.clone()].concat()), Err(PackageError::Manifests(2))));
    assert!(matches!(manifest(&component()), Err(PackageError::Manifests(0))));
    // After the seal nothing counts as sealed any more, and what was the seal is none.
    let sealed = sign(&plain(), "acme", &KEY).unwrap();
    assert!(matches!(manifest(&[sealed, section].concat()), Err(PackageError::SecondSeal)));
}

#[test]
fn a_part_of_a_package_cannot_speak_for_it() {
    for name in [SECTION, SEAL_SECTION] {
        let mut module = Module::new();
        module.section(&CustomSection { name: name.into(), data: b"{}".as_slice().into() });
        let mut with_module = Component::new();
        with_module.section(&ModuleSection(&module));
        let mut inner = Component::new();
        inner.section(&CustomSection { name: name.into(), data: b"{}".as_slice().into() });
        let mut with_component = Component::new();
        with_component.section(&NestedComponentSection(&inner));
        for outer in [with_module, with_component] {
            let error = embed(&outer.finish(), &declared(json!({}))).unwrap_err();
            assert!(matches!(error, PackageError::Nested(nested) if nested == name), "{error}");
        }
    }
}

#[test]
fn a_seal_inside_of_a_sealed_package_is_refused() {
    let other = SigningKey::generate().unwrap();
    let sealed = sign(&plain(), "acme", &KEY).unwrap();
    let stale = sealed[plain().len()..].to_vec();
    // Somebody keeps a foreign seal's section in the content and seals that for themselves.
    let hidden = [stale.as_slice(), &custom("padding", b"")].concat();
    let resealed = sign(&[plain(), hidden].concat(), "evil", &other).unwrap();
    assert_eq!(seal(&resealed).unwrap().unwrap().publisher, "evil");
    assert!(matches!(manifest(&resealed), Err(PackageError::SecondSeal)));
}

#[test]
fn a_stripped_seal_leaves_an_unsigned_package_and_a_foreign_one_does_not_fit() {
    let sealed = sign(&plain(), "acme", &KEY).unwrap();
    let stripped = unsealed(&sealed).unwrap();
    assert_eq!(seal(stripped), Ok(None));
    let changed = embed(&component(), &declared(json!({ "version": "6.6.6" }))).unwrap();
    let foreign = [changed.as_slice(), &sealed[stripped.len()..]].concat();
    assert_eq!(seal(&foreign), Err(SealError::Tampered { publisher: "acme".into() }));
}

#[test]
fn a_manifest_that_nobody_could_read_is_refused() {
    let long = declared(json!({ "description": "x".repeat(MAX_MANIFEST) }));
    assert!(matches!(embed(&component(), &long), Err(PackageError::TooLarge(_))));
    let section = custom(SECTION, &serde_json::to_vec(&long).unwrap());
    assert!(matches!(manifest(&[component(), section].concat()), Err(PackageError::TooLarge(_))));
    // An endless nesting is an error and no stack overflow.
    let deep = custom(SECTION, "[".repeat(100_000).as_bytes());
    assert!(matches!(manifest(&[component(), deep].concat()), Err(PackageError::Shape(_))));
}

#[test]
fn errors_do_not_repeat_what_steers_a_terminal() {
    let odd = custom(SECTION, br#"{"\u001b[2J\u202e": 1}"#);
    let error = manifest(&[component(), odd].concat()).unwrap_err().to_string();
    assert!(error.starts_with("read the manifest: unknown field"), "{error}");
    assert!(!error.chars().any(|c| c.is_control() || c == '\u{202e}'), "{error:?}");
}

/// A change of some bytes, as a damaged disk or a clever person would make it.
fn mutate(package: &[u8], changes: &[(usize, u8)], cut: usize) -> Vec<u8> {
    let mut changed = package.to_vec();
    for (at, byte) in changes {
        let at = at % changed.len();
        changed[at] = *byte;
    }
    changed.truncate(changed.len() - cut % changed.len());
    changed
}

proptest! {
    #[test]
    fn random_bytes_are_an_error_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = seal(&bytes);
        let _ = unsealed(&bytes);
        prop_assert!(manifest(&bytes).is_err());
        // The same behind a component's header, so that they get further.
        let _ = manifest(&[component(), bytes.clone()].concat());
        // And before an end that looks like a seal.
        let sealed = [component(), bytes, b"OPSSEAL1".to_vec()].concat();
        prop_assert!(!matches!(seal(&sealed), Ok(Some(_))));
        let _ = manifest(&sealed);
    }

    #[test]
    fn no_mutated_package_passes_as_signed(
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6),
        cut in 0..200_usize,
        spliced in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let sealed = sign(&plain(), "acme", &KEY).unwrap();
        let mut changed = mutate(&sealed, &changes, cut);
        let at = changes[0].0 % (changed.len() + 1);
        changed.splice(at..at, spliced);
        let _ = manifest(&changed);
        if changed != sealed {
            prop_assert!(!matches!(seal(&changed), Ok(Some(_))));
        }
    }
}
