//! At the door: is it for somebody, is it genuine, then keep it. Nothing is parsed here.

use super::inbox::{Accepted, DeliveryFault, Inbox, NewDelivery, Rejection};
use crate::connections::{Connection, ConnectionStore};
use crate::error::{Kind, StoreError};
use crate::events::{Bus, Topic};
use crate::id::ConnectionId;
use crate::plugins::manifest::WebhookSpec;
use crate::plugins::{CallPriority, CredentialSource, Manifest, Plugins, RawDelivery, VerifyError, abilities};
use crate::time::Clock;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Why a delivery is not taken.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// No such connection.
    #[error("find the connection `{0}`: check the last part of the hook's address against `opssight connections list`")]
    NoConnection(ConnectionId),
    /// The connection is switched off.
    #[error("take the delivery: the connection `{0}` is switched off")]
    Disabled(ConnectionId),
    /// The connection does not let its plugin take deliveries.
    #[error("take the delivery: the connection `{0}` withholds deliveries from its plugin")]
    Withheld(ConnectionId),
    /// The connection's plugin is not installed.
    #[error("take the delivery: the plugin `{0}` is not installed on this host")]
    NoPlugin(String),
    /// It is not genuine, or cannot be checked.
    #[error("verify the delivery: {0}; check that the secret entered upstream is the connection's webhook secret")]
    NotGenuine(#[from] VerifyError),
    /// Too large.
    #[error("take the delivery: its body has more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// Could not be kept.
    #[error("keep the delivery")]
    Store(#[from] StoreError),
}

impl HookError {
    /// The neutral kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::NoConnection(_) => Kind::NotFound,
            Self::Disabled(_) | Self::Withheld(_) => Kind::Conflict,
            Self::NoPlugin(_) | Self::Store(_) => Kind::Unavailable,
            Self::NotGenuine(VerifyError::NoSecret | VerifyError::BadSecret | VerifyError::NotReceiving) => {
                Kind::Conflict
            }
            Self::NotGenuine(_) => Kind::Unauthenticated,
            Self::TooLarge { .. } => Kind::TooMany,
        }
    }

    /// The machine-readable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoConnection(_) => "unknown-connection",
            Self::Disabled(_) => "connection-disabled",
            Self::Withheld(_) => "deliveries-withheld",
            Self::NoPlugin(_) => "plugin-not-installed",
            Self::NotGenuine(VerifyError::Missing) => "signature-missing",
            Self::NotGenuine(VerifyError::Malformed) => "signature-malformed",
            Self::NotGenuine(VerifyError::Mismatch) => "signature-mismatch",
            Self::NotGenuine(VerifyError::Expired) => "signature-expired",
            Self::NotGenuine(VerifyError::NoSecret) => "no-webhook-secret",
            Self::NotGenuine(VerifyError::BadSecret) => "webhook-secret-unusable",
            Self::NotGenuine(VerifyError::NotReceiving) => "takes-no-deliveries",
            Self::TooLarge { .. } => "body-too-large",
            Self::Store(_) => "store-unavailable",
        }
    }
}

/// The door.
#[derive(Clone)]
pub struct Hooks {
    /// Where deliveries are kept.
    pub inbox: Arc<dyn Inbox>,
    /// Whom they are for.
    pub connections: Arc<dyn ConnectionStore>,
    /// What verifies them.
    pub plugins: Arc<dyn Plugins>,
    /// With which secrets.
    pub credentials: Arc<dyn CredentialSource>,
    /// Who is told.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Hooks {
    /// The connection that a hook address names, if it can take deliveries now. Called before the body is read, so
    /// that strangers cannot make the host read megabytes.
    pub async fn addressee(&self, id: &ConnectionId) -> Result<Connection, HookError> {
        let connection = self.connections.connection(id).await?.ok_or_else(|| HookError::NoConnection(id.clone()))?;
        if !connection.enabled {
            return Err(HookError::Disabled(id.clone()));
        }
        if !connection.grants.allow(abilities::RECEIVE) {
            return Err(HookError::Withheld(id.clone()));
        }
        Ok(connection)
    }

    /// Take a delivery: returns once it is durable. Header names are lower case.
    pub async fn receive(
        &self,
        connection: &Connection,
        headers: &[(String, String)],
        query: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Accepted, HookError> {
        let received_at = self.clock.now();
        let manifest = self.manifest(connection)?;
        let webhook = webhook_of(&manifest)?;
        let credentials = self.credentials.credentials(&connection.id).await?;
        let named = names(webhook, headers);
        let raw = RawDelivery { headers, query, body: &body, received_at };
        if let Err(error) = self.plugins.verify(&connection.target(CallPriority::Live), &credentials, &raw) {
            let error = HookError::NotGenuine(error);
            self.note_rejection(connection, named, body.len() as u64, &error).await?;
            return Err(error);
        }
        let (upstream_id, event) = named;
        let delivery = NewDelivery {
            connection: connection.id.clone(),
            // One whose upstream gives no id is named by what it says.
            upstream_id: upstream_id.unwrap_or_else(|| format!("sha256:{}", sha256(&body))),
            event,
            headers: headers.iter().filter(|(name, _)| webhook.headers.contains(name)).cloned().collect(),
            body,
            received_at,
        };
        self.keep(delivery).await
    }

    /// What the connection's plugin says of itself.
    pub(super) fn manifest(&self, connection: &Connection) -> Result<Arc<Manifest>, HookError> {
        self.plugins
            .manifest(&connection.plugin, connection.digest.as_deref())
            .ok_or_else(|| HookError::NoPlugin(connection.plugin.to_string()))
    }

    /// Behind both doors: returns once it is durable.
    pub(super) async fn keep(&self, delivery: NewDelivery) -> Result<Accepted, HookError> {
        let accepted = self.inbox.accept(delivery).await?;
        if !accepted.duplicate {
            self.bus.wake(Topic::Inbox);
        }
        Ok(accepted)
    }

    /// Note that a body was too large to be read.
    pub async fn too_large(
        &self,
        connection: &Connection,
        headers: &[(String, String)],
        size: u64,
        limit: u64,
    ) -> HookError {
        let error = HookError::TooLarge { limit };
        let manifest = self.manifest(connection).ok();
        let webhook = manifest.as_deref().and_then(|manifest| manifest.webhook.as_ref());
        let named = webhook.map(|webhook| names(webhook, headers)).unwrap_or_default();
        match self.note_rejection(connection, named, size, &error).await {
            Ok(()) => error,
            Err(store) => HookError::Store(store),
        }
    }

    async fn note_rejection(
        &self,
        connection: &Connection,
        (upstream_id, event): (Option<String>, Option<String>),
        size: u64,
        error: &HookError,
    ) -> Result<(), StoreError> {
        let fault =
            DeliveryFault { fault: "sender".to_owned(), code: error.code().to_owned(), message: error.to_string() };
        self.inbox
            .reject(Rejection {
                connection: connection.id.clone(),
                upstream_id,
                event,
                size,
                received_at: self.clock.now(),
                fault,
            })
            .await
    }
}

/// The upstream's id and the event's name, as far as headers tell.
pub(super) fn names(webhook: &WebhookSpec, headers: &[(String, String)]) -> (Option<String>, Option<String>) {
    let find = |wanted: Option<&str>| {
        let wanted = wanted?;
        let (_, value) = headers.iter().find(|(name, _)| name == wanted)?;
        let value: String = crate::fact::clean(value).chars().take(200).collect();
        (!value.is_empty()).then_some(value)
    };
    (find(webhook.delivery_id_header()), find(webhook.event.as_deref()))
}

/// How the plugin takes deliveries.
pub(super) fn webhook_of(manifest: &Manifest) -> Result<&WebhookSpec, HookError> {
    manifest.webhook.as_ref().ok_or(HookError::NotGenuine(VerifyError::NotReceiving))
}

/// A name made of what something says, in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
