//! Rights that one process at a time has, and loses when it is silent for too long.

use std::time::Duration;

use model::Timestamp;

use crate::{Db, StoreError};

/// A right that was had. It may be lost: only [`Db::right_renew`] tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Right {
    name: String,
    owner: String,
    fence: i64,
}

/// What became of asking for a right.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Claimed {
    /// It is had.
    Had(Right),
    /// Somebody else has it.
    Taken {
        /// Who.
        owner: String,
    },
}

impl Db {
    /// Takes the right `name` for `owner` and for `lasting`, unless somebody has it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn right_claim(
        &self,
        name: &str,
        owner: &str,
        lasting: Duration,
    ) -> Result<Claimed, StoreError> {
        // The time is the database's: the clocks of several machines differ, and a right ends for all at once.
        let now = self.now().await?;
        let fence: Option<i64> = sqlx::query_scalar(
            "insert into lease (name, owner, fence, expires_at)
             values ($1, $2, 1, $3)
             on conflict (name) do update
             set owner = excluded.owner, fence = lease.fence + 1, expires_at = excluded.expires_at
             where lease.expires_at <= $4
             returning fence",
        )
        .bind(name)
        .bind(owner)
        .bind(now.plus(lasting).as_micros())
        .bind(now.as_micros())
        .fetch_optional(self.writer())
        .await
        .map_err(StoreError::statement("claim a right"))?;
        if let Some(fence) = fence {
            return Ok(Claimed::Had(Right {
                name: name.to_owned(),
                owner: owner.to_owned(),
                fence,
            }));
        }
        let owner: String = sqlx::query_scalar("select owner from lease where name = $1")
            .bind(name)
            .fetch_one(self.writer())
            .await
            .map_err(StoreError::statement("read who has a right"))?;
        Ok(Claimed::Taken { owner })
    }

    /// Has the right last for `lasting` from now on; answers whether it was had still.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn right_renew(&self, right: &Right, lasting: Duration) -> Result<bool, StoreError> {
        let now = self.now().await?;
        let renewed = sqlx::query(
            "update lease
             set expires_at = $3
             where name = $1 and fence = $2
             and expires_at > $4",
        )
        .bind(&right.name)
        .bind(right.fence)
        .bind(now.plus(lasting).as_micros())
        .bind(now.as_micros())
        .execute(self.writer())
        .await
        .map_err(StoreError::statement("renew a right"))?;
        Ok(renewed.rows_affected() == 1)
    }

    /// Gives the right back; nothing happens if it was lost.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn right_release(&self, right: &Right) -> Result<(), StoreError> {
        sqlx::query("update lease set expires_at = 0 where name = $1 and fence = $2")
            .bind(&right.name)
            .bind(right.fence)
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("release a right"))?;
        Ok(())
    }

    /// Ends the right `name` of `owner`, a process that is known to be gone.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn right_lapse(&self, name: &str, owner: &str) -> Result<(), StoreError> {
        sqlx::query("update lease set expires_at = 0 where name = $1 and owner = $2")
            .bind(name)
            .bind(owner)
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("end a right"))?;
        Ok(())
    }

    /// Forgets the rights whose names begin with `prefix` and that ended before `limit`. Their fences begin anew: not for
    /// rights that somebody checks a fence of.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn rights_forget(&self, prefix: &str, limit: Timestamp) -> Result<(), StoreError> {
        sqlx::query("delete from lease where name like $1 || '%' and expires_at < $2")
            .bind(prefix)
            .bind(limit.as_micros())
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("forget rights"))?;
        Ok(())
    }

    /// Ends all rights of `owner`, a process that ends.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn rights_end(&self, owner: &str) -> Result<(), StoreError> {
        sqlx::query("update lease set expires_at = 0 where owner = $1 and expires_at > 0")
            .bind(owner)
            .execute(self.writer())
            .await
            .map_err(StoreError::statement("end the rights of a process"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    async fn claim(db: &Db, owner: &str, lasting: Duration) -> Claimed {
        db.right_claim("repository", owner, lasting).await.unwrap()
    }

    fn had(claimed: Claimed) -> Right {
        match claimed {
            Claimed::Had(right) => right,
            Claimed::Taken { owner } => panic!("{owner} has it"),
        }
    }

    #[tokio::test]
    async fn one_at_a_time_has_a_right_and_who_lost_it_cannot_renew_it() {
        let (_folder, db) = crate::testing::database().await;
        let first = had(claim(&db, "one", LONG).await);
        let taken = Claimed::Taken {
            owner: "one".to_owned(),
        };
        assert_eq!(claim(&db, "two", LONG).await, taken);
        // Not even under the same name: two threads of one process are two.
        assert_eq!(claim(&db, "one", LONG).await, taken);
        assert!(db.right_renew(&first, LONG).await.unwrap());
        db.right_release(&first).await.unwrap();
        assert!(!db.right_renew(&first, LONG).await.unwrap());

        let second = had(claim(&db, "two", LONG).await);
        assert!(second.fence > first.fence);
        db.right_release(&first).await.unwrap();
        assert!(db.right_renew(&second, LONG).await.unwrap());
        db.right_lapse("repository", "one").await.unwrap();
        assert!(db.right_renew(&second, LONG).await.unwrap());
        db.right_lapse("repository", "two").await.unwrap();
        had(claim(&db, "three", LONG).await);
        db.rights_end("two").await.unwrap();
        assert!(matches!(
            claim(&db, "four", LONG).await,
            Claimed::Taken { .. }
        ));
        db.rights_end("three").await.unwrap();
        let fourth = had(claim(&db, "four", LONG).await);
        let later = db.now().await.unwrap();
        db.rights_forget("repo", later).await.unwrap();
        assert!(db.right_renew(&fourth, LONG).await.unwrap(), "it lasts");
        db.right_release(&fourth).await.unwrap();
        db.rights_forget("other", later).await.unwrap();
        assert!(had(claim(&db, "five", Duration::ZERO).await).fence > 1);
        db.rights_forget("repo", later.plus(LONG)).await.unwrap();
        assert_eq!(had(claim(&db, "six", LONG).await).fence, 1);
    }

    #[tokio::test]
    async fn a_right_ends_when_its_time_is_over() {
        let (_folder, db) = crate::testing::database().await;
        let slow = had(claim(&db, "slow", Duration::ZERO).await);
        let next = had(claim(&db, "next", LONG).await);
        assert!(!db.right_renew(&slow, LONG).await.unwrap());
        assert!(db.right_renew(&next, LONG).await.unwrap());
    }
}
