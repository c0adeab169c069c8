//! From the core's plugins and their manifests.

mod catalogue;
mod installs;

use super::installs::{Ability, Signer};
use super::versions::{Shadow, VersionName};
use super::{
    Budget, CallFailure, ConnectionFault, CredentialForm, CredentialInputForm, CredentialSchemeForm, Egress, Feed,
    KindStats, Plugin, PluginAction, PluginStats, WebhookForm,
};
use crate::units::utc;
use opssight_core::plugins as core;
use opssight_core::plugins::manifest::{
    ActionSpec, CredentialInput, CredentialScheme, CredentialSpec, Danger, EgressRule, FeedPriority, FeedSpec,
    WebhookSpec,
};

impl Plugin {
    /// A plugin as it runs, beside what is kept of it; none of that for one that runs without having been installed.
    pub fn of(running: core::InstalledPlugin, install: Option<&core::installs::Install>, is_loaded: bool) -> Self {
        let manifest = &running.manifest;
        let wants = core::Wants::of(manifest, &running.imports);
        let says = wants.abilities.iter().map(|ability| ability.says.clone());
        let version = install.and_then(|install| install.version(&running.digest));
        Self {
            abilities: says.chain([wants.cannot()]).collect(),
            id: manifest.id.clone(),
            name: manifest.name.clone(),
            version: manifest.version.to_string(),
            publisher: manifest.publisher.clone(),
            description: manifest.description.clone(),
            licence: manifest.licence.clone(),
            homepage: manifest.homepage.clone(),
            egress: manifest.egress.iter().map(Egress::from).collect(),
            settings_schema: manifest.settings.clone(),
            credentials: manifest.credentials.iter().map(CredentialForm::from).collect(),
            webhook: manifest.webhook.as_ref().map(WebhookForm::from),
            feeds: manifest.feeds.iter().map(Feed::from).collect(),
            actions: manifest.actions.iter().map(PluginAction::from).collect(),
            digest: running.digest,
            size: running.size,
            kinds: running.exports,
            imports: running.imports,
            budgets: running.budgets.into_iter().map(|(kind, budget)| (kind, budget.into())).collect(),
            stats: running.stats.into(),
            enabled: install.is_none_or(|install| install.enabled),
            state: state(install, is_loaded).to_owned(),
            signer: version.and_then(|version| version.signature.clone()).map(Signer::from),
            waiting: install.and_then(VersionName::waiting),
            shadow: install.and_then(Shadow::of),
            can: wants.abilities.into_iter().map(Ability::from).collect(),
        }
    }
}

fn state(install: Option<&core::installs::Install>, is_loaded: bool) -> &'static str {
    match install {
        Some(install) if install.active().is_none() => "stopped",
        _ if !is_loaded => "not-loaded",
        Some(install) if !install.enabled => "disabled",
        _ => "active",
    }
}

impl From<&EgressRule> for Egress {
    fn from(rule: &EgressRule) -> Self {
        Self {
            url: rule.url.clone(),
            methods: rule.methods.clone(),
            credential: rule.credential.clone(),
            reason: rule.reason.clone(),
        }
    }
}

impl From<&CredentialSpec> for CredentialForm {
    fn from(spec: &CredentialSpec) -> Self {
        Self {
            name: spec.name.clone(),
            title: spec.title.clone(),
            optional: spec.optional,
            schemes: spec.schemes.iter().map(CredentialSchemeForm::from).collect(),
        }
    }
}

impl From<&CredentialScheme> for CredentialSchemeForm {
    fn from(scheme: &CredentialScheme) -> Self {
        Self {
            scheme: scheme.name().to_owned(),
            title: scheme.title().to_owned(),
            inputs: scheme.inputs().iter().map(|input| input_form(scheme, input)).collect(),
        }
    }
}

fn input_form(scheme: &CredentialScheme, input: &CredentialInput) -> CredentialInputForm {
    CredentialInputForm {
        name: input.name.clone(),
        title: input.title.clone(),
        help: input.help.clone(),
        secret: input.secret,
        multiline: input.multiline,
        optional: scheme.may_stay_empty(input),
    }
}

impl From<&WebhookSpec> for WebhookForm {
    fn from(webhook: &WebhookSpec) -> Self {
        Self { credential: webhook.credential.clone(), setup: webhook.setup.clone() }
    }
}

impl From<&FeedSpec> for Feed {
    fn from(feed: &FeedSpec) -> Self {
        Self {
            name: feed.name.clone(),
            title: feed.title.clone(),
            every_secs: feed.every_secs,
            priority: match feed.priority {
                FeedPriority::Live => "live",
                FeedPriority::Reconcile => "reconcile",
                FeedPriority::Backfill => "backfill",
            }
            .to_owned(),
        }
    }
}

impl From<&ActionSpec> for PluginAction {
    fn from(action: &ActionSpec) -> Self {
        Self {
            name: action.name.clone(),
            title: action.title.clone(),
            description: action.description.clone(),
            subject: action.subject.clone(),
            role: action.role.clone(),
            danger: danger(action.danger).to_owned(),
            input_schema: action.input.clone(),
        }
    }
}

pub(crate) fn danger(danger: Danger) -> &'static str {
    match danger {
        Danger::Safe => "safe",
        Danger::Caution => "caution",
        Danger::Danger => "danger",
    }
}

impl From<core::Budget> for Budget {
    fn from(budget: core::Budget) -> Self {
        Self {
            cpu_ms: budget.cpu_ms,
            wall_ms: budget.wall_ms,
            memory_mib: budget.memory_mib,
            requests: budget.requests,
            response_kib: budget.response_kib,
        }
    }
}

impl From<core::PluginStats> for PluginStats {
    fn from(stats: core::PluginStats) -> Self {
        let kinds = stats.kinds.into_iter();
        Self {
            calls: stats.calls,
            failures: stats.failures,
            classes: stats.classes,
            kinds: kinds.map(|(kind, of)| (kind, KindStats { calls: of.calls, failed: of.failed })).collect(),
            cpu_us_p50: stats.cpu_us_p50,
            cpu_us_p99: stats.cpu_us_p99,
            cpu_ms_total: stats.cpu_ms_total,
            wall_us_p50: stats.wall_us_p50,
            wall_us_p99: stats.wall_us_p99,
            memory_bytes_max: stats.memory_bytes_max,
            egress_requests: stats.egress_requests,
            egress_denied: stats.egress_denied,
            log_lines_dropped: stats.log_lines_dropped,
            last_error: stats.last_error,
            last_faults: stats.last_faults.into_iter().map(ConnectionFault::from).collect(),
        }
    }
}

impl From<core::ConnectionFault> for ConnectionFault {
    fn from(fault: core::ConnectionFault) -> Self {
        Self {
            connection: fault.connection.0,
            at: utc(fault.at),
            kind: fault.kind,
            error: CallFailure {
                fault: fault.fault.name().to_owned(),
                class: fault.class.name().to_owned(),
                code: fault.code,
                message: fault.message,
            },
        }
    }
}
