//! People with accounts: who they are, what they may, how they come and go.

use super::passwords::NoAttempt;
use super::{Identity, Role, SecretHash, Session, TooMany};
use crate::error::{Kind, StoreError};
use crate::fact::clean;
use crate::id::{InvitationId, PersonId};
use crate::time::Timestamp;
use async_trait::async_trait;

/// What an invitation begins with, for whoever reads it.
const INVITATION: &str = "opsinv";
/// How long an invitation is good for.
const INVITATION_SECS: i64 = 7 * 24 * 3600;
const NAME_LENGTH: usize = 100;
/// The longest address that mail knows.
const EMAIL_LENGTH: usize = 254;

/// Somebody with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Which.
    pub id: PersonId,
    /// Their address, in lower case: they are told apart by it.
    pub email: String,
    /// As they call themselves.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// They may not sign in for now.
    pub suspended: bool,
    /// When they joined.
    pub created_at: Timestamp,
    /// When they last signed in.
    pub signed_in_at: Option<Timestamp>,
}

/// Somebody who may join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Which.
    pub id: InvitationId,
    /// Whom.
    pub email: String,
    /// What they will be able to do.
    pub role: Role,
    /// When they were invited.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it stops working.
    pub expires_at: Timestamp,
}

/// What is to change; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct PersonPatch {
    /// As they call themselves.
    pub name: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// Whether they may not sign in.
    pub suspended: Option<bool>,
}

/// The port. A password is kept as the text that [`super::Passwords`] made of it.
#[async_trait]
pub trait PeopleStore: Send + Sync {
    /// Everybody, by address.
    async fn people(&self) -> Result<Vec<Person>, StoreError>;
    /// Somebody.
    async fn person(&self, id: &PersonId) -> Result<Option<Person>, StoreError>;
    /// Somebody by their address, with what is kept of their password.
    async fn person_by_email(&self, email: &str) -> Result<Option<(Person, Option<String>)>, StoreError>;
    /// Keep what changed about somebody. The sessions that they have; none: they are gone.
    async fn change_person(&self, id: &PersonId, patch: &PersonPatch) -> Result<Option<Vec<SecretHash>>, StoreError>;
    /// Forget somebody with their sessions, which are answered with; none: they were gone.
    async fn remove_person(&self, id: &PersonId) -> Result<Option<Vec<SecretHash>>, StoreError>;
    /// Keep another password in the place of the one that was looked at, and end all sessions but one; those that ended.
    /// None: it is another one by now, or they are gone.
    async fn set_password(
        &self,
        id: &PersonId,
        (was, is): (&str, &str),
        keep: &SecretHash,
    ) -> Result<Option<Vec<SecretHash>>, StoreError>;
    /// Keep a session of somebody whose password was looked at. False: it is another one by now, or they may not sign in
    /// any more.
    async fn begin_session(&self, session: &Session, password: &str, now: Timestamp) -> Result<bool, StoreError>;
    /// Keep an invitation in the place of an earlier one of the same address; false: somebody has that address.
    async fn invite(&self, invitation: &Invitation, token: &SecretHash) -> Result<bool, StoreError>;
    /// Those that have not ended, by address.
    async fn invitations(&self, now: Timestamp) -> Result<Vec<Invitation>, StoreError>;
    /// The invitation of a token, if it has not ended.
    async fn invitation(&self, token: &SecretHash, now: Timestamp) -> Result<Option<Invitation>, StoreError>;
    /// Take an invitation back. False: there is none.
    async fn withdraw(&self, id: &InvitationId) -> Result<bool, StoreError>;
    /// Somebody joins by an invitation, which is used up. False: it was used or taken back meanwhile.
    async fn join(&self, by: &InvitationId, person: &Person, password: &str) -> Result<bool, StoreError>;
}

/// Why something about people is not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeopleError {
    /// What was entered is wrong.
    #[error("{at}: {problem}")]
    Invalid {
        /// Which field.
        at: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// They have an account.
    #[error("invite {0}: they have an account already")]
    HasAccount(String),
    /// Nobody gives away more than they have, or takes it from those who have more.
    #[error("change what somebody may do: the role {0} is more than your own")]
    MoreThanYours(&'static str),
    /// There is none.
    #[error("find the person: there is nobody `{0}`")]
    NotFound(String),
    /// There is none.
    #[error("find the invitation: there is none `{0}`")]
    NoInvitation(String),
    /// It is not one, was used, was taken back, or has ended.
    #[error("join: this invitation is not good any more; sign in if you have joined already, or ask for another one")]
    BadInvitation,
    /// Whoever has the admin's secret is nobody in particular.
    #[error("change the password: you have no account here; `opssight admin reset` makes another secret")]
    NoAccount,
    /// It was tried too often.
    #[error("change the password: it was tried too often; try again later")]
    TooMany(#[from] TooMany),
    /// The store failed.
    #[error("look after people")]
    Store(#[from] StoreError),
}

impl PeopleError {
    /// For those who answer.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Invalid { .. } => Kind::Invalid,
            Self::HasAccount(_) | Self::NoAccount => Kind::Conflict,
            Self::MoreThanYours(_) => Kind::Forbidden,
            Self::NotFound(_) | Self::NoInvitation(_) | Self::BadInvitation => Kind::NotFound,
            Self::TooMany(_) => Kind::TooMany,
            Self::Store(_) => Kind::Unavailable,
        }
    }
}

impl From<NoAttempt> for PeopleError {
    fn from(error: NoAttempt) -> Self {
        match error {
            NoAttempt::TooMany(error) => Self::TooMany(error),
            NoAttempt::Store(error) => Self::Store(error),
        }
    }
}

/// An address as it is kept, if it is one that mail could go to.
pub(super) fn email(text: &str) -> Result<String, PeopleError> {
    let text = text.trim().to_lowercase();
    let wrong = |problem: &str| Err(PeopleError::Invalid { at: "email", problem: problem.to_owned() });
    let Some((name, domain)) = text.rsplit_once('@') else { return wrong("must be an address as ada@example.com") };
    let is_plain = clean(&text) == text && !text.contains(char::is_whitespace);
    if name.is_empty() || domain.is_empty() || domain.starts_with('.') || domain.ends_with('.') || !is_plain {
        return wrong("must be an address as ada@example.com");
    }
    if text.len() > EMAIL_LENGTH {
        return wrong("is longer than any address");
    }
    Ok(text)
}

fn name(text: &str) -> Result<String, PeopleError> {
    let text = text.trim();
    let wrong = |problem: String| Err(PeopleError::Invalid { at: "name", problem });
    match text.chars().count() {
        0 => wrong("must not be empty".to_owned()),
        length if length > NAME_LENGTH => wrong(format!("must have at most {NAME_LENGTH} characters")),
        _ if clean(text) != text => wrong("must be plain text on one line".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

impl Identity {
    /// Invite somebody, by somebody of this name and role. What they join with is returned this once.
    pub async fn invite(
        &self,
        address: &str,
        role: Role,
        by: (&str, Role),
    ) -> Result<(String, Invitation), PeopleError> {
        let address = email(address)?;
        if role > by.1 {
            return Err(PeopleError::MoreThanYours(role.name()));
        }
        let (token, now) = (self.secret(INVITATION), self.clock.now());
        let invitation = Invitation {
            id: InvitationId(self.id("inv")),
            email: address,
            role,
            created_at: now,
            created_by: by.0.to_owned(),
            expires_at: now.plus_secs(INVITATION_SECS),
        };
        match self.people.invite(&invitation, &SecretHash::of(&token)).await? {
            true => Ok((token, invitation)),
            false => Err(PeopleError::HasAccount(invitation.email)),
        }
    }

    /// Whom an invitation is for.
    pub async fn invited(&self, token: &str) -> Result<Invitation, PeopleError> {
        let found = self.people.invitation(&SecretHash::of(token), self.clock.now()).await?;
        found.ok_or(PeopleError::BadInvitation)
    }

    /// Join by an invitation. The answer is the token of a session, and the session.
    pub async fn join(
        &self,
        token: &str,
        (called, password): (&str, &str),
        label: &str,
    ) -> Result<(String, Session), PeopleError> {
        let invitation = self.invited(token).await?;
        let called = name(called)?;
        self.strong("password", password, &[&invitation.email, &called])?;
        let person = Person {
            id: PersonId(self.id("per")),
            email: invitation.email,
            name: called,
            role: invitation.role,
            suspended: false,
            created_at: self.clock.now(),
            signed_in_at: None,
        };
        let kept = self.passwords.keep(password).await?;
        if !self.people.join(&invitation.id, &person, &kept).await? {
            return Err(PeopleError::BadInvitation);
        }
        self.begin_session(&person, &kept, label).await?.ok_or(PeopleError::BadInvitation)
    }

    /// Take an invitation back.
    pub async fn withdraw(&self, id: &InvitationId) -> Result<(), PeopleError> {
        match self.people.withdraw(id).await? {
            true => Ok(()),
            false => Err(PeopleError::NoInvitation(clean(id.as_str()))),
        }
    }

    /// Change somebody, by somebody of this role. It holds from their next request on.
    pub async fn change_person(&self, id: &PersonId, patch: PersonPatch, by: Role) -> Result<Person, PeopleError> {
        let not_found = || PeopleError::NotFound(clean(id.as_str()));
        let before = self.people.person(id).await?.ok_or_else(not_found)?;
        if let Some(more) = [Some(before.role), patch.role].into_iter().flatten().find(|role| *role > by) {
            return Err(PeopleError::MoreThanYours(more.name()));
        }
        let patch = PersonPatch { name: patch.name.as_deref().map(name).transpose()?, ..patch };
        self.forget_sessions_of(id).await?;
        let sessions = self.people.change_person(id, &patch).await?.ok_or_else(not_found)?;
        self.store.forget_sessions(&sessions).await;
        self.people.person(id).await?.ok_or_else(not_found)
    }

    /// Forget somebody, with their sessions.
    pub async fn remove_person(&self, id: &PersonId, by: Role) -> Result<(), PeopleError> {
        let not_found = || PeopleError::NotFound(clean(id.as_str()));
        let before = self.people.person(id).await?.ok_or_else(not_found)?;
        if before.role > by {
            return Err(PeopleError::MoreThanYours(before.role.name()));
        }
        self.forget_sessions_of(id).await?;
        let sessions = self.people.remove_person(id).await?.ok_or_else(not_found)?;
        self.store.forget_sessions(&sessions).await;
        Ok(())
    }

    /// Before something about somebody changes: what dies right after the change must not leave what was remembered of
    /// them before it. Afterwards it is done again, for what began meanwhile.
    async fn forget_sessions_of(&self, id: &PersonId) -> Result<(), StoreError> {
        let theirs = self.store.sessions(Some(id), self.clock.now()).await?;
        let tokens: Vec<SecretHash> = theirs.into_iter().map(|session| session.token).collect();
        self.store.forget_sessions(&tokens).await;
        Ok(())
    }

    fn strong(&self, at: &'static str, password: &str, about: &[&str]) -> Result<(), PeopleError> {
        match self.passwords.weakness(password, about) {
            Some(problem) => Err(PeopleError::Invalid { at, problem }),
            None => Ok(()),
        }
    }

    /// Another password for whoever has this session; their other sessions end. The one until now is asked for as often
    /// as at signing in: a session that was stolen must not become the password.
    pub async fn change_password(&self, of: &Session, (current, new): (&str, &str)) -> Result<(), PeopleError> {
        let owner = of.owner.as_ref().ok_or(PeopleError::NoAccount)?;
        let account = self.try_account(&owner.email).await?;
        let found = self.people.person_by_email(&owner.email).await?;
        let kept = found.as_ref().and_then(|(_, kept)| kept.clone());
        let is_right = self.passwords.is(current, kept.as_deref()).await?;
        let Some((person, _)) = found.filter(|_| is_right) else {
            return Err(PeopleError::Invalid { at: "current", problem: "is not your password".to_owned() });
        };
        self.attempts.succeeded(&account).await?;
        self.strong("new", new, &[&person.email, &person.name])?;
        let new = self.passwords.keep(new).await?;
        self.forget_sessions_of(&person.id).await?;
        let was = kept.as_deref().unwrap_or_default();
        let wrong = || PeopleError::Invalid { at: "current", problem: "is not your password any more".to_owned() };
        let ended = self.people.set_password(&person.id, (was, &new), &of.token).await?.ok_or_else(wrong)?;
        self.store.forget_sessions(&ended).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{email, name};

    #[test]
    fn addresses_are_kept_in_one_spelling() {
        assert_eq!(email(" Ada@Example.COM ").unwrap(), "ada@example.com");
        for wrong in ["", "ada", "@example.com", "ada@", "ada@.com", "a b@example.com", "ada@example.com\u{202e}"] {
            assert!(email(wrong).is_err(), "{wrong}");
        }
        assert!(email(&format!("{}@example.com", "a".repeat(250))).is_err());
    }

    #[test]
    fn names_are_one_line_of_plain_text() {
        assert_eq!(name("  Ada Lovelace ").unwrap(), "Ada Lovelace");
        for wrong in ["", " ", "a\nb", "a\u{202e}b", &"a".repeat(101)] {
            assert!(name(wrong).is_err(), "{wrong:?}");
        }
    }
}
