//! The allow-list of one connection: the manifest's rules, filled in with its settings.

use super::template::{Use, expand};
use http::Method;
use opssight_core::plugins::{Manifest, abilities};
use serde_json::Value;
use std::collections::BTreeMap;
use url::Url;

/// One allowed base URL.
#[derive(Debug)]
pub(crate) struct Rule {
    base: Url,
    /// Without a slash at its end.
    prefix: String,
    /// In upper case, each with the key under which a connection may withhold it.
    methods: Vec<(String, String)>,
    /// What the host signs it with.
    pub(crate) credential: Option<String>,
}

/// All of them, and what kept others from being one.
#[derive(Debug)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    problems: Vec<String>,
}

impl Rules {
    pub(super) fn new(manifest: &Manifest, settings: &Value) -> Self {
        let mut rules = Vec::new();
        let mut problems = Vec::new();
        for rule in &manifest.egress {
            let expanded = expand(&rule.url, Use::Url, settings, &BTreeMap::new());
            match expanded.and_then(|url| base(&url)) {
                Ok(base) => rules.push(Rule {
                    prefix: base.path().trim_end_matches('/').to_owned(),
                    base,
                    methods: rule
                        .methods
                        .iter()
                        .map(|method| (method.to_ascii_uppercase(), abilities::send_key(rule, method)))
                        .collect(),
                    credential: rule.credential.clone(),
                }),
                Err(problem) => problems.push(problem),
            }
        }
        Self { rules, problems }
    }

    /// The rule that allows a request and the key of doing so, or why none does.
    pub(super) fn vet(&self, method: &Method, url: &Url) -> Result<(&Rule, &str), String> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it carries a user name".to_owned());
        }
        if method == Method::CONNECT {
            return Err("CONNECT opens a tunnel, and plugins get none".to_owned());
        }
        let mut wrong_method = false;
        for rule in self.rules.iter().filter(|rule| rule.covers(url)) {
            if let Some((_, key)) = rule.methods.iter().find(|(allowed, _)| allowed == method.as_str()) {
                return Ok((rule, key));
            }
            wrong_method = true;
        }
        Err(if wrong_method {
            format!("no rule of the plugin's manifest allows {method} there")
        } else if self.problems.is_empty() {
            "no rule of the plugin's manifest covers that address".to_owned()
        } else {
            format!("no rule of the plugin's manifest covers that address ({})", self.problems.join("; "))
        })
    }

    /// Whether a credential is ever sent to where this URL points.
    pub(super) fn sends_there(&self, credential: &str, url: &Url) -> bool {
        self.rules.iter().any(|rule| rule.credential.as_deref() == Some(credential) && same_origin(&rule.base, url))
    }
}

impl Rule {
    fn covers(&self, url: &Url) -> bool {
        same_origin(&self.base, url) && below(&self.prefix, url)
    }
}

/// Whether a URL is a base URL or lies below it.
pub(crate) fn covers(base: &Url, url: &Url) -> bool {
    same_origin(base, url) && below(base.path().trim_end_matches('/'), url)
}

fn below(prefix: &str, url: &Url) -> bool {
    if prefix.is_empty() {
        return true;
    }
    let Some(rest) = url.path().strip_prefix(prefix) else { return false };
    // Upstreams disagree about an encoded slash, so below a prefix there is none.
    let lower = rest.to_ascii_lowercase();
    (rest.is_empty() || rest.starts_with('/')) && !lower.contains("%2f") && !lower.contains("%5c")
}

fn same_origin(base: &Url, url: &Url) -> bool {
    base.scheme() == url.scheme()
        && base.host() == url.host()
        && base.port_or_known_default() == url.port_or_known_default()
}

fn base(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("\"{text}\" is not a URL: {error}"))?;
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return Err(format!("\"{text}\" is not a web address"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("\"{text}\" must not carry a user name, a query or a fragment"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests;
