//! Sessions, as hashes of their tokens. What one may do is what its owner may, at every moment.

use crate::sql::Conn;
use crate::sql::error::Error;
use crate::sql::query::{query, query_scalar};
use opssight_core::id::PersonId;
use opssight_core::identity::{Owner, Role, SecretHash, Session};
use opssight_core::time::Timestamp;

/// Token, label, role, when it began and when it ends, and whose it is.
pub(super) type Row = (String, String, String, i64, i64, Option<String>, Option<String>);

pub(super) fn session((token, label, role, created_at, expires_at, person, email): Row) -> Result<Session, Error> {
    Ok(Session {
        token: SecretHash(token),
        label,
        owner: person.zip(email).map(|(id, email)| Owner { id: PersonId(id), email }),
        role: Role::parse(&role).ok_or(Error::Word(role))?,
        created_at: Timestamp(created_at),
        expires_at: Timestamp(expires_at),
    })
}

pub(super) async fn insert(conn: &mut Conn, session: &Session) -> Result<(), Error> {
    let insert = "INSERT INTO sessions (token, label, created_at, expires_at, role, person)
                  VALUES ($1, $2, $3, $4, $5, $6)";
    query(insert)
        .bind(session.token.0.as_str())
        .bind(session.label.as_str())
        .bind(session.created_at.0)
        .bind(session.expires_at.0)
        .bind(session.role.name())
        .bind(session.owner.as_ref().map(|owner| owner.id.as_str()))
        .execute(conn)
        .await?;
    Ok(())
}

/// Those of somebody.
pub(super) async fn of(conn: &mut Conn, person: &PersonId) -> Result<Vec<SecretHash>, Error> {
    let tokens: Vec<String> =
        query_scalar("SELECT token FROM sessions WHERE person = $1").bind(person.as_str()).fetch_all(conn).await?;
    Ok(tokens.into_iter().map(SecretHash).collect())
}
