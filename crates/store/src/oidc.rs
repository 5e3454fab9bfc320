//! People who sign in through an identity provider, and who of them is signed in.

use model::Timestamp;

use crate::{Db, StoreError, column};

/// Somebody whom an identity provider knows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OidcPerson {
    /// The provider's name of them, which is given to no other.
    pub subject: String,
    /// Under which is written down what they do.
    pub name: String,
    /// What they are here for.
    pub role: String,
}

/// That somebody is signed in through an identity provider.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OidcSession {
    /// Under which is written down what they do.
    pub name: String,
    /// What they are here for until it ends.
    pub role: String,
    /// When it was last heard of.
    pub seen_at: Timestamp,
}

/// Somebody who came through an identity provider, and whether they are signed in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OidcPresence {
    /// Under which is written down what they do.
    pub name: String,
    /// What they were here for when they last came.
    pub role: String,
    /// When they first came.
    pub first_at: Timestamp,
    /// When they last came.
    pub last_at: Timestamp,
    /// How many sessions of theirs go on.
    pub sessions: u32,
    /// When one of these was last heard of, if there is one.
    pub seen_at: Option<Timestamp>,
}

impl Db {
    /// Lets somebody in; answers the name under which is written down what they do: the one they first came by. Nothing,
    /// and nobody is let in, if it is somebody else's.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn oidc_admit(
        &self,
        person: &OidcPerson,
        session: &str,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        const WHAT: &str = "let somebody in through an identity provider";
        let mut tx = self.begin(WHAT).await?;
        let others: Option<i64> =
            sqlx::query_scalar("select 1 from oidc_person where name = $1 and subject <> $2")
                .bind(&*person.name)
                .bind(&*person.subject)
                .fetch_optional(&mut *tx)
                .await
                .map_err(StoreError::statement(WHAT))?;
        let is_known: Option<i64> =
            sqlx::query_scalar("select 1 from oidc_person where subject = $1")
                .bind(&*person.subject)
                .fetch_optional(&mut *tx)
                .await
                .map_err(StoreError::statement(WHAT))?;
        if others.is_some() && is_known.is_none() {
            return Ok(None);
        }
        let name: String = sqlx::query_scalar(
            "insert into oidc_person (subject, name, role, first_at, last_at)
             values ($1, $2, $3, $4, $4)
             on conflict (subject) do update set role = excluded.role, last_at = excluded.last_at
             returning name",
        )
        .bind(&*person.subject)
        .bind(&*person.name)
        .bind(&*person.role)
        .bind(now.as_micros())
        .fetch_one(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        sqlx::query(
            "insert into oidc_session (id, subject, role, began_at, seen_at) values ($1, $2, $3, $4, $4)",
        )
        .bind(session)
        .bind(&*person.subject)
        .bind(&*person.role)
        .bind(now.as_micros())
        .execute(&mut *tx)
        .await
        .map_err(StoreError::statement(WHAT))?;
        tx.commit().await.map_err(StoreError::statement(WHAT))?;
        Ok(Some(name))
    }

    /// Whose session it is, if it began after `began_after` and was heard of after `seen_after`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn oidc_session(
        &self,
        session: &str,
        began_after: Timestamp,
        seen_after: Timestamp,
    ) -> Result<Option<OidcSession>, StoreError> {
        let row: Option<(String, String, i64)> = sqlx::query_as(
            "select person.name, held.role, held.seen_at
             from oidc_session as held
             join oidc_person as person on person.subject = held.subject
             where held.id = $1 and held.began_at > $2 and held.seen_at > $3",
        )
        .bind(session)
        .bind(began_after.as_micros())
        .bind(seen_after.as_micros())
        .fetch_optional(self.reader())
        .await
        .map_err(StoreError::statement("look for a session"))?;
        Ok(row.map(|(name, role, seen_at)| OidcSession {
            name,
            role,
            seen_at: Timestamp::from_micros(seen_at),
        }))
    }

    /// Notes that a session was heard of.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn oidc_session_seen(&self, session: &str, now: Timestamp) -> Result<(), StoreError> {
        sqlx::query("update oidc_session set seen_at = $2 where id = $1 and seen_at < $2")
            .bind(session)
            .bind(now.as_micros())
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("note a session"))?;
        Ok(())
    }

    /// Ends a session.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn oidc_session_end(&self, session: &str) -> Result<(), StoreError> {
        sqlx::query("delete from oidc_session where id = $1")
            .bind(session)
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("end a session"))?;
        Ok(())
    }

    /// Everybody who ever came through an identity provider, by name: sessions count that began after `began_after` and
    /// were heard of after `seen_after`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn oidc_people(
        &self,
        began_after: Timestamp,
        seen_after: Timestamp,
    ) -> Result<Vec<OidcPresence>, StoreError> {
        let rows: Vec<(String, String, i64, i64, i64, Option<i64>)> = sqlx::query_as(
            "select person.name, person.role, person.first_at, person.last_at,
                    count(held.id), max(held.seen_at)
             from oidc_person as person
             left join oidc_session as held
               on held.subject = person.subject and held.began_at > $1 and held.seen_at > $2
             group by person.name, person.role, person.first_at, person.last_at
             order by person.name",
        )
        .bind(began_after.as_micros())
        .bind(seen_after.as_micros())
        .fetch_all(self.reader())
        .await
        .map_err(StoreError::statement("look who came through a provider"))?;
        rows.into_iter()
            .map(|(name, role, first_at, last_at, sessions, seen_at)| {
                Ok(OidcPresence {
                    name,
                    role,
                    first_at: Timestamp::from_micros(first_at),
                    last_at: Timestamp::from_micros(last_at),
                    sessions: column::count("oidc_session.count", sessions)?,
                    seen_at: seen_at.map(Timestamp::from_micros),
                })
            })
            .collect()
    }

    /// Signs somebody out everywhere who came through an identity provider; false if nobody of that name did.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn oidc_sessions_end(&self, name: &str) -> Result<bool, StoreError> {
        const WHAT: &str = "sign somebody out who came through a provider";
        let mut tx = self.begin(WHAT).await?;
        let subject: Option<String> =
            sqlx::query_scalar("select subject from oidc_person where name = $1")
                .bind(name)
                .fetch_optional(&mut *tx)
                .await
                .map_err(StoreError::statement(WHAT))?;
        let Some(subject) = subject else {
            return Ok(false);
        };
        sqlx::query("delete from oidc_session where subject = $1")
            .bind(subject)
            .execute(&mut *tx)
            .await
            .map_err(StoreError::statement(WHAT))?;
        tx.commit().await.map_err(StoreError::statement(WHAT))?;
        Ok(true)
    }

    /// Forgets sessions that were not heard of since `before`; answers how many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn oidc_sessions_forget(&self, before: Timestamp) -> Result<u64, StoreError> {
        let forgotten = sqlx::query("delete from oidc_session where seen_at < $1")
            .bind(before.as_micros())
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("forget sessions"))?;
        Ok(forgotten.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_stays_with_whom_it_was_first() {
        let (_folder, db) = crate::testing::database().await;
        let person = |subject: &str, name: &str| OidcPerson {
            subject: subject.to_owned(),
            name: name.to_owned(),
            role: "viewer".to_owned(),
        };
        let now = Timestamp::from_secs(1_000);
        let admit = async |person: &OidcPerson, id: &str| db.oidc_admit(person, id, now).await;
        let ada = person("1", "oidc:ada");
        assert_eq!(admit(&ada, "a").await.unwrap().unwrap(), "oidc:ada");
        // The provider gives the name to another, who is not who did what is written down under it.
        assert_eq!(admit(&person("2", "oidc:ada"), "b").await.unwrap(), None);
        let renamed = person("1", "oidc:lovelace");
        let again = OidcPerson {
            role: "auditor".to_owned(),
            ..renamed
        };
        assert_eq!(admit(&again, "c").await.unwrap().unwrap(), "oidc:ada");

        let before = Timestamp::from_secs(1);
        let role = async |id: &str| {
            let held = db.oidc_session(id, before, before).await.unwrap();
            held.map(|held| held.role)
        };
        assert_eq!(role("a").await.unwrap(), "viewer");
        assert_eq!(role("c").await.unwrap(), "auditor");
        assert_eq!(role("b").await, None);
        assert_eq!(db.oidc_session("a", now, before).await.unwrap(), None);
        assert_eq!(db.oidc_session("a", before, now).await.unwrap(), None);
        db.oidc_session_end("a").await.unwrap();
        assert_eq!(role("a").await, None);
        assert!(!db.oidc_sessions_end("oidc:bob").await.unwrap());
        let later = Timestamp::from_secs(2_000);
        db.oidc_session_seen("c", later).await.unwrap();
        assert_eq!(db.oidc_sessions_forget(later).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn somebody_is_signed_out_everywhere_and_nobody_else() {
        let (_folder, db) = crate::testing::database().await;
        let now = Timestamp::from_secs(1_000);
        for (subject, name, id) in [
            ("1", "oidc:ada", "a"),
            ("1", "oidc:ada", "b"),
            ("2", "oidc:bob", "c"),
        ] {
            let person = OidcPerson {
                subject: subject.to_owned(),
                name: name.to_owned(),
                role: "viewer".to_owned(),
            };
            db.oidc_admit(&person, id, now).await.unwrap();
        }
        let before = Timestamp::from_secs(1);
        let sessions = async |seen_after| {
            let people = db.oidc_people(before, seen_after).await.unwrap();
            let told = people
                .into_iter()
                .map(|it| (it.name, it.sessions, it.seen_at));
            told.collect::<Vec<_>>()
        };
        let ada = || "oidc:ada".to_owned();
        let bob = ("oidc:bob".to_owned(), 1, Some(now));
        assert_eq!(sessions(before).await, [(ada(), 2, Some(now)), bob.clone()]);
        // Those that nobody has heard of for long have ended by themselves.
        assert_eq!(sessions(now).await[0], (ada(), 0, None));
        assert!(db.oidc_sessions_end("oidc:ada").await.unwrap());
        assert_eq!(sessions(before).await, [(ada(), 0, None), bob]);
        // Who is signed in no more is known still.
        assert!(db.oidc_sessions_end("oidc:ada").await.unwrap());
    }
}
