//! What a plugin can do, in words. It follows from the interfaces that its bytes import, because what is not imported
//! cannot be done, and from its manifest, which the host holds it to.

use opssight_core::plugins::Manifest;
use opssight_core::plugins::manifest::EgressRule;

/// Sentences for people, what it may do before what it cannot.
pub(super) fn of(manifest: &Manifest, imports: &[String]) -> Vec<String> {
    let has = |interface: &str| imports.iter().any(|import| name(import) == interface);
    let network = has("wasi:http/outgoing-handler");
    let mut may: Vec<String> = Vec::new();
    if network {
        may.extend(manifest.egress.iter().map(request));
    }
    let hosts: [(&str, &str); 6] = [
        ("state", "keeps small state of its own for each connection"),
        ("settings", "reads the settings of its connection"),
        ("metrics", "reads metrics that are kept here"),
        ("inference", "asks the models of this host"),
        ("mail", "hands messages over to be sent as mail"),
        ("reveal", "reads secrets in clear, each time on record"),
    ];
    let held = hosts.iter().filter(|(interface, _)| imports.iter().any(|import| is_host(import, interface)));
    may.extend(held.map(|(_, says)| (*says).to_owned()));
    if has("wasi:clocks/wall-clock") {
        may.push("reads the time".to_owned());
    }
    if imports.iter().any(|import| name(import).starts_with("wasi:random/")) {
        may.push("draws random numbers".to_owned());
    }
    may.extend(cannot(network, imports));
    may
}

fn request(rule: &EgressRule) -> String {
    let methods = rule.methods.join(", ");
    match &rule.credential {
        Some(credential) => format!("may send {methods} requests to {} with the credential {credential}", rule.url),
        None => format!("may send {methods} requests to {} without a credential", rule.url),
    }
}

fn cannot(network: bool, imports: &[String]) -> Option<String> {
    let within = |package: &str| imports.iter().any(|import| name(import).starts_with(package));
    let mut cannot = Vec::new();
    if !network {
        cannot.push("send requests");
    }
    if !within("wasi:filesystem/") {
        cannot.push("read files");
    }
    if !within("wasi:sockets/") {
        cannot.push("open sockets");
    }
    if !imports.iter().any(|import| is_host(import, "reveal")) {
        cannot.push("see credentials");
    }
    (!cannot.is_empty()).then(|| format!("cannot {}", cannot.join(", cannot ")))
}

/// An import without its version.
fn name(import: &str) -> &str {
    import.split('@').next().unwrap_or(import)
}

/// Whether an import is that interface of ours.
fn is_host(import: &str, interface: &str) -> bool {
    name(import)
        .strip_prefix("opssight:")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(_, has)| has == interface)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        serde_json::from_value(serde_json::json!({
            "id": "github", "version": "0.1.0", "contract": "0.1", "name": "GitHub", "publisher": "opssight",
            "description": "Runs.", "licence": "Apache-2.0",
            "egress": [
                { "url": "{setting:base_url}", "methods": ["GET", "POST"], "credential": "api", "reason": "to read runs" },
                { "url": "https://status.example", "methods": ["GET"], "reason": "to know whether it is up" }
            ]
        }))
        .unwrap()
    }

    #[test]
    fn what_is_imported_is_said_and_so_is_what_is_not() {
        let imports = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let with =
            imports(&["wasi:http/outgoing-handler@0.2.12", "opssight:plugin/state@0.1.0", "wasi:io/poll@0.2.12"]);
        assert_eq!(
            of(&manifest(), &with),
            [
                "may send GET, POST requests to {setting:base_url} with the credential api",
                "may send GET requests to https://status.example without a credential",
                "keeps small state of its own for each connection",
                "cannot read files, cannot open sockets, cannot see credentials",
            ]
        );
        assert_eq!(
            of(&manifest(), &imports(&["opssight:plugin/reveal@0.1.0"])),
            [
                "reads secrets in clear, each time on record",
                "cannot send requests, cannot read files, cannot open sockets",
            ]
        );
    }
}
