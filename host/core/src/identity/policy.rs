//! What a role allows: one table, asked in one place. What is not in it nobody may do.

use std::fmt;

/// What somebody is here for. Each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look, and change nothing.
    Viewer,
    /// Keep things going: act on runs, sync connections, replay deliveries.
    Operator,
    /// Everything.
    Admin,
}

impl Role {
    /// All, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The word in the store and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// From the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == text)
    }
}

/// Something that may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Pipelines, their runs, deployments, changes and figures, and that they change.
    ReadPipelines,
    /// Connections, without what proves who OpsSight is there.
    ReadConnections,
    /// The log of deliveries, with what they carried.
    ReadDeliveries,
    /// Metrics.
    ReadMetrics,
    /// Plugins, what they did, and what can be installed.
    ReadPlugins,
    /// How the host is, and what its API is.
    ReadHost,
    /// Let plugins act: run again, cancel.
    RunActions,
    /// Pull what a connection has, and ask whether it works.
    SyncConnections,
    /// Process deliveries again.
    ReplayDeliveries,
    /// Make, change and remove connections, with their credentials.
    ChangeConnections,
    /// Install, change and remove plugins.
    ChangePlugins,
    /// Whose plugins are believed, and which are not.
    ChangeTrust,
    /// A plugin's own bytes.
    DownloadPlugins,
    /// Who has a key.
    ReadKeys,
    /// Make keys and revoke them.
    ChangeKeys,
    /// Who has an account, and who is invited.
    ReadPeople,
    /// Invite people, say what they may do, and remove them.
    ChangePeople,
}

/// The table: the verb, what it is about, and the least role that may.
const TABLE: [(Permission, &str, &str, Role); 17] = [
    (Permission::ReadPipelines, "read", "pipelines", Role::Viewer),
    (Permission::ReadConnections, "read", "connections", Role::Viewer),
    (Permission::ReadDeliveries, "read", "deliveries", Role::Viewer),
    (Permission::ReadMetrics, "read", "metrics", Role::Viewer),
    (Permission::ReadPlugins, "read", "plugins", Role::Viewer),
    (Permission::ReadHost, "read", "host", Role::Viewer),
    (Permission::RunActions, "run", "actions", Role::Operator),
    (Permission::SyncConnections, "sync", "connections", Role::Operator),
    (Permission::ReplayDeliveries, "replay", "deliveries", Role::Operator),
    (Permission::ChangeConnections, "change", "connections", Role::Admin),
    (Permission::ChangePlugins, "change", "plugins", Role::Admin),
    (Permission::ChangeTrust, "change", "trust", Role::Admin),
    (Permission::DownloadPlugins, "download", "plugins", Role::Admin),
    (Permission::ReadKeys, "read", "keys", Role::Admin),
    (Permission::ChangeKeys, "change", "keys", Role::Admin),
    (Permission::ReadPeople, "read", "people", Role::Viewer),
    (Permission::ChangePeople, "change", "people", Role::Admin),
];

impl Permission {
    /// All, in the order in which they are shown.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.into_iter().map(|(permission, ..)| permission)
    }

    /// From its words: "change", "connections".
    pub fn parse(verb: &str, what: &str) -> Option<Self> {
        let found = TABLE.into_iter().find(|(_, has_verb, has_what, _)| *has_verb == verb && *has_what == what);
        found.map(|(permission, ..)| permission)
    }

    /// Its words: what is done, and to what.
    pub fn words(self) -> (&'static str, &'static str) {
        let found = TABLE.into_iter().find(|(permission, ..)| *permission == self);
        found.map_or(("", ""), |(_, verb, what, _)| (verb, what))
    }

    /// The least role that may; none: nobody.
    fn least(self) -> Option<Role> {
        TABLE.into_iter().find(|(permission, ..)| *permission == self).map(|(.., least)| least)
    }

    /// Only somebody who signed in may, whatever the role of a key: one that was lost would else outlive being revoked.
    fn is_for_people(self) -> bool {
        matches!(self, Self::ChangeKeys | Self::ChangePeople)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, what) = self.words();
        write!(f, "{verb} {what}")
    }
}

/// Who is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Their role.
    pub role: Role,
    /// Whether they signed in, or have a key.
    pub has_signed_in: bool,
}

/// What was decided, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// They may: their role is at least this one.
    Allowed(Role),
    /// They may not: it needs at least this role.
    Lacks(Role),
    /// They may not: only somebody who signed in may.
    ForPeople,
    /// Nobody may.
    ForNobody,
}

impl Decision {
    /// Whether they may.
    pub fn is_allowed(self) -> bool {
        matches!(self, Self::Allowed(_))
    }

    /// Why, in a sentence's end.
    pub fn because(self, role: Role) -> String {
        let role = role.name();
        match self {
            Self::Allowed(least) if least.name() == role => format!("the role {role} may"),
            Self::Allowed(least) => format!("the role {role} may all that {} may", least.name()),
            Self::Lacks(least) => format!("it needs the role {}, and this is {role}", least.name()),
            Self::ForPeople => "it needs somebody who signed in, and this is a key".to_owned(),
            Self::ForNobody => "nothing allows it to anybody".to_owned(),
        }
    }
}

/// Whether somebody may do something. Nothing else decides that.
pub fn decide(who: Standing, permission: Permission) -> Decision {
    match permission.least() {
        None => Decision::ForNobody,
        Some(least) if who.role < least => Decision::Lacks(least),
        Some(_) if permission.is_for_people() && !who.has_signed_in => Decision::ForPeople,
        Some(least) => Decision::Allowed(least),
    }
}

#[cfg(test)]
mod tests {
    use super::{Decision, Permission, Role, Standing, TABLE, decide};
    use std::collections::BTreeSet;

    fn may(role: Role, has_signed_in: bool, permission: Permission) -> bool {
        decide(Standing { role, has_signed_in }, permission).is_allowed()
    }

    #[test]
    fn a_role_may_what_those_before_it_may() {
        let of = |role| Permission::all().filter(|permission| may(role, true, *permission)).collect::<BTreeSet<_>>();
        let [viewer, operator, admin] = Role::ALL.map(of);
        assert!(viewer.is_subset(&operator) && operator.is_subset(&admin));
        assert_eq!((viewer.len(), operator.len(), admin.len()), (7, 10, TABLE.len()));
        assert!(viewer.iter().all(|permission| permission.words().0 == "read"));
    }

    #[test]
    fn a_key_makes_no_keys() {
        assert!(may(Role::Admin, true, Permission::ChangeKeys));
        assert!(!may(Role::Admin, false, Permission::ChangeKeys));
        assert!(may(Role::Admin, false, Permission::ReadKeys));
        let key = Standing { role: Role::Admin, has_signed_in: false };
        assert_eq!(decide(key, Permission::ChangeKeys), Decision::ForPeople);
    }

    #[test]
    fn words_lead_back_to_what_they_are_of() {
        for permission in Permission::all() {
            let (verb, what) = permission.words();
            assert_eq!(Permission::parse(verb, what), Some(permission));
        }
        assert_eq!(Permission::parse("change", "weather"), None);
        for role in Role::ALL {
            assert_eq!(Role::parse(role.name()), Some(role));
        }
    }

    #[test]
    fn a_decision_says_why() {
        let said = |role, permission| decide(Standing { role, has_signed_in: true }, permission).because(role);
        assert_eq!(said(Role::Viewer, Permission::ChangePlugins), "it needs the role admin, and this is viewer");
        assert_eq!(said(Role::Operator, Permission::RunActions), "the role operator may");
        assert_eq!(said(Role::Admin, Permission::ReadMetrics), "the role admin may all that viewer may");
    }
}
