//! People with accounts, and those who are invited.

use crate::keys::Role;
use crate::units::utc;
use chrono::{DateTime, Utc};
use opssight_core::identity;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Somebody with an account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// Which.
    pub id: String,
    /// Their address.
    pub email: String,
    /// As they call themselves.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// They may not sign in for now.
    pub suspended: bool,
    /// When they joined.
    pub created_at: DateTime<Utc>,
    /// When they last signed in.
    pub signed_in_at: Option<DateTime<Utc>>,
}

impl From<identity::Person> for Person {
    fn from(person: identity::Person) -> Self {
        Self {
            id: person.id.0,
            email: person.email,
            name: person.name,
            role: person.role.into(),
            suspended: person.suspended,
            created_at: utc(person.created_at),
            signed_in_at: person.signed_in_at.map(utc),
        }
    }
}

/// What is to change about somebody; what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonPatch {
    /// As they call themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What they may do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Whether they may not sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<bool>,
}

impl From<PersonPatch> for identity::PersonPatch {
    fn from(patch: PersonPatch) -> Self {
        Self { name: patch.name, role: patch.role.map(Into::into), suspended: patch.suspended }
    }
}

/// Somebody to invite.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// Their address.
    pub email: String,
    /// What they will be able to do; at most what you may.
    pub role: Role,
}

/// Somebody who may join.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// Which.
    pub id: String,
    /// Whom.
    pub email: String,
    /// What they will be able to do.
    pub role: Role,
    /// When they were invited.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
    /// When it stops working.
    pub expires_at: DateTime<Utc>,
}

impl From<identity::Invitation> for Invitation {
    fn from(invitation: identity::Invitation) -> Self {
        Self {
            id: invitation.id.0,
            email: invitation.email,
            role: invitation.role.into(),
            created_at: utc(invitation.created_at),
            created_by: invitation.created_by,
            expires_at: utc(invitation.expires_at),
        }
    }
}

/// An invitation that was made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MadeInvitation {
    /// What they join with; shown this once.
    pub token: String,
    /// Where: the path of a page of this server, with the token.
    pub path: String,
    /// The invitation.
    pub invitation: Invitation,
}

/// Look an invitation up.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationToken {
    /// From the link.
    pub token: String,
}

/// Join.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Join {
    /// From the link.
    pub token: String,
    /// As they call themselves.
    pub name: String,
    /// At least 12 characters that nobody would guess.
    pub password: String,
    /// What the session is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}
