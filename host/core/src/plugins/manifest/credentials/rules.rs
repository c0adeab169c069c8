//! What makes sense in a credential.

use super::CredentialScheme;
use crate::plugins::Manifest;

/// Headers that belong to the connection or to the host, whatever a scheme says.
const NOT_FOR_SCHEMES: [&str; 12] = [
    "accept-encoding",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What is wrong with the credentials of a manifest: where, what.
pub(in crate::plugins::manifest) fn problems(manifest: &Manifest) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    for (i, spec) in manifest.credentials.iter().enumerate() {
        if manifest.credentials.iter().take(i).any(|other| other.name == spec.name) {
            problems.push((format!("credentials[{i}].name"), "is declared twice".to_owned()));
        }
        if spec.schemes.is_empty() {
            problems.push((format!("credentials[{i}].schemes"), "list at least one way to give it".to_owned()));
        }
        for (j, scheme) in spec.schemes.iter().enumerate() {
            let at = format!("credentials[{i}].schemes[{j}]");
            if spec.schemes.iter().take(j).any(|other| other.name() == scheme.name()) {
                problems
                    .push((format!("{at}.scheme"), "is listed twice; a connection stores only its name".to_owned()));
            }
            problems.extend(scheme_problems(scheme).into_iter().map(|(field, why)| (format!("{at}.{field}"), why)));
        }
    }
    for (i, rule) in manifest.egress.iter().enumerate() {
        let spec = rule.credential.as_ref().and_then(|name| manifest.credential(name));
        if spec.is_some_and(|spec| spec.schemes.iter().any(CredentialScheme::is_for_deliveries)) {
            let why = "names a credential that verifies deliveries; those sign no requests";
            problems.push((format!("egress[{i}].credential"), why.to_owned()));
        }
    }
    problems
}

fn scheme_problems(scheme: &CredentialScheme) -> Vec<(&str, String)> {
    let mut problems = Vec::new();
    let known = |name: &str| scheme.inputs().iter().any(|input| input.name == name);
    for (field, name) in scheme.named_inputs() {
        if !known(name) {
            problems.push((field, format!("there is no input \"{name}\"")));
        }
    }
    for (field, template) in scheme.templates() {
        if template.split('{').skip(1).any(|rest| !rest.contains('}')) {
            problems.push((field, format!("\"{template}\" has a brace that is not closed")));
        }
        for name in placeholders(template) {
            if !name.starts_with("setting:") && !known(name) {
                problems.push(("inputs", format!("\"{template}\" stands for an input \"{name}\" that is not there")));
            }
        }
    }
    match scheme {
        CredentialScheme::Header { header, .. } => {
            let lower = header.to_ascii_lowercase();
            let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if header.is_empty() || !header.chars().all(is_token) {
                problems.push(("header", "is not the name of a header".to_owned()));
            } else if NOT_FOR_SCHEMES.contains(&lower.as_str()) || lower.starts_with("proxy-") {
                problems.push(("header", "belongs to the connection and not to the message".to_owned()));
            }
        }
        CredentialScheme::Query { parameter, .. } if parameter.is_empty() => {
            problems.push(("parameter", "needs a name".to_owned()));
        }
        CredentialScheme::JwtBearer(jwt) if !matches!(jwt.algorithm.as_str(), "RS256" | "ES256") => {
            problems.push(("algorithm", "use RS256 or ES256".to_owned()));
        }
        CredentialScheme::JwtBearer(jwt) if jwt.lifetime_secs <= jwt.backdate_secs => {
            problems.push(("lifetime_secs", "must be more than `backdate_secs`".to_owned()));
        }
        _ => {}
    }
    problems
}

/// The names between braces.
fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}
