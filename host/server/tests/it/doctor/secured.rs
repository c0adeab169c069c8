//! What stands beside a host and speaks TLS, or asks who is there.

use super::{House, SECRET};
use crate::secrets::secured::{ROOT, Secured};
use crate::secrets::token;
use serde_json::json;
use std::path::Path;

#[cfg(feature = "kafka")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kafka_with_tls_and_passwords_is_found_to_be_well_or_what_is_wrong_with_it() {
    use crate::kafka::broker::Broker;
    use crate::kafka::door::{Door, Vouched};
    use crate::kafka::sasl::User;
    let (vouched, other) = (Vouched::for_host("127.0.0.1"), Vouched::for_host("127.0.0.1"));
    let door = Door::open(Some(&vouched), &[User { mechanism: "SCRAM-SHA-512", name: "ada", password: SECRET }]).await;
    let on =
        |address: String| House::new().with("BUS__URL", format!("kafka://{address}")).with("BUS__TIMEOUT_SECS", "4");
    let over_tls = |ca: &Vouched| {
        let file = ca.ca_file().display().to_string();
        on(door.address()).with("BUS__TLS", "true").with("BUS__CA_FILE", file)
    };
    let signing_in = |house: House, sasl: &str, password: &str| {
        house.with("BUS__SASL", sasl).with("BUS__USERNAME", "ada").with("BUS__PASSWORD", password)
    };
    let found = signing_in(over_tls(&vouched), "scram-sha-512", SECRET).doctor();
    found.nothing_is_failing();
    assert!(found.is("ok", "kafka").contains(&door.address()), "{}", found.all);
    let asks_who = Broker::start_that_asks_who();
    for (house, says) in [
        (signing_in(over_tls(&other), "scram-sha-512", SECRET), "its certificate is not believed"),
        (signing_in(over_tls(&vouched), "scram-sha-512", "wr0ng"), "correct bus.username, bus.password and bus.sasl"),
        (signing_in(over_tls(&vouched), "plain", SECRET), "it offers SCRAM-SHA-512, and not what bus.sasl says"),
        (signing_in(on(door.address()), "scram-sha-512", SECRET), "without TLS, as bus.tls says"),
        (signing_in(on(asks_who.address()), "scram-sha-256", SECRET), "it does not accept the name and password"),
    ] {
        let found = house.doctor();
        assert!(found.is("failing", "kafka").contains(says), "not `{says}`: {}", found.all);
        assert!(found.fix("kafka").contains("a host starts all the same"), "{}", found.all);
    }
}

/// With the token in the environment.
fn on_vault(scheme: &str, port: u16, ca: Option<&Path>, token: &str) -> House {
    let key = scheme.replace("https", "vault").replace("http", "vault+http");
    let mut house = House::new()
        .with("SECRETS__VAULT__ADDRESS", format!("{scheme}://127.0.0.1:{port}"))
        .with("SECRETS__KEY", format!("{key}://127.0.0.1:{port}/transit/opssight"));
    if let Some(ca) = ca {
        house = house.with("SECRETS__VAULT__CA_FILE", ca.display().to_string());
    }
    house.envs.push(("VAULT_TOKEN".to_owned(), token.to_owned()));
    house
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vault_with_tls_is_found_to_be_well_or_what_is_wrong_with_it() {
    let (server, other) = (Secured::start(), Secured::start());
    server.ask("sys/mounts/transit", json!({ "type": "transit" })).await;
    server.ask("transit/keys/opssight", json!({})).await;
    let (ca, port) = (server.ca_file(), server.port);
    let found = on_vault("https", port, Some(&ca), ROOT).started_once().doctor();
    found.nothing_is_failing();
    assert!(found.is("ok", "vault").contains("unsealed; the token does not end"), "{}", found.all);
    assert_eq!(found.is("ok", "master keys"), "open what is sealed in the store");
    let authority = "its certificate is not believed; secrets.vault.ca_file names its authority";
    for (house, says) in [
        (on_vault("https", port, None, SECRET), authority),
        (on_vault("https", port, Some(&other.ca_file()), SECRET), authority),
        (on_vault("http", port, None, SECRET), "write https:// in secrets.vault.address, and vault:// in secrets.key"),
    ] {
        let found = house.doctor();
        assert!(found.is("failing", "vault").contains(says), "not `{says}`: {}", found.all);
        let refused = house.refused();
        assert!(refused.contains(says), "not `{says}`: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whether_a_token_is_renewed_is_said() {
    let (host, _) = crate::secrets::vault();
    let port: u16 = host.rsplit_once(':').expect("a port").1.parse().expect("a number");
    let on = |token: &str| on_vault("http", port, None, token);
    let found = on(&token(json!({ "ttl": "1h" })).await).doctor();
    assert!(found.is("ok", "vault").contains("; a host renews it before that"), "{}", found.all);
    let found = on(&token(json!({ "ttl": "1h", "renewable": false })).await).doctor();
    let detail = found.is("warning", "vault");
    assert!(detail.contains("the token ends in ") && detail.contains(" and is not renewable;"), "{detail}");
    assert!(found.fix("vault").contains("use a renewable token"), "{}", found.all);
}
