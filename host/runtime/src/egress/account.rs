//! What is kept per connection between calls: rules, open connections, minted tokens.

use super::client::Clients;
use super::network::Networks;
use super::rule::Rules;
use crate::context::CallContext;
use crate::credentials::Tokens;
use crate::rate::Slots;
use crate::sync::{read, write};
use opssight_core::id::ConnectionId;
use opssight_core::plugins::Grants;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

/// Requests of one connection that may be under way at once.
pub(crate) const IN_FLIGHT: usize = 8;
/// And of those, what is not happening now.
const HISTORY_IN_FLIGHT: usize = 6;
/// Versions of one plugin that work for one connection at the same time: the active one, its shadow, and those whose
/// last calls are still under way.
const VERSIONS: usize = 4;
/// No call is under way for longer.
const LONGEST_CALL: Duration = Duration::from_secs(600);

/// A connection's account with its upstream.
pub(crate) struct Account {
    settings: Arc<Value>,
    pub(super) grants: Arc<Grants>,
    pub(super) rules: Rules,
    pub(super) networks: Arc<Networks>,
    pub(super) clients: Clients,
    pub(crate) tokens: Tokens,
    pub(super) slots: Slots,
}

impl Account {
    fn new(call: &CallContext, grants: Arc<Grants>) -> Self {
        let networks = Arc::new(Networks::new(&grants.networks));
        Self {
            settings: Arc::clone(&call.target.settings),
            grants,
            rules: Rules::new(&call.plugin.manifest, &call.target.settings),
            clients: Clients::new(call, Arc::clone(&networks)),
            networks,
            tokens: Tokens::default(),
            slots: Slots::new(IN_FLIGHT, HISTORY_IN_FLIGHT),
        }
    }

    /// Whether the manifest sends a credential to where a URL points.
    pub(crate) fn sends_there(&self, credential: &str, url: &url::Url) -> bool {
        self.rules.sends_there(credential, url)
    }

    /// Settings and grants are those of the call. The caller's `Arc`s are usually the very same.
    fn fits(&self, call: &CallContext, grants: &Arc<Grants>) -> bool {
        let same_settings = Arc::ptr_eq(&self.settings, &call.target.settings) || self.settings == call.target.settings;
        same_settings && (Arc::ptr_eq(&self.grants, grants) || self.grants == *grants)
    }
}

/// One connection's accounts, by the digest of the plugin's version, whose rules they follow.
type Versions = Vec<(Arc<str>, Arc<Account>)>;

/// All accounts of this host.
#[derive(Default)]
pub(crate) struct Accounts {
    known: RwLock<HashMap<ConnectionId, Versions>>,
    /// Grants that were changed, and when: calls that started before may be under way with others.
    regranted: RwLock<HashMap<ConnectionId, (Instant, Arc<Grants>)>>,
}

impl Accounts {
    /// The account of the call's connection, made anew when what it depends on has changed.
    pub(super) fn of(&self, call: &CallContext) -> Arc<Account> {
        let (connection, digest) = (&call.target.connection, &call.plugin.digest);
        let grants = self.grants(call);
        let ours = |accounts: &Versions| {
            let own = accounts.iter().find(|(version, _)| version == digest);
            own.map(|(_, account)| account).filter(|account| account.fits(call, &grants)).cloned()
        };
        if let Some(account) = read(&self.known).get(connection).and_then(ours) {
            return account;
        }
        let mut known = write(&self.known);
        let accounts = known.entry(connection.clone()).or_default();
        // Calls that start at once all find none. The first makes it and the others share it, with the tokens in it.
        if let Some(account) = ours(accounts) {
            return account;
        }
        let account = Arc::new(Account::new(call, grants));
        accounts.retain(|(version, _)| version != digest);
        if accounts.len() == VERSIONS {
            accounts.remove(0);
        }
        accounts.push((Arc::clone(digest), Arc::clone(&account)));
        account
    }

    /// What holds for the next request of a call: what it started with, or what was granted since.
    fn grants(&self, call: &CallContext) -> Arc<Grants> {
        let regranted = read(&self.regranted);
        let since = regranted.get(&call.target.connection).filter(|(at, _)| *at >= call.meter.started());
        Arc::clone(since.map_or(&call.target.grants, |(_, grants)| grants))
    }

    /// Drop tokens and open connections.
    pub(crate) fn forget(&self, connection: &ConnectionId) {
        write(&self.known).remove(connection);
    }

    /// From now on these grants hold, also for calls that are under way.
    pub(crate) fn regrant(&self, connection: &ConnectionId, grants: &Arc<Grants>) {
        let mut regranted = write(&self.regranted);
        regranted.retain(|_, (at, _)| at.elapsed() < LONGEST_CALL);
        regranted.insert(connection.clone(), (Instant::now(), Arc::clone(grants)));
    }
}
