//! From and to the core's connections.

use super::{
    CheckResult, Connection, ConnectionPatch, ConnectionStatus, CredentialInput, CredentialState, FeedStatus, Grants,
    NewConnection,
};
use crate::units::utc;
use opssight_core::connections as core;
use opssight_core::plugins::{Credential, Credentials, Manifest};

impl Connection {
    /// A connection as people may see it: its credentials only as far as the manifest says that they are no secrets.
    /// Without a manifest (the plugin is gone) nothing of them is shown.
    pub fn of(
        connection: core::Connection,
        status: core::ConnectionStatus,
        credentials: &Credentials,
        manifest: Option<&Manifest>,
    ) -> Self {
        let webhook = manifest.is_some_and(|manifest| manifest.webhook.is_some());
        Self {
            hook_path: webhook.then(|| format!("/hooks/{}", connection.id)),
            id: connection.id.0,
            name: connection.name,
            plugin: connection.plugin.0,
            digest: connection.digest.map(|digest| digest.to_string()),
            enabled: connection.enabled,
            settings: (*connection.settings).clone(),
            credentials: credentials
                .iter()
                .map(|(name, credential)| (name.clone(), CredentialState::of(name, credential, manifest)))
                .collect(),
            grants: (*connection.grants).clone().into(),
            webhook_secret: None,
            created_at: utc(connection.created_at),
            updated_at: utc(connection.updated_at),
            status: status.into(),
        }
    }
}

impl CredentialState {
    fn of(name: &str, credential: &Credential, manifest: Option<&Manifest>) -> Self {
        let scheme = manifest
            .and_then(|manifest| manifest.credential(name))
            .and_then(|spec| spec.schemes.iter().find(|scheme| scheme.name() == credential.scheme));
        let is_open = |input: &str| {
            scheme.is_some_and(|scheme| scheme.inputs().iter().any(|spec| spec.name == input && !spec.secret))
        };
        let (open, secret): (Vec<_>, Vec<_>) = credential.inputs.iter().partition(|(input, _)| is_open(input));
        Self {
            scheme: credential.scheme.clone(),
            inputs: open.into_iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            secrets: secret.into_iter().map(|(name, _)| name.clone()).collect(),
        }
    }
}

impl From<core::ConnectionStatus> for ConnectionStatus {
    fn from(status: core::ConnectionStatus) -> Self {
        let health = status.check.as_ref().map_or(core::ConnectionHealth::Unknown, |check| check.health);
        Self {
            health: word(health).to_owned(),
            checked_at: status.check.as_ref().map(|check| utc(check.at)),
            summary: status.check.map(|check| check.summary),
            last_delivery_at: status.last_delivery_at.map(utc),
            pending: status.pending,
            failed: status.failed,
            feeds: status.feeds.into_iter().map(FeedStatus::from).collect(),
        }
    }
}

impl From<core::FeedStatus> for FeedStatus {
    fn from(feed: core::FeedStatus) -> Self {
        Self {
            name: feed.name,
            last_success_at: feed.last_success_at.map(utc),
            next_at: feed.next_at.map(utc),
            error: feed.error,
            items: feed.items,
        }
    }
}

impl From<core::CheckOutcome> for CheckResult {
    fn from(outcome: core::CheckOutcome) -> Self {
        Self { health: word(outcome.health).to_owned(), summary: outcome.summary, fault: outcome.fault }
    }
}

fn word(health: core::ConnectionHealth) -> &'static str {
    match health {
        core::ConnectionHealth::Unknown => "unknown",
        core::ConnectionHealth::Ok => "ok",
        core::ConnectionHealth::Failing => "failing",
    }
}

impl From<opssight_core::plugins::Grants> for Grants {
    fn from(grants: opssight_core::plugins::Grants) -> Self {
        Self { networks: grants.networks, insecure_http: grants.insecure_http, withheld: grants.withheld }
    }
}

impl From<Grants> for opssight_core::plugins::Grants {
    fn from(grants: Grants) -> Self {
        Self { networks: grants.networks, insecure_http: grants.insecure_http, withheld: grants.withheld }
    }
}

impl From<CredentialInput> for Credential {
    fn from(input: CredentialInput) -> Self {
        Self { scheme: input.scheme, inputs: input.inputs }
    }
}

impl From<NewConnection> for core::NewConnection {
    fn from(new: NewConnection) -> Self {
        Self {
            name: new.name,
            plugin: new.plugin.into(),
            settings: new.settings,
            credentials: new.credentials.into_iter().map(|(name, input)| (name, input.into())).collect(),
            grants: new.grants.into(),
            consent: new.consent,
        }
    }
}

impl From<ConnectionPatch> for core::Patch {
    fn from(patch: ConnectionPatch) -> Self {
        let removed = patch.remove_credentials.into_iter().map(|name| (name, None));
        let replaced = patch.credentials.into_iter().map(|(name, input)| (name, Some(input.into())));
        Self {
            name: patch.name,
            enabled: patch.enabled,
            settings: patch.settings,
            // What is both removed and given is replaced.
            credentials: removed.chain(replaced).collect(),
            grants: patch.grants.map(opssight_core::plugins::Grants::from),
            seen: None,
        }
    }
}
