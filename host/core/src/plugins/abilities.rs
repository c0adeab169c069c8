//! What a plugin can do, one thing at a time, each with a key that stays the same from version to version.
//!
//! It follows from the interfaces that its bytes import, because what is not imported cannot be done, and from its
//! manifest, which the host holds it to. An operator consents to these, may withhold single ones from a connection,
//! and is asked again when a newer version has more of them.

use super::manifest::{BudgetAsk, CredentialScheme, Danger, EgressRule, Manifest};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// One thing that a plugin can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ability {
    /// The same in every version that can do it: "send GET https://api.example.com with api". What a connection
    /// withholds.
    pub key: String,
    /// On what terms it can do that, where they are a part of what is consented to: "for the role operator". The same
    /// on other terms is something else to agree to, but the same thing to withhold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
    /// A sentence for people that fits after "It ...".
    pub says: String,
    /// How loudly to say it.
    pub risk: Danger,
    /// Whether a connection can withhold it.
    pub can_be_withheld: bool,
}

impl Ability {
    fn new(key: impl Into<String>, says: impl Into<String>, risk: Danger) -> Self {
        Self { key: key.into(), terms: None, says: says.into(), risk, can_be_withheld: true }
    }

    /// What makes it the same thing to agree to.
    fn identity(&self) -> (&str, Option<&str>) {
        (&self.key, self.terms.as_deref())
    }

    fn on(self, terms: impl Into<String>) -> Self {
        Self { terms: Some(terms.into()), ..self }
    }

    /// It is said, but a connection without it would make no sense.
    fn always(self) -> Self {
        Self { can_be_withheld: false, ..self }
    }
}

/// The key of sending requests by one rule of the manifest with one method.
pub fn send_key(rule: &EgressRule, method: &str) -> String {
    let method = method.to_ascii_uppercase();
    match &rule.credential {
        Some(credential) => format!("send {method} {} with {credential}", rule.url),
        None => format!("send {method} {}", rule.url),
    }
}

/// The key of one of the host's interfaces: "state", "settings", "reveal".
pub fn interface_key(interface: &str) -> String {
    format!("use {interface}")
}

/// The key of taking deliveries.
pub const RECEIVE: &str = "receive deliveries";

/// The key of one action.
pub fn action_key(action: &str) -> String {
    format!("act {action}")
}

/// The key of one feed.
pub fn feed_key(feed: &str) -> String {
    format!("pull {feed}")
}

/// The key of reading one credential in clear.
pub fn reveal_key(credential: &str) -> String {
    format!("reveal {credential}")
}

/// All that a plugin can do, and what a call of it may use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wants {
    /// What it can do, by key.
    pub abilities: Vec<Ability>,
    /// What a call would like to use: "webhook.cpu_ms" and the number.
    pub budgets: BTreeMap<String, u32>,
}

/// What a newer version can do that the older could not, and the other way round.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantsChange {
    /// New abilities.
    pub added: Vec<Ability>,
    /// Abilities that it gave up.
    pub removed: Vec<Ability>,
    /// Budgets that became larger: name, then, now. What is not asked for is the kind's own limit, told as none.
    pub raised: Vec<(String, Option<u32>, Option<u32>)>,
}

impl WantsChange {
    /// Whether a person must be asked.
    pub fn is_wider(&self) -> bool {
        !self.added.is_empty() || !self.raised.is_empty()
    }
}

impl Wants {
    /// Computed from the manifest and from the interfaces that the component imports.
    pub fn of(manifest: &Manifest, imports: &[String]) -> Self {
        let mut abilities = requests(manifest, imports);
        abilities.extend(interfaces(imports));
        abilities.extend(deliveries(manifest));
        abilities.extend(manifest.feeds.iter().map(|feed| {
            let says = format!("pulls \"{}\" every {} s", feed.title, feed.every_secs);
            Ability::new(feed_key(&feed.name), says, Danger::Safe)
        }));
        abilities.extend(manifest.actions.iter().map(|action| {
            let says = format!("can do \"{}\" when somebody with the role {} asks", action.title, action.role);
            // The same action for a lesser role is more.
            Ability::new(action_key(&action.name), says, action.danger).on(format!("for the role {}", action.role))
        }));
        let reveals = imports.iter().any(|import| name(import) == "opssight:plugin/reveal");
        let revealed: &[String] = if reveals { &manifest.reveal } else { &[] };
        abilities.extend(revealed.iter().map(|credential| {
            let says = format!("reads the credential \"{credential}\" in clear, each time on record");
            Ability::new(reveal_key(credential), says, Danger::Danger)
        }));
        abilities.extend(credentials(manifest, revealed));
        abilities.sort_by(|a, b| a.identity().cmp(&b.identity()));
        abilities.dedup_by(|a, b| a.identity() == b.identity());
        Self { abilities, budgets: budgets(&manifest.budgets) }
    }

    /// One of them.
    pub fn ability(&self, key: &str) -> Option<&Ability> {
        self.abilities.iter().find(|ability| ability.key == key)
    }

    /// What changes when `newer` takes the place of this.
    pub fn change(&self, newer: &Self) -> WantsChange {
        let without = |wants: &Self, others: &Self| {
            let theirs: BTreeSet<_> = others.abilities.iter().map(Ability::identity).collect();
            wants.abilities.iter().filter(|ability| !theirs.contains(&ability.identity())).cloned().collect()
        };
        let names: BTreeSet<&String> = self.budgets.keys().chain(newer.budgets.keys()).collect();
        let raised = names.into_iter().filter_map(|name| {
            let (then, now) = (self.budgets.get(name).copied(), newer.budgets.get(name).copied());
            // Not asked for is the kind's own limit, which nothing exceeds.
            let size = |budget: Option<u32>| budget.map_or(u64::MAX, u64::from);
            (size(now) > size(then)).then(|| (name.clone(), then, now))
        });
        WantsChange { added: without(newer, self), removed: without(self, newer), raised: raised.collect() }
    }

    /// What it cannot do, in one sentence.
    pub fn cannot(&self) -> String {
        let can = |start: &str| self.abilities.iter().any(|ability| ability.key.starts_with(start));
        let mut cannot = Vec::new();
        if !can("send ") {
            cannot.push("send requests");
        }
        cannot.extend(["read files", "open sockets"]);
        if !can("use reveal") {
            cannot.push("see credentials");
        }
        format!("cannot {}", cannot.join(", cannot "))
    }
}

fn requests(manifest: &Manifest, imports: &[String]) -> Vec<Ability> {
    if !imports.iter().any(|import| name(import) == "wasi:http/outgoing-handler") {
        return Vec::new();
    }
    let mut abilities = Vec::new();
    for rule in &manifest.egress {
        for method in &rule.methods {
            let method = method.to_ascii_uppercase();
            let signed = match &rule.credential {
                Some(credential) => format!("with the credential \"{credential}\""),
                None => "without a credential".to_owned(),
            };
            let says = format!("sends {method} requests to {} {signed}: {}", rule.url, rule.reason);
            let reads = matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS");
            let risk = if reads { Danger::Safe } else { Danger::Caution };
            abilities.push(Ability::new(send_key(rule, &method), says, risk));
        }
    }
    abilities
}

/// Interface of ours, what it means, how loudly to say it, and whether a connection could do without.
const INTERFACES: [(&str, &str, Danger, bool); 7] = [
    ("log", "writes log lines", Danger::Safe, false),
    ("settings", "reads the settings of its connection", Danger::Safe, true),
    ("state", "keeps small state of its own for each connection", Danger::Safe, true),
    ("metrics", "reads metrics that are kept here", Danger::Caution, true),
    ("inference", "asks the models of this host", Danger::Caution, true),
    ("mail", "hands messages over to be sent as mail", Danger::Caution, true),
    ("reveal", "reads secrets in clear, each time on record", Danger::Danger, true),
];

fn interfaces(imports: &[String]) -> Vec<Ability> {
    let ours = |interface: &str| {
        let wanted = format!("opssight:plugin/{interface}");
        imports.iter().any(|import| name(import) == wanted)
    };
    let mut abilities: Vec<Ability> = INTERFACES
        .into_iter()
        .filter(|(interface, ..)| ours(interface))
        .map(|(interface, says, risk, can_be_withheld)| Ability {
            can_be_withheld,
            ..Ability::new(interface_key(interface), says, risk)
        })
        .collect();
    if imports.iter().any(|import| name(import) == "wasi:clocks/wall-clock") {
        abilities.push(Ability::new(interface_key("time"), "reads the time", Danger::Safe).always());
    }
    if imports.iter().any(|import| name(import).starts_with("wasi:random/")) {
        abilities.push(Ability::new(interface_key("random"), "draws random numbers", Danger::Safe).always());
    }
    abilities
}

fn deliveries(manifest: &Manifest) -> Vec<Ability> {
    let Some(webhook) = &manifest.webhook else { return Vec::new() };
    let how = format!("verified by {}", webhook.verification.name());
    let says = format!("takes deliveries that are {how}");
    let mut abilities = vec![Ability::new(RECEIVE, says, Danger::Safe).on(how)];
    abilities.extend(webhook.headers.iter().map(|header| {
        Ability::new(format!("see header {header}"), format!("sees the header {header} of deliveries"), Danger::Safe)
            .always()
    }));
    abilities
}

fn credentials(manifest: &Manifest, revealed: &[String]) -> Vec<Ability> {
    let schemes = manifest.credentials.iter().flat_map(|spec| spec.schemes.iter().map(move |scheme| (spec, scheme)));
    schemes
        .map(|(spec, scheme): (_, &CredentialScheme)| {
            let (name, how) = (&spec.name, scheme.name());
            let kept = if revealed.contains(name) { "" } else { ", which the host keeps and it never sees" };
            let says = format!("asks for the credential \"{name}\" ({how}){kept}");
            Ability::new(format!("ask for {name} as {how}"), says, Danger::Safe).always()
        })
        .collect()
}

fn budgets(asks: &BTreeMap<String, BudgetAsk>) -> BTreeMap<String, u32> {
    let mut budgets = BTreeMap::new();
    for (kind, ask) in asks {
        for (field, value) in ask.limits() {
            if let Some(value) = value {
                budgets.insert(format!("{kind}.{field}"), value);
            }
        }
    }
    budgets
}

/// An import without its version.
fn name(import: &str) -> &str {
    import.split('@').next().unwrap_or(import)
}
