//! People, and those who are invited.
//!
//! Whoever writes here takes the turn first ([`Conn::alone`](crate::sql::Conn::alone)): rows are held until the commit, and
//! hosts that took them in another order would wait for each other. No session of somebody begins meanwhile, either.

use super::sessions;
use crate::sql::Store;
use crate::sql::error::{Doing, Error};
use crate::sql::query::{query, query_as};
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::{InvitationId, PersonId};
use opssight_core::identity::{Invitation, PeopleStore, Person, PersonPatch, Role, SecretHash, Session};
use opssight_core::time::Timestamp;

type PersonRow = (String, String, String, String, i64, i64, Option<i64>);

fn person((id, email, name, role, suspended, created_at, signed_in_at): PersonRow) -> Result<Person, Error> {
    Ok(Person {
        id: PersonId(id),
        email,
        name,
        role: Role::parse(&role).ok_or(Error::Word(role))?,
        suspended: suspended != 0,
        created_at: Timestamp(created_at),
        signed_in_at: signed_in_at.map(Timestamp),
    })
}

type InvitationRow = (String, String, String, i64, String, i64);

fn invitation((id, email, role, created_at, created_by, expires_at): InvitationRow) -> Result<Invitation, Error> {
    Ok(Invitation {
        id: InvitationId(id),
        email,
        role: Role::parse(&role).ok_or(Error::Word(role))?,
        created_at: Timestamp(created_at),
        created_by,
        expires_at: Timestamp(expires_at),
    })
}

#[async_trait]
impl PeopleStore for Store {
    async fn people(&self) -> Result<Vec<Person>, StoreError> {
        const DOING: &str = "list the people";
        let list = "SELECT id, email, name, role, suspended, created_at, signed_in_at FROM people ORDER BY email";
        let rows: Vec<PersonRow> = query_as(list).fetch_all(&self.readers).await.doing(DOING)?;
        rows.into_iter().map(person).collect::<Result<_, _>>().doing(DOING)
    }

    async fn person(&self, id: &PersonId) -> Result<Option<Person>, StoreError> {
        const DOING: &str = "look up the person";
        let find = "SELECT id, email, name, role, suspended, created_at, signed_in_at FROM people WHERE id = $1";
        let row: Option<PersonRow> =
            query_as(find).bind(id.as_str()).fetch_optional(&self.readers).await.doing(DOING)?;
        row.map(person).transpose().doing(DOING)
    }

    async fn person_by_email(&self, email: &str) -> Result<Option<(Person, Option<String>)>, StoreError> {
        const DOING: &str = "look up the person";
        type Row = (String, String, String, String, i64, i64, Option<i64>, Option<String>);
        let find = "SELECT id, email, name, role, suspended, created_at, signed_in_at, password
                    FROM people WHERE email = $1";
        let row: Option<Row> = query_as(find).bind(email).fetch_optional(&self.readers).await.doing(DOING)?;
        let found = |(id, email, name, role, suspended, created_at, signed_in_at, password): Row| {
            Ok::<_, Error>((person((id, email, name, role, suspended, created_at, signed_in_at))?, password))
        };
        row.map(found).transpose().doing(DOING)
    }

    async fn change_person(&self, id: &PersonId, patch: &PersonPatch) -> Result<Option<Vec<SecretHash>>, StoreError> {
        self.write("change the person", (id.clone(), patch.clone()), |(id, patch), conn| {
            Box::pin(async move {
                conn.alone().await?;
                let change = "UPDATE people SET name = COALESCE($2, name), role = COALESCE($3, role),
                                     suspended = COALESCE($4, suspended) WHERE id = $1";
                let changed = query(change)
                    .bind(id.as_str())
                    .bind(patch.name.clone())
                    .bind(patch.role.map(Role::name))
                    .bind(patch.suspended.map(i64::from))
                    .execute(&mut *conn)
                    .await?;
                if changed == 0 {
                    return Ok(None);
                }
                let theirs = sessions::of(conn, id).await?;
                if patch.suspended == Some(true) {
                    // Whoever may sign in again later does so: what was stolen meanwhile must not come back to life.
                    query("DELETE FROM sessions WHERE person = $1").bind(id.as_str()).execute(conn).await?;
                }
                Ok(Some(theirs))
            })
        })
        .await
    }

    async fn remove_person(&self, id: &PersonId) -> Result<Option<Vec<SecretHash>>, StoreError> {
        self.write("remove the person", id.clone(), |id, conn| {
            Box::pin(async move {
                conn.alone().await?;
                let ended = sessions::of(conn, id).await?;
                let gone = query("DELETE FROM people WHERE id = $1").bind(id.as_str()).execute(conn).await?;
                Ok((gone > 0).then_some(ended))
            })
        })
        .await
    }

    async fn set_password(
        &self,
        id: &PersonId,
        (was, is): (&str, &str),
        keep: &SecretHash,
    ) -> Result<Option<Vec<SecretHash>>, StoreError> {
        let set = (id.clone(), was.to_owned(), is.to_owned(), keep.clone());
        self.write("keep the password", set, |(id, was, is, keep), conn| {
            Box::pin(async move {
                conn.alone().await?;
                let set = query("UPDATE people SET password = $3 WHERE id = $1 AND password = $2");
                let set = set.bind(id.as_str()).bind(was.as_str()).bind(is.as_str()).execute(&mut *conn).await?;
                if set == 0 {
                    return Ok(None);
                }
                let mut ended = sessions::of(conn, id).await?;
                ended.retain(|token| token != keep);
                let end = query("DELETE FROM sessions WHERE person = $1 AND token <> $2");
                end.bind(id.as_str()).bind(keep.0.as_str()).execute(conn).await?;
                Ok(Some(ended))
            })
        })
        .await
    }

    async fn begin_session(&self, session: &Session, password: &str, now: Timestamp) -> Result<bool, StoreError> {
        let begins = (session.clone(), password.to_owned(), now);
        self.write("keep the session", begins, |(session, password, now), conn| {
            Box::pin(async move {
                conn.alone().await?;
                let Some(owner) = &session.owner else { return Ok(false) };
                let may = "UPDATE people SET signed_in_at = $3 WHERE id = $1 AND password = $2 AND suspended = 0";
                let may = query(may).bind(owner.id.as_str()).bind(password.as_str()).bind(now.0);
                if may.execute(&mut *conn).await? == 0 {
                    return Ok(false);
                }
                query("DELETE FROM sessions WHERE expires_at <= $1").bind(now.0).execute(&mut *conn).await?;
                sessions::insert(conn, session).await?;
                Ok(true)
            })
        })
        .await
    }

    async fn invite(&self, new: &Invitation, token: &SecretHash) -> Result<bool, StoreError> {
        self.write("keep the invitation", (new.clone(), token.0.clone()), |(new, token), conn| {
            Box::pin(async move {
                conn.alone().await?;
                let insert = "INSERT INTO invitations (id, email, token, role, created_at, created_by, expires_at)
                              SELECT $1, $2, $3, $4, $5, $6, $7
                              WHERE NOT EXISTS (SELECT 1 FROM people WHERE email = $2)
                              ON CONFLICT (email) DO UPDATE SET id = excluded.id, token = excluded.token,
                                role = excluded.role, created_at = excluded.created_at,
                                created_by = excluded.created_by, expires_at = excluded.expires_at";
                let kept = query(insert)
                    .bind(new.id.as_str())
                    .bind(new.email.as_str())
                    .bind(token.as_str())
                    .bind(new.role.name())
                    .bind(new.created_at.0)
                    .bind(new.created_by.as_str())
                    .bind(new.expires_at.0)
                    .execute(&mut *conn)
                    .await?;
                query("DELETE FROM invitations WHERE expires_at <= $1").bind(new.created_at.0).execute(conn).await?;
                Ok(kept > 0)
            })
        })
        .await
    }

    async fn invitations(&self, now: Timestamp) -> Result<Vec<Invitation>, StoreError> {
        const DOING: &str = "list the invitations";
        let list = "SELECT id, email, role, created_at, created_by, expires_at FROM invitations
                    WHERE expires_at > $1 ORDER BY email";
        let rows: Vec<InvitationRow> = query_as(list).bind(now.0).fetch_all(&self.readers).await.doing(DOING)?;
        rows.into_iter().map(invitation).collect::<Result<_, _>>().doing(DOING)
    }

    async fn invitation(&self, token: &SecretHash, now: Timestamp) -> Result<Option<Invitation>, StoreError> {
        const DOING: &str = "look up the invitation";
        let find = "SELECT id, email, role, created_at, created_by, expires_at FROM invitations
                    WHERE token = $1 AND expires_at > $2";
        let row: Option<InvitationRow> =
            query_as(find).bind(token.0.as_str()).bind(now.0).fetch_optional(&self.readers).await.doing(DOING)?;
        row.map(invitation).transpose().doing(DOING)
    }

    async fn withdraw(&self, id: &InvitationId) -> Result<bool, StoreError> {
        self.write("take back the invitation", id.clone(), |id, conn| {
            Box::pin(async move {
                conn.alone().await?;
                Ok(query("DELETE FROM invitations WHERE id = $1").bind(id.as_str()).execute(conn).await? > 0)
            })
        })
        .await
    }

    async fn join(&self, by: &InvitationId, new: &Person, password: &str) -> Result<bool, StoreError> {
        let joins = (by.clone(), new.clone(), password.to_owned());
        self.write("let the person join", joins, |(by, new, password), conn| {
            Box::pin(async move {
                conn.alone().await?;
                let used = query("DELETE FROM invitations WHERE id = $1").bind(by.as_str()).execute(&mut *conn).await?;
                if used == 0 {
                    return Ok(false);
                }
                let insert = "INSERT INTO people (id, email, name, role, suspended, password, created_at)
                              VALUES ($1, $2, $3, $4, 0, $5, $6) ON CONFLICT (email) DO NOTHING";
                let joined = query(insert)
                    .bind(new.id.as_str())
                    .bind(new.email.as_str())
                    .bind(new.name.as_str())
                    .bind(new.role.name())
                    .bind(password.as_str())
                    .bind(new.created_at.0)
                    .execute(conn)
                    .await?;
                Ok(joined > 0)
            })
        })
        .await
    }
}
