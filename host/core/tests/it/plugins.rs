//! What a plugin can do, whom we believe, and when it is left alone.

use opssight_core::plugins::breaker::{Breaker, BreakerRule};
use opssight_core::plugins::manifest::BudgetAsk;
use opssight_core::plugins::trust::{self, Distrust, PublisherKey, Signature, TrustPolicy, Trusted};
use opssight_core::plugins::{Ability, Manifest, Wants};
use opssight_core::time::Timestamp;
use serde_json::{Value, json};

fn manifest(more: Value) -> Manifest {
    let mut manifest = json!({
        "id": "example", "version": "1.0.0", "contract": "1.0", "name": "Example", "publisher": "acme",
        "description": "d", "licence": "MIT",
    });
    manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(manifest).unwrap()
}

fn wants(more: Value, imports: &[&str]) -> Wants {
    let imports: Vec<String> = imports.iter().map(|import| (*import).to_owned()).collect();
    Wants::of(&manifest(more), &imports)
}

const HTTP: &str = "wasi:http/outgoing-handler@0.2.12";

#[test]
fn what_is_not_imported_is_not_wanted() {
    let egress = json!({ "egress": [
        { "url": "https://api.example", "methods": ["GET", "POST"], "credential": null, "reason": "to read" }
    ] });
    let keys = |wants: Wants| wants.abilities.into_iter().map(|ability| ability.key).collect::<Vec<_>>();
    assert!(keys(wants(egress.clone(), &[])).is_empty());
    assert_eq!(
        keys(wants(egress, &[HTTP, "opssight:plugin/state@1.0.0", "wasi:random/random@0.2.12"])),
        ["send GET https://api.example", "send POST https://api.example", "use random", "use state"]
    );
}

#[test]
fn a_change_that_gives_a_plugin_more_is_wider() {
    let rule = |url: &str, methods: &[&str]| json!({ "url": url, "methods": methods, "reason": "r" });
    let base = json!({ "egress": [rule("https://a", &["GET"])], "budgets": { "webhook": { "cpu_ms": 100 } } });
    let with = |field: &str, value: Value| {
        let mut changed = base.clone();
        changed[field] = value;
        changed
    };
    // (change, wider)
    let cases = [
        (base.clone(), false),
        (with("egress", json!([rule("https://a", &["GET", "DELETE"])])), true),
        (with("egress", json!([rule("https://a", &["GET"]), rule("https://b", &["GET"])])), true),
        (with("egress", json!([])), false),
        (with("budgets", json!({ "webhook": { "cpu_ms": 101 } })), true),
        (with("budgets", json!({ "webhook": { "cpu_ms": 99 } })), false),
        (with("budgets", json!({})), true),
        (with("budgets", json!({ "webhook": { "cpu_ms": 100, "requests": 1 } })), false),
        (with("description", json!("other words")), false),
    ];
    for (changed, wider) in cases {
        let change = wants(base.clone(), &[HTTP]).change(&wants(changed.clone(), &[HTTP]));
        assert_eq!(change.is_wider(), wider, "{changed}: {change:?}");
    }
    let more = wants(base.clone(), &[HTTP]).change(&wants(base, &[HTTP, "opssight:plugin/reveal@1.0.0"]));
    assert_eq!(more.added[0].key, "use reveal");
    let all: Vec<&str> = BudgetAsk::default().limits().into_iter().map(|(limit, _)| limit).collect();
    for limit in all {
        let asks = |n: u32| wants(json!({ "budgets": { "costs": { limit: n } } }), &[]);
        assert!(asks(1).change(&asks(2)).is_wider() && !asks(2).change(&asks(1)).is_wider(), "{limit}");
    }
}

#[test]
fn each_secret_that_is_read_in_clear_is_an_ability_of_its_own() {
    let credential = |name: &str| {
        json!({ "name": name, "title": "T", "schemes": [
        { "scheme": "bearer", "title": "T", "inputs": [] }
    ] })
    };
    let with = |reveal: &[&str]| json!({ "credentials": [credential("a"), credential("b")], "reveal": reveal });
    let import = ["opssight:plugin/reveal@1.0.0"];
    let one = wants(with(&["a"]), &import);
    assert!(one.ability("reveal a").is_some() && one.ability("reveal b").is_none());
    assert!(!one.ability("ask for a as bearer").unwrap().says.contains("never sees"));
    assert!(one.ability("ask for b as bearer").unwrap().says.contains("never sees"));
    let change = one.change(&wants(with(&["a", "b"]), &import));
    assert_eq!(change.added.iter().map(|ability| ability.key.as_str()).collect::<Vec<_>>(), ["reveal b"]);
    assert!(wants(with(&["a"]), &[]).ability("reveal a").is_none(), "what is not imported cannot be done");
    let problems = manifest(json!({ "reveal": ["a"], "budgets": { "sorcery": {} } })).problems();
    let at: Vec<_> = problems.iter().map(|problem| problem.at.as_str()).collect();
    assert_eq!(at, ["reveal[0]", "budgets.sorcery"]);
}

fn said(wants: &Wants) -> Vec<&str> {
    wants.abilities.iter().map(|ability| ability.says.as_str()).collect()
}

#[test]
fn an_action_and_the_taking_of_deliveries_are_one_ability_each_and_on_other_terms_another_consent() {
    let with = |role: &str, scheme: &str| {
        let action = json!({ "name": "rerun", "title": "Rerun", "description": "d", "subject": "run", "role": role,
            "danger": "caution", "input": { "type": "object" } });
        let verification = json!({ "scheme": scheme, "input": "secret" });
        let webhook = json!({ "credential": "hook", "headers": [], "verification": verification });
        wants(json!({ "actions": [action], "webhook": webhook }), &[])
    };
    let now = with("operator", "standard-webhooks");
    assert_eq!(
        said(&now),
        [
            "can do \"Rerun\" when somebody with the role operator asks",
            "takes deliveries that are verified by standard-webhooks",
        ]
    );
    for key in ["act rerun", "receive deliveries"] {
        assert!(now.ability(key).unwrap().can_be_withheld, "{key}");
    }
    assert!(!now.change(&with("operator", "standard-webhooks")).is_wider());
    // (role, scheme, the key, by which what is withheld stays withheld)
    for (role, scheme, key) in
        [("viewer", "standard-webhooks", "act rerun"), ("operator", "url-token", "receive deliveries")]
    {
        let change = now.change(&with(role, scheme));
        assert!(change.is_wider(), "{key}");
        let keys = |abilities: &[Ability]| abilities.iter().map(|ability| ability.key.clone()).collect::<Vec<_>>();
        assert_eq!((keys(&change.added), keys(&change.removed)), (vec![key.to_owned()], vec![key.to_owned()]));
        assert_ne!(change.added[0].says, change.removed[0].says, "people see what is different");
    }
}

fn key(digit: char) -> PublisherKey {
    PublisherKey(format!("ed25519:{}", digit.to_string().repeat(64)))
}

#[test]
fn signatures_are_believed_by_pin_and_policy() {
    let signed = |digit| Some(Signature { publisher: "acme".into(), key: key(digit) });
    let open = TrustPolicy::default();
    let listed = TrustPolicy { publishers: [("acme".to_owned(), key('a'))].into(), ..open.clone() };
    let strict = TrustPolicy { only_listed: true, ..open.clone() };
    let dev = TrustPolicy { dev: true, ..open.clone() };
    let check = |policy: &TrustPolicy, pinned: Option<char>, signature: Option<Signature>| {
        trust::judge(policy, pinned.map(key).as_ref(), signature.as_ref())
    };
    assert_eq!(check(&open, None, signed('a')), Ok(Trusted::New));
    assert_eq!(check(&open, Some('a'), signed('a')), Ok(Trusted::Pinned));
    assert!(matches!(check(&open, Some('a'), signed('b')), Err(Distrust::WrongKey { .. })));
    assert_eq!(check(&open, None, None), Err(Distrust::Unsigned));
    assert_eq!(check(&dev, None, None), Ok(Trusted::Unsigned));
    // What the operator decided wins over what was pinned.
    assert_eq!(check(&listed, Some('b'), signed('a')), Ok(Trusted::Listed));
    assert!(matches!(check(&listed, Some('b'), signed('b')), Err(Distrust::WrongKey { .. })));
    assert!(matches!(check(&strict, Some('a'), signed('a')), Err(Distrust::NotListed(_))));
    // Development does not make a wrong signature right.
    assert!(matches!(check(&dev, Some('a'), signed('b')), Err(Distrust::WrongKey { .. })));
}

#[test]
fn names_that_look_alike_are_found() {
    let installed = ["github", "aws", "docker-registry", "modern"];
    let cases = [
        ("gihtub", Some("github")),
        ("githup", Some("github")),
        ("g1thub", Some("github")),
        ("git-hub", Some("github")),
        ("githubb", Some("github")),
        ("ithub", Some("github")),
        ("docker_registry", Some("docker-registry")),
        ("modem", Some("modern")),
        ("github", None),
        ("gitlab", None),
        ("ads", None),
        ("gcp", None),
    ];
    for (name, expect) in cases {
        assert_eq!(trust::looks_like(name, installed), expect, "{name}");
    }
}

#[test]
fn a_breaker_that_opened_while_the_clock_was_ahead_stays_open_for_as_long_as_it_was_to() {
    let (rule, at) = (BreakerRule::default(), |secs: i64| Timestamp(0).plus_secs(secs));
    let mut breaker = Breaker::default();
    for _ in 0..5 {
        breaker.faulted(at(90_000), rule);
    }
    assert_eq!(breaker.admit(at(90_010)), Err(20_000_000));
    // A day back: it is as if it had opened just now.
    assert_eq!(breaker.admit(at(3_600)), Err(30_000_000));
    assert_eq!(breaker.admit(at(3_629)), Err(1_000_000));
    // Back while the probe is on its way: nobody waits for it until the clock is there again.
    assert_eq!(breaker.admit(at(3_700)), Ok(()));
    assert_eq!(breaker.admit(at(3_701)), Err(1_000_000));
    assert_eq!(breaker.admit(at(3_650)), Ok(()));
}

#[test]
fn a_breaker_opens_longer_each_time_and_closes_on_success() {
    let rule = BreakerRule::default();
    let at = |secs: i64| Timestamp(0).plus_secs(secs);
    let mut breaker = Breaker::default();
    // Faults that are far apart do not add up.
    for secs in [0, 301, 602, 903, 1204] {
        assert_eq!(breaker.faulted(at(secs), rule), None);
    }
    for secs in 1205..1208 {
        assert_eq!(breaker.faulted(at(secs), rule), None);
    }
    assert_eq!(breaker.faulted(at(1208), rule), Some(at(1238)));
    assert_eq!(breaker.admit(at(1209)), Err(29_000_000));
    // A call that was under way when it opened does not count again.
    assert_eq!(breaker.faulted(at(1210), rule), None);
    // One probe; the others wait.
    assert_eq!(breaker.admit(at(1238)), Ok(()));
    assert_eq!(breaker.admit(at(1238)), Err(1_000_000));
    assert_eq!(breaker.faulted(at(1239), rule), Some(at(1299)));
    assert_eq!(breaker.admit(at(1299)), Ok(()));
    assert!(breaker.succeeded());
    assert_eq!(breaker, Breaker::default());
    // A probe that nobody hears of again does not hold it open for ever.
    for secs in 0..5 {
        breaker.faulted(at(secs), rule);
    }
    assert_eq!(breaker.admit(at(100)), Ok(()));
    assert!(breaker.admit(at(200)).is_err());
    assert_eq!(breaker.admit(at(400)), Ok(()));
}

#[test]
fn ids_and_publishers_follow_one_rule() {
    // (name, plain)
    let cases = [
        ("github", true),
        ("a", true),
        ("7-eleven", true),
        (&"x".repeat(40), true),
        (&"x".repeat(41), false),
        ("", false),
        ("-", false),
        ("-rf", false),
        ("a-", false),
        ("GitHub", false),
        ("git_hub", false),
        ("git.hub", false),
        ("git/hub", false),
        ("..", false),
        ("git hub", false),
        ("gіthub", false),
        ("git\0hub", false),
    ];
    for (name, plain) in cases {
        for field in ["id", "publisher"] {
            let problems = manifest(json!({ field: name })).problems();
            assert_eq!(problems.is_empty(), plain, "{field} = {name:?}: {problems:?}");
            assert!(plain || problems.iter().any(|problem| problem.at == field), "{problems:?}");
        }
    }
}

#[test]
fn no_text_of_a_manifest_hides_or_steers_anything() {
    let credential = |title: &str, help: &str| {
        json!({ "credentials": [{ "name": "api", "title": title, "schemes": [
            { "scheme": "bearer", "title": "Token", "inputs": [{ "name": "token", "title": "Token", "help": help }] }
        ] }] })
    };
    let setup = |text: &str| {
        json!({ "webhook": { "credential": "api", "headers": [], "setup": text,
            "verification": { "scheme": "hmac-sha256", "header": "x", "encoding": "hex", "input": "key" } } })
    };
    // (what is said, where it is refused)
    let cases = [
        (json!({ "name": "Git\0Hub" }), "name"),
        (json!({ "name": "GitHub\u{202e}buHtiG" }), "name"),
        (json!({ "name": "Git\u{200b}Hub" }), "name"),
        (json!({ "name": "two\nlines" }), "name"),
        (json!({ "description": "safe\u{1b}[2J\u{1b}[H" }), "description"),
        (json!({ "description": "a\u{e0041}" }), "description"),
        (json!({ "licence": "MIT\u{feff}" }), "licence"),
        (json!({ "homepage": "https://a\u{2066}b" }), "homepage"),
        (credential("T\u{7}", ""), "credentials[0].title"),
        (credential("T", "a\u{9b}2J"), "credentials[0].schemes[0].inputs[0].help"),
        (setup("\u{1b}]0;x"), "webhook.setup"),
        (
            json!({ "settings": { "type": "object", "properties": { "a\u{202e}": {} } } }),
            "settings.properties.a\\u{202e}",
        ),
        (json!({ "budgets": { "webhook\r": {} } }), "budgets.webhook\\r"),
    ];
    for (more, at) in cases {
        let problems = manifest(more.clone()).problems();
        assert!(problems.iter().any(|problem| problem.at == at), "{more}: {problems:?}");
        // What is refused is named without repeating it.
        assert!(problems.iter().all(|problem| !problem.to_string().chars().any(char::is_control)), "{problems:?}");
    }
    let hidden = |more: Value| manifest(more).problems().iter().any(|problem| problem.problem.contains("U+"));
    assert!(!hidden(credential("Schlüssel für GitHub – מפתח", "one line\nand\ttwo")));
    assert!(!hidden(setup("# Steps\n\n1. one\n")));
}
