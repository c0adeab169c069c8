//! What is kept per connection between calls: rules, open connections, minted tokens, the upstream's patience.

use super::client::Clients;
use super::network::Networks;
use super::rule::Rules;
use crate::context::CallContext;
use crate::credentials::Tokens;
use crate::rate::RateGate;
use crate::sync::{read, write};
use opssight_core::id::ConnectionId;
use opssight_core::plugins::Grants;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use tokio::sync::Semaphore;

/// Requests of one connection that may be under way at once.
const IN_FLIGHT: usize = 8;

/// A connection's account with its upstream.
pub(crate) struct Account {
    settings: Arc<Value>,
    grants: Arc<Grants>,
    digest: Arc<str>,
    pub(super) rules: Rules,
    pub(super) networks: Arc<Networks>,
    pub(super) clients: Clients,
    pub(crate) tokens: Tokens,
    pub(super) patience: RateGate,
    pub(super) in_flight: Semaphore,
}

impl Account {
    fn new(call: &CallContext) -> Self {
        let networks = Arc::new(Networks::new(&call.target.grants.networks));
        Self {
            settings: Arc::clone(&call.target.settings),
            grants: Arc::clone(&call.target.grants),
            digest: Arc::clone(&call.plugin.digest),
            rules: Rules::new(&call.plugin.manifest, &call.target.settings),
            clients: Clients::new(Arc::clone(&call.services.resolver), Arc::clone(&networks)),
            networks,
            tokens: Tokens::default(),
            patience: RateGate::default(),
            in_flight: Semaphore::new(IN_FLIGHT),
        }
    }

    /// Whether the manifest sends a credential to where a URL points.
    pub(crate) fn sends_there(&self, credential: &str, url: &url::Url) -> bool {
        self.rules.sends_there(credential, url)
    }

    /// Settings, grants and plugin are those of the call. The caller's `Arc`s are usually the very same.
    fn fits(&self, call: &CallContext) -> bool {
        let same_settings = Arc::ptr_eq(&self.settings, &call.target.settings) || self.settings == call.target.settings;
        let same_grants = Arc::ptr_eq(&self.grants, &call.target.grants) || self.grants == call.target.grants;
        same_settings && same_grants && self.digest == call.plugin.digest
    }
}

/// All accounts of this host.
#[derive(Default)]
pub(crate) struct Accounts(RwLock<HashMap<ConnectionId, Arc<Account>>>);

impl Accounts {
    /// The account of the call's connection, made anew when what it depends on has changed.
    pub(super) fn of(&self, call: &CallContext) -> Arc<Account> {
        let connection = &call.target.connection;
        if let Some(account) = read(&self.0).get(connection).filter(|account| account.fits(call)) {
            return Arc::clone(account);
        }
        let account = Arc::new(Account::new(call));
        write(&self.0).insert(connection.clone(), Arc::clone(&account));
        account
    }

    /// Drop tokens and open connections.
    pub(crate) fn forget(&self, connection: &ConnectionId) {
        write(&self.0).remove(connection);
    }
}
