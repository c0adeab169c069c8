//! People in memory. What is kept of a password is the password.

use super::Stubs;
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::{InvitationId, PersonId};
use opssight_core::identity::{
    AttemptStore, Invitation, Passwords, PeopleStore, Person, PersonPatch, SecretHash, Session, wait_after,
};
use opssight_core::time::Timestamp;
use std::collections::HashMap;
use std::sync::Mutex;

#[derive(Default)]
pub(crate) struct People {
    people: Mutex<Vec<(Person, String)>>,
    invitations: Mutex<Vec<(SecretHash, Invitation)>>,
    attempts: Mutex<HashMap<String, (u32, Timestamp)>>,
}

impl Stubs {
    fn sessions_of(&self, id: &PersonId) -> Vec<SecretHash> {
        let sessions = self.sessions.lock().unwrap();
        let is_theirs = |session: &&Session| session.owner.as_ref().is_some_and(|owner| owner.id == *id);
        sessions.iter().filter(is_theirs).map(|session| session.token.clone()).collect()
    }

    fn end(&self, tokens: &[SecretHash]) {
        self.sessions.lock().unwrap().retain(|session| !tokens.contains(&session.token));
    }
}

#[async_trait]
impl PeopleStore for Stubs {
    async fn people(&self) -> Result<Vec<Person>, StoreError> {
        Ok(self.people.people.lock().unwrap().iter().map(|(person, _)| person.clone()).collect())
    }
    async fn person(&self, id: &PersonId) -> Result<Option<Person>, StoreError> {
        let people = self.people.people.lock().unwrap();
        Ok(people.iter().find(|(person, _)| person.id == *id).map(|(person, _)| person.clone()))
    }
    async fn person_by_email(&self, email: &str) -> Result<Option<(Person, Option<String>)>, StoreError> {
        let people = self.people.people.lock().unwrap();
        let found = people.iter().find(|(person, _)| person.email == email);
        Ok(found.map(|(person, password)| (person.clone(), Some(password.clone()))))
    }
    async fn change_person(&self, id: &PersonId, patch: &PersonPatch) -> Result<Option<Vec<SecretHash>>, StoreError> {
        let changed = {
            let mut people = self.people.people.lock().unwrap();
            let found = people.iter_mut().find(|(person, _)| person.id == *id);
            found.map(|(person, _)| {
                person.name = patch.name.clone().unwrap_or_else(|| person.name.clone());
                person.role = patch.role.unwrap_or(person.role);
                person.suspended = patch.suspended.unwrap_or(person.suspended);
                person.clone()
            })
        };
        let Some(person) = changed else { return Ok(None) };
        let tokens = self.sessions_of(id);
        if person.suspended {
            self.end(&tokens);
        }
        for session in self.sessions.lock().unwrap().iter_mut().filter(|session| tokens.contains(&session.token)) {
            session.role = person.role;
        }
        Ok(Some(tokens))
    }
    async fn remove_person(&self, id: &PersonId) -> Result<Option<Vec<SecretHash>>, StoreError> {
        let tokens = self.sessions_of(id);
        self.end(&tokens);
        let mut people = self.people.people.lock().unwrap();
        let before = people.len();
        people.retain(|(person, _)| person.id != *id);
        Ok((people.len() < before).then_some(tokens))
    }
    async fn set_password(
        &self,
        id: &PersonId,
        (was, is): (&str, &str),
        keep: &SecretHash,
    ) -> Result<Option<Vec<SecretHash>>, StoreError> {
        let mut people = self.people.people.lock().unwrap();
        let Some((_, kept)) = people.iter_mut().find(|(person, kept)| person.id == *id && kept == was) else {
            return Ok(None);
        };
        *kept = is.to_owned();
        let mut ended = self.sessions_of(id);
        ended.retain(|token| token != keep);
        self.end(&ended);
        Ok(Some(ended))
    }
    async fn begin_session(&self, session: &Session, password: &str, _: Timestamp) -> Result<bool, StoreError> {
        let people = self.people.people.lock().unwrap();
        let owner = session.owner.as_ref().unwrap();
        let may = |(person, kept): &(Person, String)| person.id == owner.id && kept == password && !person.suspended;
        let may = people.iter().any(may);
        if may {
            self.sessions.lock().unwrap().push(session.clone());
        }
        Ok(may)
    }
    async fn invite(&self, invitation: &Invitation, token: &SecretHash) -> Result<bool, StoreError> {
        if self.person_by_email(&invitation.email).await?.is_some() {
            return Ok(false);
        }
        let mut invitations = self.people.invitations.lock().unwrap();
        invitations.retain(|(_, kept)| kept.email != invitation.email);
        invitations.push((token.clone(), invitation.clone()));
        Ok(true)
    }
    async fn invitations(&self, now: Timestamp) -> Result<Vec<Invitation>, StoreError> {
        let invitations = self.people.invitations.lock().unwrap();
        Ok(invitations.iter().map(|(_, kept)| kept.clone()).filter(|kept| kept.expires_at > now).collect())
    }
    async fn invitation(&self, token: &SecretHash, now: Timestamp) -> Result<Option<Invitation>, StoreError> {
        let invitations = self.people.invitations.lock().unwrap();
        let found = invitations.iter().find(|(kept, _)| kept == token).map(|(_, kept)| kept.clone());
        Ok(found.filter(|kept| kept.expires_at > now))
    }
    async fn withdraw(&self, id: &InvitationId) -> Result<bool, StoreError> {
        let mut invitations = self.people.invitations.lock().unwrap();
        let before = invitations.len();
        invitations.retain(|(_, kept)| kept.id != *id);
        Ok(invitations.len() < before)
    }
    async fn join(&self, by: &InvitationId, person: &Person, password: &str) -> Result<bool, StoreError> {
        let is_good = self.withdraw(by).await?;
        if is_good {
            self.people.people.lock().unwrap().push((person.clone(), password.to_owned()));
        }
        Ok(is_good)
    }
}

#[async_trait]
impl Passwords for Stubs {
    async fn keep(&self, password: &str) -> Result<String, StoreError> {
        Ok(password.to_owned())
    }
    async fn is(&self, password: &str, kept: Option<&str>) -> Result<bool, StoreError> {
        Ok(kept == Some(password))
    }
    fn weakness(&self, password: &str, _: &[&str]) -> Option<String> {
        (password.len() < 12).then(|| "must have at least 12 characters".to_owned())
    }
}

#[async_trait]
impl AttemptStore for Stubs {
    async fn attempt(&self, account: &SecretHash, now: Timestamp) -> Result<Result<(), Timestamp>, StoreError> {
        let mut attempts = self.people.attempts.lock().unwrap();
        let (count, until) = attempts.entry(account.0.clone()).or_default();
        if *until > now {
            return Ok(Err(*until));
        }
        *count += 1;
        *until = now.plus_micros(i64::try_from(wait_after(*count).as_micros()).unwrap());
        Ok(Ok(()))
    }
    async fn succeeded(&self, account: &SecretHash) -> Result<(), StoreError> {
        self.people.attempts.lock().unwrap().remove(&account.0);
        Ok(())
    }
}
