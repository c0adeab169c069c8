//! What a person enters for a connection, judged field by field.

use crate::plugins::manifest::{CredentialScheme, Manifest, misfits};
use crate::plugins::{Credentials, Grants, SecretReference};

/// A field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer into the input.
    pub at: String,
    /// What is wrong and how to mend it.
    pub problem: String,
}

pub(super) fn name_problems(name: &str) -> Vec<Problem> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 80 || name.chars().any(char::is_control) {
        return vec![Problem { at: "/name".to_owned(), problem: "use 1 to 80 printable characters".to_owned() }];
    }
    Vec::new()
}

pub(super) fn settings_problems(manifest: &Manifest, settings: &serde_json::Value) -> Vec<Problem> {
    let misfits = misfits(&manifest.settings, settings).into_iter();
    misfits.map(|(at, problem)| Problem { at: format!("/settings{at}"), problem }).collect()
}

pub(super) fn credential_problems(manifest: &Manifest, credentials: &Credentials) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut wrong = |at: String, problem: String| problems.push(Problem { at, problem });
    for name in credentials.keys() {
        if manifest.credential(name).is_none() {
            let known: Vec<&str> = manifest.credentials.iter().map(|credential| credential.name.as_str()).collect();
            wrong(format!("/credentials/{name}"), format!("the plugin has no such credential; it has {known:?}"));
        }
    }
    for spec in &manifest.credentials {
        let at = format!("/credentials/{}", spec.name);
        let Some(credential) = credentials.get(&spec.name) else {
            if !spec.optional {
                wrong(at, format!("is required: {}", spec.title));
            }
            continue;
        };
        let Some(scheme) = spec.schemes.iter().find(|scheme| scheme.name() == credential.scheme) else {
            let known: Vec<&str> = spec.schemes.iter().map(CredentialScheme::name).collect();
            wrong(format!("{at}/scheme"), format!("must be one of {known:?}"));
            continue;
        };
        for input in scheme.inputs() {
            match credential.inputs.get(&input.name) {
                None if scheme.may_stay_empty(input) => {}
                Some(value) if scheme.may_stay_empty(input) && value.trim().is_empty() => {}
                None => wrong(format!("{at}/inputs/{}", input.name), format!("is required: {}", input.title)),
                Some(value) if value.trim().is_empty() => {
                    wrong(format!("{at}/inputs/{}", input.name), format!("is empty: {}", input.title));
                }
                Some(value) if !input.multiline && value.chars().any(char::is_control) => wrong(
                    format!("{at}/inputs/{}", input.name),
                    "has a line break or control character; paste it again without".to_owned(),
                ),
                Some(value) => {
                    if let Some(Err(problem)) = SecretReference::read(value) {
                        wrong(format!("{at}/inputs/{}", input.name), problem);
                    }
                }
            }
        }
        for name in credential.inputs.keys() {
            if !scheme.inputs().iter().any(|input| input.name == *name) {
                wrong(format!("{at}/inputs/{name}"), "is not an input of this scheme".to_owned());
            }
        }
    }
    problems
}

pub(super) fn grant_problems(grants: &Grants) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (i, network) in grants.networks.iter().enumerate() {
        if !is_network(network) {
            problems.push(Problem {
                at: format!("/grants/networks/{i}"),
                problem: format!("`{network}` is not a network in CIDR form, such as 10.1.2.0/24"),
            });
        }
    }
    if grants.insecure_http && grants.networks.is_empty() {
        problems.push(Problem {
            at: "/grants/insecure_http".to_owned(),
            problem: "plain http is for granted private networks only: name one in `networks`".to_owned(),
        });
    }
    problems
}

fn is_network(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let (Ok(address), Ok(bits)) = (address.parse::<std::net::IpAddr>(), bits.parse::<u8>()) else { return false };
    bits <= if address.is_ipv4() { 32 } else { 128 }
}
