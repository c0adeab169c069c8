//! Making, changing and checking connections: everything a person enters is judged here, all of it at once.

use super::judge::{Problem, credential_problems, grant_problems, name_problems, settings_problems};
use super::store::{CheckOutcome, Connection, ConnectionHealth, ConnectionStore, Inserted};
use super::webhook;
use crate::error::{Kind, StoreError};
use crate::events::{Bus, Topic};
use crate::id::{ConnectionId, PluginId};
use crate::plugins::{CallPriority, Credential, CredentialSource, Credentials, Grants, Plugins};
use crate::time::{Clock, Randomness, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// So often a connection is judged again because its plugin was changed meanwhile.
const TRIES: u32 = 4;
/// What whoever outwaits none of them is told.
const RESTLESS: &str = "its plugin is being changed; try again in a moment";

/// Why a connection cannot be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The input is wrong.
    #[error("accept the connection: {}", .0.iter().map(|p| format!("{}: {}", p.at, p.problem)).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Problem>),
    /// No such connection.
    #[error("find the connection `{0}`")]
    NotFound(ConnectionId),
    /// The name is taken, or somebody changed it meanwhile.
    #[error("keep the connection: {0}")]
    Conflict(&'static str),
    /// What a connection withholds is not among what its plugin can do, or cannot be withheld.
    #[error("accept the grants: {}", .0.iter().map(|p| format!("{}: {}", p.at, p.problem)).collect::<Vec<_>>().join("; "))]
    Withheld(Vec<Problem>),
    /// The version that the person agreed to is not the one that runs.
    #[error(
        "keep the connection: you agreed to {agreed}, but {plugin} runs {active} now: look at what it can do again"
    )]
    ConsentStale {
        /// Which plugin.
        plugin: PluginId,
        /// What was agreed to.
        agreed: String,
        /// What runs.
        active: String,
    },
    /// What the version that ran may do, or how it is set, was decided; another one runs now, or none.
    #[error("keep the connection: its plugin was updated or stopped while you changed it; look at it again")]
    PluginChanged,
    /// It is not any more what the person saw.
    #[error("keep the connection: it was changed meanwhile; look at it again")]
    Stale,
    /// The store failed.
    #[error("keep the connection")]
    Store(#[from] StoreError),
}

impl ConnectionError {
    /// The neutral kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) | Self::Withheld(_) => Kind::Invalid,
            Self::NotFound(_) => Kind::NotFound,
            Self::Conflict(_) | Self::ConsentStale { .. } | Self::PluginChanged | Self::Stale => Kind::Conflict,
            Self::Store(_) => Kind::Unavailable,
        }
    }
}

/// What a person enters.
#[derive(Debug, Clone)]
pub struct NewConnection {
    /// For people.
    pub name: String,
    /// Which plugin.
    pub plugin: PluginId,
    /// Settings.
    pub settings: serde_json::Value,
    /// Credentials.
    pub credentials: Credentials,
    /// Grants.
    pub grants: Grants,
    /// The digest of the version whose abilities the person saw; none takes the one that runs.
    pub consent: Option<String>,
}

/// What a person changes; none stays.
#[derive(Debug, Clone, Default)]
pub struct Patch {
    /// For people.
    pub name: Option<String>,
    /// On or off.
    pub enabled: Option<bool>,
    /// Replaced as a whole.
    pub settings: Option<serde_json::Value>,
    /// By name; none removes.
    pub credentials: BTreeMap<String, Option<Credential>>,
    /// Replaced as a whole.
    pub grants: Option<Grants>,
    /// Only if it was last changed then: what the person saw when they decided.
    pub seen: Option<Timestamp>,
}

/// A connection that was made or changed, and the webhook secret if the host made one: shown this once.
#[derive(Debug, Clone)]
pub struct Made {
    /// It.
    pub connection: Connection,
    /// Its new webhook secret.
    pub webhook_secret: Option<String>,
    /// What stands after the `?` of its hook's address, where deliveries are verified by a token in it and the token
    /// was set just now.
    pub hook_query: Option<String>,
}

/// The desk where connections are made.
#[derive(Clone)]
pub struct Connections {
    /// Where they are kept.
    pub store: Arc<dyn ConnectionStore>,
    /// What can be connected.
    pub plugins: Arc<dyn Plugins>,
    /// Their secrets.
    pub credentials: Arc<dyn CredentialSource>,
    /// Who is told.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids and secrets.
    pub random: Arc<dyn Randomness>,
}

impl Connections {
    /// Make one. It is for the version that runs when it is kept: if that changes while it is made, it is judged again
    /// by the other one, unless a person agreed to just the one before.
    pub async fn make(&self, new: NewConnection) -> Result<Made, ConnectionError> {
        let mut digest = self.plugins.find(&new.plugin).map(|plugin| plugin.digest);
        for _ in 0..TRIES {
            agreed(&new, digest.as_deref())?;
            match self.try_make(new.clone(), digest.clone()).await? {
                Ok(made) => return Ok(made),
                Err(None) if new.consent.is_some() => {
                    let stopped = "the version that you agreed to was stopped; look at the plugin again";
                    return Err(ConnectionError::Conflict(stopped));
                }
                Err(runs) => digest = runs,
            }
        }
        Err(ConnectionError::Conflict(RESTLESS))
    }

    /// Make one for a version, or say which one runs instead.
    async fn try_make(
        &self,
        new: NewConnection,
        digest: Option<String>,
    ) -> Result<Result<Made, Option<String>>, ConnectionError> {
        let manifest = self.plugins.manifest(&new.plugin, digest.as_deref()).ok_or_else(|| {
            let known: Vec<String> = self.plugins.installed().iter().map(|plugin| plugin.manifest.id.clone()).collect();
            invalid("/plugin", format!("`{}` is not installed; installed are {known:?}", new.plugin))
        })?;
        let settings = manifest.with_defaults(new.settings);
        let mut credentials = new.credentials;
        let webhook_secret = webhook::fill_secret(&manifest, &mut credentials, &*self.random);
        let mut problems = name_problems(&new.name);
        problems.extend(settings_problems(&manifest, &settings));
        problems.extend(credential_problems(&manifest, &credentials));
        problems.extend(grant_problems(&new.grants));
        if !problems.is_empty() {
            return Err(ConnectionError::Invalid(problems));
        }
        self.judge_withheld(&new.plugin, digest.as_deref(), &new.grants, &Grants::default())?;
        let now = self.clock.now();
        let connection = Connection {
            id: ConnectionId(format!("{}-{}", manifest.id, self.hex(8))),
            name: new.name.trim().to_owned(),
            digest: digest.map(Into::into),
            plugin: new.plugin,
            enabled: true,
            settings: Arc::new(settings),
            grants: Arc::new(new.grants),
            created_at: now,
            updated_at: now,
        };
        let feeds: Vec<String> = manifest.feeds.iter().map(|feed| feed.name.clone()).collect();
        match self.store.insert(&connection, &credentials, &feeds).await? {
            Inserted::Kept => {}
            Inserted::NameTaken => return Err(ConnectionError::Conflict("another connection has this name")),
            Inserted::OtherVersion(runs) => return Ok(Err(runs)),
        }
        self.bus.wake(Topic::Feeds);
        Ok(Ok(Made { connection, webhook_secret, hook_query: webhook::hook_query(&manifest, &credentials) }))
    }

    /// Change one. If the version that runs changes meanwhile, the change is judged again by the other one; but what a
    /// plugin may do, and how it is set, is decided about a version that somebody saw.
    pub async fn change(&self, id: &ConnectionId, patch: Patch) -> Result<Made, ConnectionError> {
        let decides = patch.grants.is_some() || patch.settings.is_some();
        for _ in 0..TRIES {
            match self.try_change(id, patch.clone()).await? {
                Some(made) => return Ok(made),
                None if decides => return Err(ConnectionError::PluginChanged),
                None => {}
            }
        }
        Err(ConnectionError::Conflict(RESTLESS))
    }

    /// Change one, judged by the version that it runs. None: it runs another one by now, or none; nothing was kept.
    async fn try_change(&self, id: &ConnectionId, patch: Patch) -> Result<Option<Made>, ConnectionError> {
        let mut connection = self.find(id).await?;
        let was = connection.updated_at;
        if patch.seen.is_some_and(|seen| seen != was) {
            return Err(ConnectionError::Stale);
        }
        let manifest = self
            .plugins
            .manifest(&connection.plugin, connection.digest.as_deref())
            .ok_or_else(|| invalid("/plugin", format!("`{}` is not installed any more", connection.plugin)))?;
        let mut problems = Vec::new();
        if let Some(name) = patch.name {
            problems.extend(name_problems(&name));
            connection.name = name.trim().to_owned();
        }
        if let Some(settings) = patch.settings {
            let settings = manifest.with_defaults(settings);
            problems.extend(settings_problems(&manifest, &settings));
            connection.settings = Arc::new(settings);
        }
        let before = Arc::clone(&connection.grants);
        if let Some(grants) = patch.grants {
            problems.extend(grant_problems(&grants));
            connection.grants = Arc::new(grants);
        }
        let mut webhook_secret = None;
        let hook_is_new =
            manifest.webhook.as_ref().is_some_and(|webhook| patch.credentials.contains_key(&webhook.credential));
        let credentials = if patch.credentials.is_empty() {
            None
        } else {
            let mut credentials = self.credentials.credentials(id).await?;
            for (name, credential) in patch.credentials {
                match credential {
                    Some(credential) => credentials.insert(name, credential),
                    None => credentials.remove(&name),
                };
            }
            webhook_secret = webhook::fill_secret(&manifest, &mut credentials, &*self.random);
            problems.extend(credential_problems(&manifest, &credentials));
            Some(credentials)
        };
        if !problems.is_empty() {
            return Err(ConnectionError::Invalid(problems));
        }
        self.judge_withheld(&connection.plugin, connection.digest.as_deref(), &connection.grants, &before)?;
        connection.enabled = patch.enabled.unwrap_or(connection.enabled);
        // Two changes within one tick of the clock must still be told apart.
        connection.updated_at = self.clock.now().max(was.plus_micros(1));
        if !self.store.update(&connection, credentials.as_ref(), was).await? {
            let now = self.find(id).await?;
            if now.updated_at == was && now.digest != connection.digest {
                return Ok(None);
            }
            let taken = "it was changed meanwhile, or another connection has this name";
            return Err(ConnectionError::Conflict(taken));
        }
        self.plugins.forget(id);
        self.plugins.regrant(id, &connection.grants);
        self.bus.wake(Topic::Feeds);
        let hook_query = hook_is_new
            .then(|| credentials.as_ref().and_then(|credentials| webhook::hook_query(&manifest, credentials)))
            .flatten();
        Ok(Some(Made { connection, webhook_secret, hook_query }))
    }

    /// What was withheld before may stay so, also when the version of today cannot do it.
    fn judge_withheld(
        &self,
        plugin: &PluginId,
        digest: Option<&str>,
        grants: &Grants,
        before: &Grants,
    ) -> Result<(), ConnectionError> {
        let new: Vec<&String> = grants.withheld.difference(&before.withheld).collect();
        if new.is_empty() {
            return Ok(());
        }
        let wants = self.plugins.wants(plugin, digest).unwrap_or_default();
        let problem = |key: &String| match wants.ability(key) {
            Some(ability) if ability.can_be_withheld => None,
            Some(_) => Some("cannot be withheld: the plugin does not work without it".to_owned()),
            None => Some("is nothing that the plugin can do; `opssight plugin inspect` lists its abilities".to_owned()),
        };
        let problems: Vec<Problem> = new
            .into_iter()
            .filter_map(|key| {
                Some(Problem { at: "/grants/withheld".to_owned(), problem: format!("`{key}` {}", problem(key)?) })
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(ConnectionError::Withheld(problems)) }
    }

    /// Remove one.
    pub async fn remove(&self, id: &ConnectionId) -> Result<(), ConnectionError> {
        if !self.store.remove(id).await? {
            return Err(ConnectionError::NotFound(id.clone()));
        }
        self.plugins.forget(id);
        Ok(())
    }

    /// Ask its plugin whether it works, and note the answer.
    pub async fn check(&self, id: &ConnectionId) -> Result<CheckOutcome, ConnectionError> {
        let connection = self.find(id).await?;
        let outcome = match self.plugins.check(&connection.target(CallPriority::Interactive)).await {
            Ok(called) => CheckOutcome {
                health: ConnectionHealth::Ok,
                summary: crate::fact::clean(&called.value.summary),
                fault: None,
                at: self.clock.now(),
            },
            Err(error) => CheckOutcome {
                health: ConnectionHealth::Failing,
                summary: crate::fact::clean(&error.message),
                fault: Some(format!("{:?}", error.fault).to_lowercase()),
                at: self.clock.now(),
            },
        };
        self.store.checked(id, &outcome).await?;
        Ok(outcome)
    }

    /// One of them.
    pub async fn find(&self, id: &ConnectionId) -> Result<Connection, ConnectionError> {
        self.store.connection(id).await?.ok_or_else(|| ConnectionError::NotFound(id.clone()))
    }

    fn hex(&self, bytes: usize) -> String {
        webhook::hex(&*self.random, bytes)
    }
}

/// Whoever agreed to a version agreed to no other one.
fn agreed(new: &NewConnection, runs: Option<&str>) -> Result<(), ConnectionError> {
    match (&new.consent, runs) {
        (Some(agreed), Some(active)) if agreed != active => Err(ConnectionError::ConsentStale {
            plugin: new.plugin.clone(),
            agreed: agreed.clone(),
            active: active.to_owned(),
        }),
        _ => Ok(()),
    }
}

fn invalid(at: &str, problem: String) -> ConnectionError {
    ConnectionError::Invalid(vec![Problem { at: at.to_owned(), problem }])
}
