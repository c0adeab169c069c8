use super::{PrecheckError, check};
use wat::parse_str;

/// A component with this inside and something to call.
fn component(inside: &str) -> Vec<u8> {
    parse_str(format!(
        r#"(component {inside}
            (instance $none)
            (export "opssight:plugin/health@1.0.0" (instance $none)))"#
    ))
    .unwrap()
}

fn refusal(inside: &str) -> String {
    check(&component(inside)).unwrap_err().to_string()
}

#[test]
fn allowed_imports_pass_and_others_are_refused_in_words() {
    let import = |name: &str| format!(r#"(import "{name}" (instance))"#);
    let allowed = [
        "wasi:io/streams@0.2.0",
        "wasi:cli/terminal-stderr@0.2.6",
        "wasi:http/outgoing-handler@0.2.12",
        "opssight:plugin/state@1.0.0",
        "opssight:plugin/reveal@1.0.0",
        "opssight:plugin/types@1.4.7",
    ];
    for name in allowed {
        let surface = check(&component(&import(name))).unwrap();
        assert_eq!(surface.imports, [name]);
    }
    let refused = [
        ("wasi:filesystem/types@0.2.6", "plugins get no files"),
        ("wasi:filesystem/preopens@0.2.0", "plugins get no files"),
        ("wasi:sockets/tcp@0.2.6", "plugins get no sockets"),
        ("wasi:http/handler@0.3.0", "this host speaks WASI 0.2"),
        ("wasi:clocks/monotonic-clock@0.3.1", "this host speaks WASI 0.2"),
        ("wasi:io/streams@0.20.0", "this host speaks version 0.2 of it"),
        ("wasi:keyvalue/store@0.2.0-draft", "do not get this interface"),
        ("opssight:plugin/mail@1.0.0", "does not offer it yet"),
        ("opssight:plugin/inference@1.0.0", "does not offer it yet"),
        ("opssight:plugin/log@2.0.0", "version 1 of the contract"),
        ("evil:corp/backdoor@1.0.0", "does not know the interface"),
    ];
    for (name, why) in refused {
        let refusal = refusal(&import(name));
        assert!(refusal.contains(why) && refusal.contains(name), "{name}: {refusal}");
    }
    assert!(refusal(r#"(import "run" (func))"#).contains("interfaces and nothing else"));
}

#[test]
fn a_bomb_of_instances_is_refused_before_it_goes_off() {
    // Each level instantiates the one before it twice: 2^24 instances from a few hundred bytes.
    let mut bomb = "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for level in 1..24 {
        let before = level - 1;
        bomb.push_str(&format!(
            "(component $c{level} (alias outer 1 $c{before} (component $b)) (instance (instantiate $b)) (instance (instantiate $b)))"
        ));
    }
    bomb.push_str("(instance (instantiate $c23))");
    assert!(refusal(&bomb).contains("more instances than a plugin may have (64)"));
}

#[test]
fn shapes_that_no_plugin_needs_are_refused() {
    let nested = "(component ".repeat(6) + &")".repeat(6);
    let modules = "(core module)".repeat(17);
    let locals = format!("(core module (func (local {})))", "i32 ".repeat(513));
    let functions = format!("(core module {})", "(func)".repeat(10_001));
    let body = format!("(core module (func {}))", "nop ".repeat(300 << 10));
    let tables = format!("(core module {})", "(table 1 funcref)".repeat(9));
    let memories = "(core module (memory 1))".repeat(5);
    let cases = [
        (nested, "levels of nesting"),
        (modules, "core modules"),
        (locals, "locals"),
        (functions, "functions"),
        (body, "bytes in one function"),
        (tables, "tables"),
        (memories, "memories"),
    ];
    for (inside, what) in cases {
        assert!(refusal(&inside).contains(what), "{what}");
    }
}

/// Rows 15 to 18 of the hostile table, as they were measured: each costs seconds or gigabytes to compile.
#[test]
fn compile_bombs_are_refused() {
    // A value for each local at each of many branches.
    let branches = "(br_if 0 (i32.const 1)) ".repeat(3_000);
    let phi = format!("(core module (func (local {}) (loop {branches})))", "i32 ".repeat(1_000));
    let functions = format!("(core module {})", "(func)".repeat(100_000));
    // Every value is alive until the end of the function.
    let livestack = format!("(core module (func {} {}))", "i32.const 1 ".repeat(150_000), "drop ".repeat(150_000));
    for (bomb, what) in [(phi, "locals"), (functions, "functions"), (livestack, "bytes in one function")] {
        assert!(refusal(&bomb).contains(what), "{what}");
    }
}

#[test]
fn a_larger_package_may_have_more_in_it() {
    let functions = "(func)".repeat(15_000);
    let filled = |megabytes: usize| {
        let data = "x".repeat(megabytes << 20);
        format!(r#"(core module (memory 512) (data (i32.const 0) "{data}") {functions})"#)
    };
    assert!(refusal(&filled(1)).contains("functions than a plugin may have (10000)"));
    assert_eq!(check(&component(&filled(2))).unwrap().class, crate::class::SizeClass::Medium);
    assert_eq!(check(&component(&filled(5))).unwrap().class, crate::class::SizeClass::Large);
}

#[test]
fn what_is_no_component_is_refused() {
    for bytes in [&b""[..], b"\0asm", &parse_str("(module)").unwrap(), b"MZ\x90\x00"] {
        assert!(matches!(check(bytes), Err(PrecheckError::Malformed(_))));
    }
    let mut cut = component("(core module (func))");
    cut.truncate(cut.len() - 3);
    assert!(matches!(check(&cut), Err(PrecheckError::Malformed(_))));
    assert_eq!(check(&vec![0; crate::class::MAX_BYTES + 1]), Err(PrecheckError::TooLarge(crate::class::MAX_BYTES + 1)));
    assert_eq!(check(&parse_str("(component)").unwrap()), Err(PrecheckError::NothingToCall));
}
